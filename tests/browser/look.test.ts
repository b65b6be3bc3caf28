import { mkdirSync } from "node:fs";
import { join } from "node:path";
import axe from "axe-core";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { BUNDLE } from "../../scripts/paths.ts";
import type { PageServer } from "./open-page.ts";
import { goTo, orSkipped, PATIENCE_MS, servePage, signIn, whyNoChromium } from "./open-page.ts";

const VIEWS = ["race", "explorer", "guide", "guide/websocket", "chat", "orders", "delivery"] as const;
const WIDTHS = [375, 768, 1440] as const;
const THEMES = ["light", "dark"] as const;
/** For people to look at; not kept in the repository. */
const SCREENSHOTS = join(BUNDLE, "..", "screenshots");
/** Of everything that the first view needs, as it is sent here: gzip. */
const MAX_FIRST_BYTES = 56 * 1024;
const MAX_FIRST_REQUESTS = 10;

interface Violation {
  readonly id: string;
  readonly impact: string;
  readonly nodes: readonly { readonly target: readonly string[]; readonly failureSummary: string }[];
}

/** What axe finds wrong, as lines to read. */
async function findFaults(page: Page): Promise<readonly string[]> {
  await page.evaluate(axe.source);
  const { violations } = (await page.evaluate("axe.run(document, { resultTypes: ['violations'] })")) as {
    violations: readonly Violation[];
  };
  return violations.flatMap(({ id, impact, nodes }) =>
    nodes.map(({ target, failureSummary }) => `${impact} ${id} ${target.join(" ")}: ${failureSummary}`),
  );
}

/** By how many pixels the page is wider than its window. */
const overflow = (page: Page) =>
  page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth");

