import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { buildIfStale } from "../../scripts/build.ts";
import type { Served } from "../../scripts/serve.ts";
import { serve } from "../../scripts/serve.ts";
import { launchChromium, orSkipped, PATIENCE_MS, whyNoChromium } from "./open-page.ts";

/** All but WebTransport, whose gateway is not started here. */
const LANES = 11;

describe.skipIf(whyNoChromium)(orSkipped("a race whose server is killed", whyNoChromium), () => {
  let stateDirectory: string;
  let served: Served;
  let browser: Browser;
  let page: Page;
  const start = (port: number) =>
    serve({ port, stateDirectory, environment: { RATE_LIMITS: "off", HEARTBEAT_SECONDS: "2" } });
  beforeAll(async () => {
    await buildIfStale();
    stateDirectory = await mkdtemp(join(tmpdir(), "everywire-crash-"));
    served = await start(0);
    browser = await launchChromium();
    page = await browser.newPage();
    page.setDefaultTimeout(PATIENCE_MS);
    await page.goto(served.url);
  });
  afterAll(async () => {
    await browser?.close();
    await served?.stop();
    await rm(stateDirectory, { recursive: true, force: true });
  });

  const total = async (name: string) =>
    Number((await page.locator(`[data-total="${name}"]`).innerText()).replace(/\D/g, ""));
  const states = () =>
    page
      .locator('[data-lane]:not([data-lane="webtransport"])')
      .evaluateAll((rows) => rows.map((row) => row.getAttribute("data-state")));
  const until = (what: () => Promise<unknown>, be: (value: unknown) => boolean, message: string) =>
    expect.poll(what, { timeout: PATIENCE_MS, interval: 100, message }).toSatisfy(be);

  it("goes on by itself on every lane when the server is back, and nothing that was acknowledged is lost", async () => {
    await page.getByLabel("Rate").fill("20");
    await page.getByRole("button", { name: "Start the race" }).click();
    await until(
      () => total("Delivered"),
      (count) => Number(count) >= 20 * LANES,
      "it runs",
    );
    const before = await total("Published");
    await served.kill();
    await until(states, (now) => (now as string[]).every((state) => state !== "live"), "the lanes notice");
    await page.getByRole("alert").waitFor();
    served = await start(served.port);
    await until(states, (now) => (now as string[]).every((state) => state === "live"), "the lanes are back");
    await until(
      () => total("Published"),
      (count) => Number(count) >= before + 20,
      "it is published on",
    );
    await page.getByRole("button", { name: "Pause publishing" }).click();
    const isWhole = async () => (await total("Delivered")) === (await total("Published")) * LANES;
    await until(isWhole, (whole) => whole === true, "every lane has everything");
    expect([await total("Lost"), await total("Twice"), await total("Out of order")]).toEqual([0, 0, 0]);
  });
});
