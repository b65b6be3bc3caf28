import { execFile } from "node:child_process";
import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { connect } from "../../clients/typescript/index.ts";
import { startGateway } from "../../scripts/gateway.ts";
import { CLIENT, toBinary } from "../../scripts/paths.ts";
import { serve } from "../../scripts/serve.ts";
import type { Browser } from "./chromium.ts";
import { openChromium, whyNoChromium } from "./chromium.ts";
import type { ClientPage } from "./client-page.ts";
import { serveClientPage } from "./client-page.ts";
import { createHinderingProxy } from "./hindering-proxy.ts";
import { orSkipped } from "./missing.ts";
import type { ServedTarget } from "./serve-target.ts";
import { serveTarget, toTargetGateway } from "./serve-target.ts";

const PROGRAM = join(import.meta.dirname, "client-program.mjs");
const SCRIPT = readFileSync(join(import.meta.dirname, "client-browser.js"), "utf8");

const newChannel = () => `demo/${randomUUID()}`;
const upTo = (count: number) => Array.from({ length: count }, (_, n) => n);

async function load(page: Page, client: ClientPage): Promise<void> {
  await page.goto(client.url);
  await page.waitForFunction("document.title === 'ready'");
  await page.evaluate(SCRIPT);
}

/** Calls a function of `client-browser.js`. */
function call<T>(page: Page, name: string, ...values: readonly unknown[]): Promise<T> {
  return page.evaluate(`tests.${name}(${values.map((value) => JSON.stringify(value)).join()})`);
}

describe.skipIf(whyNoChromium)(orSkipped("the client in Chromium", whyNoChromium), () => {
  let target: ServedTarget;
  let browser: Browser;
  let client: ClientPage;
  let page: Page;
  beforeAll(async () => {
    target = await serveTarget({}, { withGateway: true });
    browser = await openChromium(target, join(target.stateDirectory, "gateway-cert.pem"));
    client = await serveClientPage();
    ({ page } = browser);
    await load(page, client);
  }, 90_000);
  afterAll(async () => {
    await browser.close();
    client.stop();
    await target.stop();
  });

  const toOptions = (format = "json") => ({
    webTransportUrl: `https://localhost:${target.gateway?.tlsPort}/wt`,
    webTransport: { serverCertificateHashes: [target.gateway?.certificateHash], format },
  });

  it.each(["json", "msgpack", "protobuf"])("shares a session between channels, in %s", async (format) => {
    const result = await call<Record<string, unknown>>(
      page,
      "pool",
      target.url,
      toOptions(format),
      newChannel(),
    );
    expect(result).toEqual({
      received: Array.from({ length: 11 }, () => [{ n: 1, text: "ä" }, undefined]),
      transports: ["webtransport"],
      protocols: [`everywire.${format}`, `everywire.${format}`],
      shares: [10, 1],
      base64: "AAEC/w==",
      left: 0,
    });
  });

  it("goes on over WebTransport after every cut, with nothing lost and nothing twice", async () => {
    const result = await call(page, "cuts", target.url, toOptions(), newChannel());
    // A cut that comes before the one before it is mended changes nothing.
    const some = expect.toBeOneOf([1, 2, 3, 4]);
    expect(result).toEqual({ data: upTo(300), transport: "webtransport", reconnects: some });
  });

  it("says what is so now by datagram", async () => {
    const { stored, datagramsSent } = await call<{ stored: number; datagramsSent: number }>(
      page,
      "latest",
      target.url,
      toOptions(),
      newChannel(),
    );
    expect(datagramsSent).toBe(200);
    expect(stored).toBeLessThan(200);
  });

  it("gives the session a new token when the old one has ended", async () => {
    const tokenUrls = [2, 60].map((expiresIn) => [`${target.url}/auth/token`, { name: "alice", expiresIn }]);
    const result = await call(page, "renews", target.url, toOptions(), `rooms/${randomUUID()}`, tokenUrls);
    expect(result).toEqual({ data: ["before", "after"], asked: 2, transport: "webtransport" });
  });

  it("passes a proxy that refuses WebSockets and buffers streams, from a page of another origin", async () => {
    const proxy = await createHinderingProxy(target.url, { webSockets: "refuse", buffersAnswers: true });
    const channel = newChannel();
    const followed = call<{ data: number[]; stats: { fallbacks: { to: string }[] } }>(
      page,
      "follow",
      proxy.url,
      {},
      channel,
      1000,
    );
    await page.waitForFunction("globalThis.following === 'long-poll'");
    const publisher = connect(target.url);
    await Promise.all(upTo(1000).map((n) => publisher.publish(channel, { type: "n", data: n })));
    const { data, stats } = await followed;
    expect(data).toEqual(upTo(1000));
    expect(stats.fallbacks.map(({ to }) => to)).toEqual(["sse", "ndjson", "long-poll"]);
    publisher.close();
    await proxy.stop();
  });

  it("has WebTransport on Deno too", async () => {
    const program = `import * as everywire from ${JSON.stringify(pathToFileURL(join(CLIENT, "index.js")).href)};
      import { runClientProgram } from ${JSON.stringify(pathToFileURL(PROGRAM).href)};
      const [url, channel, options] = Deno.args;
      console.log(JSON.stringify(await runClientProgram(everywire, url, channel, JSON.parse(options))));`;
    const main = join(target.stateDirectory, "main.mjs");
    await writeFile(main, program);
    const { stdout } = await promisify(execFile)(
      toBinary("deno"),
      [
        "run",
        "--quiet",
        "--unstable-net",
        "--allow-net",
        main,
        target.url,
        newChannel(),
        JSON.stringify(toOptions()),
      ],
      { timeout: 30_000 },
    );
    expect(JSON.parse(stdout)).toMatchObject({ first: "webtransport", data: upTo(40), sequences: 40 });
  });

  it("publishes and reads over each wire, and can be timed", async () => {
    const times = await call<Record<string, object>>(
      page,
      "times",
      target.url,
      toOptions(),
      newChannel(),
      // The README's figures are of 50: what they are depends on the machine, and on what else it does.
      Number(process.env.CLIENT_TIMES ?? 5),
    );
    if (process.env.CLIENT_TIMES !== undefined) console.log(JSON.stringify(times));
    expect(Object.keys(times)).toEqual(["webtransport", "websocket", "sse", "ndjson", "long-poll"]);
  });
});