describe.skipIf(whyNoChromium)(orSkipped("the look of the page", whyNoChromium), () => {
  let server: PageServer;
  let page: Page;
  beforeAll(async () => {
    mkdirSync(SCREENSHOTS, { recursive: true });
    server = await servePage({ withGateway: true });
    page = await server.open("race");
  }, 60_000);
  afterAll(() => server?.stop());

  it("needs few bytes and few requests until it is shown, and fetches a lane's library when that lane starts", async () => {
    const fresh = await server.open("race");
    const loaded = (await fresh.evaluate(
      `performance.getEntriesByType("resource").concat(performance.getEntriesByType("navigation")).map(({ name, transferSize }) => ({ name, transferSize }))`,
    )) as { name: string; transferSize: number }[];
    const bytes = loaded.reduce((sum, { transferSize }) => sum + transferSize, 0);
    console.log(`first view: ${loaded.length} requests, ${bytes} bytes`);
    expect(loaded.map(({ name }) => name).filter((name) => !name.startsWith(server.url))).toEqual([]);
    expect(loaded.length).toBeLessThanOrEqual(MAX_FIRST_REQUESTS);
    expect(bytes).toBeLessThanOrEqual(MAX_FIRST_BYTES);
    const [paint] = (await fresh.evaluate(
      `performance.getEntriesByName("first-contentful-paint").map(({ startTime }) => startTime)`,
    )) as number[];
    console.log(`first contentful paint: ${Math.round(paint ?? Number.NaN)} ms`);
    expect(paint).toBeLessThan(3000);
    const library = fresh.waitForRequest(/mqtt/);
    await fresh.getByRole("button", { name: "Start the race" }).click();
    await library;
    await fresh.context().close();
  });

  it("has something to look at: a race that runs, a call that was made, an order that was shipped", async () => {
    await signIn(page, "ada");
    await page.getByRole("button", { name: "Start the race" }).click();
    const remarks = page.locator("[data-lane=sse] [data-label=received]");
    await expect.poll(() => remarks.innerText(), { timeout: PATIENCE_MS }).toMatch(/[1-9]\d/);
    // As a signed-in user too: each wire has its own way to carry the token.
    const isLive = (state: string | null) => state === "live";
    await expect
      .poll(
        async () =>
          (
            await page
              .locator("[data-lane]")
              .evaluateAll((rows) => rows.map((row) => row.getAttribute("data-state")))
          ).every(isLive),
        { timeout: PATIENCE_MS },
      )
      .toBe(true);
    await page.getByRole("button", { name: "Cut gRPC-Web" }).click();
    await goTo(page, server.url, "orders");
    await page.getByRole("button", { name: "Put some products on it" }).click();
    await page.getByRole("button", { name: "More of Patch cable" }).click();
    await page.getByRole("button", { name: "Place the order" }).click();
    await page.locator('[data-status="shipped"]').waitFor();
    await goTo(page, server.url, "chat");
    await page.getByRole("textbox", { name: "Message" }).fill("Does this cable carry MQTT too?");
    await page.getByRole("button", { name: "Send" }).click();
    await page.locator(".message:not(.unsent)").waitFor();
    await goTo(page, server.url, "delivery");
    await page.getByRole("button", { name: "Add a job" }).click();
    await page.getByRole("button", { name: "Take one" }).click();
    await page.getByText("attempt 1").waitFor();
  });

  for (const view of VIEWS) {
    it(`has nothing for axe to say about ${view}, fits every width, and is photographed`, async () => {
      await goTo(page, server.url, view);
      if (view === "explorer") {
        await page.getByRole("button", { name: "Send" }).click();
        await page.locator(".entry.in").nth(1).waitFor();
      }
      const faults: string[] = [];
      for (const theme of THEMES) {
        await page.emulateMedia({ colorScheme: theme, reducedMotion: "reduce" });
        for (const width of WIDTHS) {
          await page.setViewportSize({ width, height: width < 500 ? 812 : 900 });
          if (width !== 768)
            for (const fault of await findFaults(page)) faults.push(`${theme} ${width}: ${fault}`);
          const wider = await overflow(page);
          if (wider !== 0) faults.push(`${theme} ${width}: wider by ${wider} pixels`);
          const path = join(SCREENSHOTS, `${view.replace("/", "-")}-${width}-${theme}.png`);
          await page.screenshot({ path, fullPage: true });
        }
      }
      expect(faults).toEqual([]);
    });
  }

  it("can be used by keyboard alone", async () => {
    await page.setViewportSize({ width: 1280, height: 900 });
    await goTo(page, server.url, "guide");
    await page.reload();
    await page.locator("main h1").waitFor();
    await page.keyboard.press("Tab");
    expect(await page.evaluate("document.activeElement.textContent")).toBe("Skip to content");
    await page.keyboard.press("Enter");
    expect(await page.evaluate("document.activeElement.id")).toBe("main");
    await page.getByRole("link", { name: "Explorer" }).focus();
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "Explorer" }).waitFor();
    expect(await page.evaluate("document.activeElement.id")).toBe("main");
    await page.getByRole("tab", { name: "Shell" }).focus();
    await page.keyboard.press("ArrowRight");
    expect(await page.getByRole("tab", { name: "JavaScript" }).getAttribute("aria-selected")).toBe("true");
  });

  it("keeps the theme that was chosen, and shows it before anything else", async () => {
    await page.emulateMedia({ colorScheme: "light" });
    const background = () => page.evaluate("getComputedStyle(document.body).backgroundColor");
    const light = await background();
    await page.getByRole("button", { name: "Use the dark theme" }).click();
    const dark = await background();
    expect(dark).not.toBe(light);
    await page.reload({ waitUntil: "commit" });
    await page.waitForFunction("document.body !== null");
    expect(await background()).toBe(dark);
    await page.getByRole("button", { name: "Use the light theme" }).click();
    expect(await background()).toBe(light);
  });

  it("shows the same guide as the server gives to programs", async () => {
    const guide = (await (await fetch(`${server.url}/guide`)).json()) as {
      uses: { id: string; name: string }[];
      protocols: { id: string; name: string; fits: Record<string, { grade: string }> }[];
    };
    await goTo(page, server.url, "guide");
    const labels = await page
      .locator(".matrix button")
      .evaluateAll((all) => all.map((one) => one.getAttribute("aria-label")));
    const expected = guide.protocols.flatMap(({ name, fits }) =>
      guide.uses.map((use) => `${name} for ${use.name}: ${fits[use.id]?.grade}`),
    );
    expect(labels).toEqual(expected);
    await page.locator("select[name=use]").selectOption("iot");
    await page.locator("select[name=client]").selectOption("device");
    await page.getByRole("heading", { name: "Take MQTT" }).waitFor();
    expect(server.complaints).toEqual([]);
  });
});
