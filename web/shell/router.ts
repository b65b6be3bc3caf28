import { signal } from "@preact/signals";

/** The views, in the order of the tabs. */
export const VIEWS = ["race", "explorer", "guide", "chat", "orders", "delivery"] as const;
export type View = (typeof VIEWS)[number];

export interface Route {
  readonly view: View;
  /** What follows the view, such as the protocol in `#/guide/websocket`; empty where nothing does. */
  readonly rest: string;
}

/** Where the page is. It is in the fragment: one document serves all views, and a link to a view can be sent on. */
export const route = signal<Route>(parseRoute(location.hash));

addEventListener("hashchange", () => {
  route.value = parseRoute(location.hash);
});

/** Reads `#/view/rest`; anything else is the first view. */
function parseRoute(hash: string): Route {
  const [, view = "", rest = ""] = /^#\/([a-z]+)(?:\/(.*))?$/.exec(hash) ?? [];
  const known = VIEWS.find((name) => name === view);
  if (known === undefined) return { view: VIEWS[0], rest: "" };
  try {
    return { view: known, rest: decodeURIComponent(rest) };
  } catch {
    return { view: known, rest: "" };
  }
}