describe.skipIf(whyNoChromium)(
  orSkipped("the client in Chromium, whose gateway is stopped", whyNoChromium),
  () => {
    it("goes on over another wire, and comes back, with nothing lost and nothing twice", async () => {
      const stateDirectory = await mkdtemp(join(tmpdir(), "everywire-client-"));
      const environment = { RATE_LIMITS: "off", ANONYMOUS_CHANNELS: "demo/**" };
      const served = await serve({ port: 0, stateDirectory, environment });
      const start = (ports = {}) => startGateway({ url: served.url, stateDirectory, ports, onLog: () => {} });
      let gateway = await start();
      const { ports, certificateHash } = gateway;
      const asTarget = { url: served.url, gateway: toTargetGateway(gateway, stateDirectory) };
      const browser = await openChromium(asTarget, join(stateDirectory, "gateway-cert.pem"));
      const client = await serveClientPage();
      const { page } = browser;
      await load(page, client);
      const channel = newChannel();
      const options = {
        webTransportUrl: `https://localhost:${ports.TLS_PORT}/wt`,
        webTransport: { serverCertificateHashes: [certificateHash] },
        timing: { backoffMs: 20, retryUpwardsMs: 500, pingMs: 500, silenceMs: 2000 },
      };
      const followed = call<{ data: number[] }>(page, "follow", served.url, options, channel, 90);
      await page.waitForFunction("globalThis.following === 'webtransport'");
      const publisher = connect(served.url);
      let next = 0;
      const publish = async () => {
        for (let count = 0; count < 30; count += 1) {
          await publisher.publish(channel, { type: "n", data: next });
          next += 1;
        }
      };
      await publish();
      await gateway.kill();
      await publish();
      await page.waitForFunction("globalThis.taken === 60 && globalThis.wires.at(-1) === 'websocket'");
      gateway = await start(ports);
      await page.waitForFunction("globalThis.wires.at(-1) === 'webtransport'", undefined, {
        timeout: 60_000,
      });
      await publish();
      expect((await followed).data).toEqual(upTo(90));
      publisher.close();
      await browser.close();
      client.stop();
      await gateway.stop();
      await served.stop();
      await rm(stateDirectory, { recursive: true, force: true });
    }, 120_000);
  },
);
