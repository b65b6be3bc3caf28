import type { Browser, BrowserContextOptions, Page } from "playwright-core";
import { chromium } from "playwright-core";
import type { ServedTarget } from "../conformance/serve-target.ts";
import { serveTarget } from "../conformance/serve-target.ts";

export { whyNoChromium } from "../conformance/chromium.ts";
export { orSkipped } from "../conformance/missing.ts";

const PATH = "/usr/bin/chromium";
/** Generous: the machine may have other things to do. */
export const PATIENCE_MS = 30_000;

export interface PageServer extends ServedTarget {
  /** A window of its own: what one signs in as, or chooses, stays in it. Through the gateway where its URL is given. */
  open(view: string, options?: BrowserContextOptions, url?: string): Promise<Page>;
  /** What any page of this server said on its console that is a warning or worse. */
  readonly complaints: readonly string[];
}

/** The server, and a Chromium to open its page in. One for each file of tests. */
export async function servePage({ withGateway = false } = {}): Promise<PageServer> {
  const target = await serveTarget({ HEARTBEAT_SECONDS: "2" }, { withGateway });
  const browser: Browser = await chromium.launch({
    executablePath: PATH,
    args: ["--no-sandbox", "--disable-gpu"],
  });
  const complaints: string[] = [];
  return {
    ...target,
    complaints,
    async open(view, options = {}, url = target.url) {
      const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
      const page = await context.newPage();
      page.setDefaultTimeout(PATIENCE_MS);
      page.on("console", (message) => {
        if (message.type() === "error" || message.type() === "warning") complaints.push(message.text());
      });
      page.on("pageerror", (error) => complaints.push(String(error)));
      await goTo(page, url, view);
      return page;
    },
    async stop() {
      await browser.close();
      await target.stop();
    },
  };
}

/** Opens a view, and waits until it is shown. */
export async function goTo(page: Page, url: string, view: string): Promise<void> {
  await page.goto(`${url}/#/${view}`);
  await page.locator("main h1").waitFor();
}

/** Signs in at the top of the page. */
export async function signIn(page: Page, name: string, isAdmin = false): Promise<void> {
  const bar = page.locator("header");
  await bar.getByRole("button", { name: "Sign in" }).click();
  await bar.getByLabel("Name").fill(name);
  if (isAdmin) await bar.getByLabel("As an administrator").check();
  await bar.locator("form button[type=submit]").click();
  await bar.getByRole("button", { name }).waitFor();
}
