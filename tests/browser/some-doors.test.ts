import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { buildIfStale } from "../../scripts/build.ts";
import type { Served } from "../../scripts/serve.ts";
import { serve } from "../../scripts/serve.ts";
import { launchChromium, orSkipped, PATIENCE_MS, whyNoChromium } from "./open-page.ts";

describe.skipIf(whyNoChromium)(orSkipped("the page of a Worker with some doors", whyNoChromium), () => {
  const doors = ["page", "http", "sse"];
  let stateDirectory = "";
  let served: Served;
  let browser: Browser;
  beforeAll(async () => {
    await buildIfStale({ doors });
    stateDirectory = mkdtempSync(join(tmpdir(), "everywire-page-"));
    served = await serve({
      port: 0,
      doors,
      stateDirectory,
      environment: { ANONYMOUS_CHANNELS: "demo/**", RATE_LIMITS: "off" },
    });
    browser = await launchChromium();
  });
  afterAll(async () => {
    await browser?.close();
    await served?.stop();
    rmSync(stateDirectory, { recursive: true, force: true });
  });

  it("shows the views, the lanes and the calls that the server has the doors for", async () => {
    const page = await browser.newPage();
    page.setDefaultTimeout(PATIENCE_MS);
    await page.goto(served.url);
    const tabs = page.locator("nav.tabs a");
    await expect
      .poll(() => tabs.allInnerTexts(), { timeout: PATIENCE_MS })
      .toEqual(["Race", "Explorer", "Guide"]);
    await expect.poll(() => page.locator("table.lanes tbody tr").count(), { timeout: PATIENCE_MS }).toBe(1);
    expect(await page.locator("footer a").allInnerTexts()).toEqual(["Capabilities"]);
    await page.goto(`${served.url}/#/explorer`);
    await page.locator("select[name=door]").waitFor();
    expect(
      await page
        .locator("select[name=door] option")
        .evaluateAll((all) => all.map((one) => one.getAttribute("value"))),
    ).toEqual(["http", "sse"]);
  });

  it("shows what there is in place of a view that there is not", async () => {
    const page = await browser.newPage();
    page.setDefaultTimeout(PATIENCE_MS);
    await page.goto(`${served.url}/#/orders`);
    await expect
      .poll(() => page.locator("nav.tabs a[aria-current=page]").allInnerTexts(), { timeout: PATIENCE_MS })
      .toEqual(["Race"]);
  });
});
