import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { PageServer } from "./open-page.ts";
import { orSkipped, PATIENCE_MS, servePage, whyNoChromium } from "./open-page.ts";

const LANES = [
  "websocket",
  "json-rpc",
  "graphql-socket",
  "mqtt",
  "sse",
  "ndjson",
  "durable-streams",
  "graphql-sse",
  "connect",
  "grpc-web",
  "long-poll",
  "webtransport",
];
/** Enough that a lane which lags is seen to. */
const SOME_EVENTS = 15;

const until = (what: () => Promise<unknown>, be: (value: unknown) => boolean, message: string) =>
  expect.poll(what, { timeout: PATIENCE_MS, interval: 100, message }).toSatisfy(be);

describe.skipIf(whyNoChromium)(orSkipped("the race", whyNoChromium), () => {
  let server: PageServer;
  let page: Page;
  const hosts = new Set<string>();
  beforeAll(async () => {
    server = await servePage({ withGateway: true });
    page = await server.open("race");
    page.on("request", (request) => hosts.add(new URL(request.url()).host));
  }, 60_000);
  afterAll(() => server?.stop());

  const received = async (lane: string) =>
    Number(
      (await page.locator(`[data-lane=${lane}] [data-label=received]`).innerText()).replace(/\D/g, "") || 0,
    );
  const total = async (name: string) =>
    Number((await page.locator(`[data-total="${name}"]`).innerText()).replace(/\D/g, ""));
  const states = () =>
    page
      .locator("[data-lane]")
      .evaluateAll((rows) =>
        rows.map((row) => `${row.getAttribute("data-lane")} ${row.getAttribute("data-state")}`),
      );

  it("delivers every event on every lane that a browser can open", async () => {
    await page.getByLabel("Rate").fill("20");
    await page.getByRole("button", { name: "Start the race" }).click();
    for (const lane of LANES) {
      await until(
        () => received(lane),
        (count) => Number(count) >= SOME_EVENTS,
        `${lane} receives`,
      );
    }
    await until(states, (now) => (now as string[]).every((state) => state.endsWith(" live")), "all are live");
    // Each was timed, and its bytes were counted.
    for (const lane of LANES) {
      const figures = page.locator(`[data-lane=${lane}] .lane-figure`);
      const texts = await figures.allInnerTexts();
      expect([lane, texts.length, texts.filter((text) => /\d/.test(text)).length]).toEqual([lane, 5, 5]);
    }
  });

  it("spreads the lanes that hold a connection over both names of this machine, six being all that a name has", async () => {
    const { port } = new URL(server.url);
    expect([...hosts].sort()).toEqual(expect.arrayContaining([`127.0.0.1:${port}`, `localhost:${port}`]));
  });

  it("goes on from the cursor of each lane that was cut, with nothing lost, nothing twice and nothing out of order", async () => {
    await page.getByRole("button", { name: "Cut all" }).click();
    await until(states, (now) => (now as string[]).every((state) => state.endsWith(" cut")), "all are cut");
    const before = await total("Published");
    await until(
      () => total("Published"),
      (count) => Number(count) >= before + SOME_EVENTS,
      "it is published on",
    );
    for (const lane of LANES) {
      expect(await page.locator(`[data-lane=${lane}] .lane-remark`).innerText()).toMatch(/cut\s*\d+ behind/);
    }
    await page.getByRole("button", { name: "Reconnect all" }).click();
    const remarks = () => page.locator("[data-lane] .lane-remark").allInnerTexts();
    await until(
      remarks,
      (texts) =>
        (texts as string[]).every((text) => /caught up [\d,]+ in [\d.]+ m?s: 0 lost, 0 twice/.test(text)),
      "all have caught up",
    );
    await page.getByRole("button", { name: "Pause publishing" }).click();
    const counts = async () => [await total("Published"), ...(await Promise.all(LANES.map(received)))];
    await until(counts, (all) => new Set(all as number[]).size === 1, "every lane has everything");
    expect([await total("Lost"), await total("Twice"), await total("Out of order")]).toEqual([0, 0, 0]);
    expect(await total("Delivered")).toBe((await total("Published")) * LANES.length);
  });

  it("cuts one lane, and leaves the others alone", async () => {
    await page.getByRole("button", { name: "Go on publishing" }).click();
    await page.getByRole("button", { name: "Cut Server-sent events" }).click();
    const at = await received("sse");
    const others = await received("websocket");
    await until(
      () => received("websocket"),
      (count) => Number(count) > others + 5,
      "others go on",
    );
    expect(await received("sse")).toBe(at);
    await page.getByRole("button", { name: "Reconnect Server-sent events" }).click();
    await until(
      () => received("sse"),
      (count) => Number(count) > at + 5,
      "it goes on",
    );
  });

  it("closes every connection when it is stopped", async () => {
    const channel = await page.locator(".controls code").innerText();
    await page.getByRole("button", { name: "Stop" }).click();
    const readers = async () =>
      ((await (await fetch(`${server.url}/channels/${channel}/presence`)).json()) as { readers: number })
        .readers;
    // A wait of a long poll ends by its own deadline: the runtime does not tell that its client left.
    await until(readers, (count) => Number(count) <= 1, "nobody reads any more");
    expect(await states()).toEqual(LANES.map((lane) => `${lane} idle`));
    expect(server.complaints).toEqual([]);
  });

  it("runs all lanes over the one connection of HTTP/2, where it came through the gateway", async () => {
    const url = `https://localhost:${server.gateway?.tlsPort}`;
    const secure = await server.open("race", { ignoreHTTPSErrors: true }, url);
    const origins = new Set<string>();
    secure.on("request", (request) => origins.add(new URL(request.url()).origin));
    await secure.getByText("Why this page has one connection for all").waitFor();
    await secure.getByRole("button", { name: "Start the race" }).click();
    for (const lane of LANES) {
      const received = secure.locator(`[data-lane=${lane}] [data-label=received]`);
      await until(
        () => received.innerText(),
        (text) => Number(text) >= SOME_EVENTS,
        `${lane} receives`,
      );
    }
    expect([...origins]).toEqual([url]);
    await secure.context().close();
    expect(server.complaints).toEqual([]);
  });
});
