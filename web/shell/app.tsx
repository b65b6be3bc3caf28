import type { ComponentType } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { RaceView } from "../race/race-view.tsx";
import type { IconName } from "./icons.tsx";
import { Icon } from "./icons.tsx";
import { LazyView } from "./lazy-view.tsx";
import type { View } from "./router.ts";
import { route, VIEWS } from "./router.ts";
import { capabilities, hasDoor, loadCapabilities } from "./server.ts";
import { Account } from "./sign-in.tsx";
import { theme, toggleTheme } from "./theme.ts";

interface ViewEntry {
  readonly title: string;
  readonly icon: IconName;
  /** What is shown; all but the first are files of their own, fetched when they are first opened. */
  readonly load: () => Promise<ComponentType>;
  /** The doors that it cannot do without. */
  readonly needs: readonly string[];
}

const ENTRIES: Readonly<Record<View, ViewEntry>> = {
  race: { title: "Race", icon: "race", load: async () => RaceView, needs: ["http"] },
  explorer: {
    title: "Explorer",
    icon: "explorer",
    load: async () => (await import("../applications.ts")).ExplorerView,
    needs: [],
  },
  guide: {
    title: "Guide",
    icon: "guide",
    load: async () => (await import("../guide/guide-view.tsx")).GuideView,
    needs: [],
  },
  chat: {
    title: "Chat",
    icon: "chat",
    load: async () => (await import("../applications.ts")).ChatView,
    needs: ["http", "websocket"],
  },
  orders: {
    title: "Orders",
    icon: "orders",
    load: async () => (await import("../applications.ts")).OrdersView,
    needs: ["rest"],
  },
  delivery: {
    title: "Delivery",
    icon: "delivery",
    load: async () => (await import("../applications.ts")).DeliveryView,
    needs: ["webhooks", "queue"],
  },
};

/** The views that this server has the doors for. */
function listViews(): readonly View[] {
  return VIEWS.filter((name) => ENTRIES[name].needs.every(hasDoor));
}

/** The whole page: the bar, one view, the foot. */
export function App() {
  const views = listViews();
  const view = views.find((name) => name === route.value.view) ?? views[0] ?? "guide";
  const { title, load } = ENTRIES[view];
  const main = useRef<HTMLElement>(null);
  const isFirst = useRef(true);
  useEffect(() => void loadCapabilities().catch(() => undefined), []);
  // Who changes the view by keyboard goes on in it, and who listens is told where they are.
  // biome-ignore lint/correctness/useExhaustiveDependencies: it runs when the view changes
  useEffect(() => {
    document.title = `${title} · Everywire`;
    if (!isFirst.current) main.current?.focus({ preventScroll: true });
    if (!isFirst.current) scrollTo({ top: 0 });
    isFirst.current = false;
  }, [view]);
  // The fragment is the view's, so this is no link into the page.
  const skip = () => main.current?.focus();
  return (
    <>
      <button type="button" class="skip" onClick={skip}>
        Skip to content
      </button>
      <Bar view={view} views={views} />
      <main id="main" class="view" tabIndex={-1} ref={main} aria-label={title}>
        <LazyView key={view} load={load} />
      </main>
      <Foot />
    </>
  );
}

function Bar({ view, views }: { readonly view: View; readonly views: readonly View[] }) {
  const isDark = theme.value === "dark";
  return (
    <header class="bar">
      <a class="brand" href="#/race" aria-label="Everywire">
        <svg class="brand-mark" viewBox="0 0 32 32" aria-hidden="true">
          <path d="M3 8h7c7 0 5 8 12 8h7M3 16h26M3 24h7c7 0 5-8 12-8" />
        </svg>
        <span>Everywire</span>
      </a>
      <nav class="tabs" aria-label="Views">
        {views.map((name) => (
          <a key={name} href={`#/${name}`} aria-current={name === view ? "page" : undefined}>
            <Icon name={ENTRIES[name].icon} />
            {ENTRIES[name].title}
          </a>
        ))}
      </nav>
      <div class="bar-end">
        <button
          type="button"
          class="button quiet icon-button"
          onClick={toggleTheme}
          aria-label={isDark ? "Use the light theme" : "Use the dark theme"}
        >
          <Icon name={isDark ? "sun" : "moon"} />
        </button>
        <Account />
      </div>
    </header>
  );
}

function Foot() {
  const { version } = capabilities.value ?? {};
  return (
    <footer class="foot">
      <span>Everywire{version === undefined ? "" : ` ${version}`}</span>
      {hasDoor("rest") && <a href="/docs">REST API</a>}
      {hasDoor("graphql") && <a href="/graphql">GraphiQL</a>}
      {hasDoor("rest") && <a href="/openapi.json">OpenAPI</a>}
      <a href="/capabilities">Capabilities</a>
    </footer>
  );
}
