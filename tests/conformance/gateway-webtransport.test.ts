import { randomUUID } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { RunningGateway } from "../../scripts/gateway.ts";
import { startGateway } from "../../scripts/gateway.ts";
import type { Served } from "../../scripts/serve.ts";
import { serve } from "../../scripts/serve.ts";
import type { Browser } from "./chromium.ts";
import { openChromium, whyNoChromium } from "./chromium.ts";
import { websocket } from "./doors/websocket.ts";
import { until } from "./gateway-clients.ts";
import { orSkipped } from "./missing.ts";
import type { ServedTarget } from "./serve-target.ts";
import { serveTarget, toTargetGateway } from "./serve-target.ts";

describe.skipIf(whyNoChromium)(orSkipped("WebTransport in Chromium", whyNoChromium), () => {
  let target: ServedTarget;
  let browser: Browser;
  beforeAll(async () => {
    target = await serveTarget({ MAX_SESSION_SUBSCRIPTIONS: "3" }, { withGateway: true });
    browser = await openChromium(target, join(target.stateDirectory, "gateway-cert.pem"));
  }, 60_000);
  afterAll(async () => {
    await browser.close();
    await target.stop();
  });

  const newChannel = () => `demo/${randomUUID()}`;
  const toUrl = (query = "", path = "/wt") => `https://localhost:${target.gateway?.tlsPort}${path}${query}`;
  /** Calls a function of `gateway-page.js`. */
  const call = <T>(name: string, url: string, ...rest: readonly unknown[]) => {
    const values = [url, target.gateway?.certificateHash, ...rest].map((value) => JSON.stringify(value));
    return browser.page.evaluate(`tests.${name}(${values.join()})`) as Promise<T>;
  };

  it("carries the operations of TCP on streams, and each subscription on a stream of its own", async () => {
    const channel = newChannel();
    const result = await call<Record<string, never>>("operations", toUrl(), channel);
    expect(result).toMatchObject({
      subscribed: { op: "subscribed", ref: "s", channel },
      again: { op: "error", ref: "s2", code: "already_exists" },
      first: { op: "subscribed", channel },
      bad: { op: "error", ref: "b", code: "invalid_argument" },
      unsubscribed: { op: "unsubscribed", ref: "u", channel },
      end: true,
      late: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
      closed: { closeCode: 7, reason: "done" },
    });
    const [acknowledged, received] = result.sequences as unknown as [string[], string[]];
    expect(acknowledged).toHaveLength(20);
    expect(received).toEqual(acknowledged);
  });

  it("stores the latest of the values that come as datagrams, and answers those that ask for it", async () => {
    const channel = newChannel();
    const result = await call<Record<string, never>>("datagrams", toUrl(), channel);
    const stored = result.stored as unknown as number[];
    expect(stored.at(-1)).toBe(200);
    expect([...stored].sort((a, b) => a - b)).toEqual(stored);
    expect(result).toMatchObject({
      ack: { op: "ack", ref: 19 },
      subscribed: { op: "subscribed", ref: "d" },
      event: { type: "t", data: "as a datagram", subject: `${channel}/d` },
      fault: { op: "error", code: "invalid_argument" },
    });
  });

  it("asks who it is: by the URL, or by hello", async () => {
    const { token } = await target.signIn("alice");
    expect(await call("refused", toUrl(`?access_token=${token}`))).toBeUndefined();
    expect(await call("refused", toUrl("?access_token=nonsense"))).toContain("handshake");
    expect(await call("signedIn", toUrl(), token, "rooms/lobby")).toMatchObject({
      before: { op: "error", ref: 1, code: "unauthenticated" },
      hello: { op: "hello", ref: 2, user: "alice" },
      // By a connection of its own, which knows whose session it is.
      subscribed: { op: "subscribed", ref: 3 },
      after: { op: "ack", ref: 4 },
    });
  });

  it("is at /wt alone", async () => {
    expect(await call("refused", toUrl("", "/elsewhere"))).toContain("handshake");
  });

  it("agrees on a subprotocol, and refuses where it has none of those", async () => {
    const hasProtocols = await browser.page.evaluate("'protocol' in WebTransport.prototype");
    if (hasProtocols !== true)
      return expect(await call("refused", toUrl(), { protocols: ["x"] })).toBeUndefined();
    const protocol = await call("subprotocol", toUrl(), ["unknown", "everywire.msgpack", "everywire.json"]);
    expect(protocol).toBe("everywire.msgpack");
    expect(await call("refused", toUrl(), { protocols: ["unknown"] })).toContain("handshake");
  });

  it("has many sessions, which do not hinder each other", async () => {
    const result = await call("many", toUrl(), newChannel(), 8);
    expect(result).toEqual({ refs: [0, 1, 2, 3, 4, 5, 6, 7], after: { op: "pong", ref: "still" } });
  });

  it("holds back who sends faster than the log takes, and goes on with everybody else", async () => {
    const result = await call<{ sent: number; blockedMs: number; pong: object }>(
      "flood",
      toUrl(),
      newChannel(),
      1500,
    );
    expect(result.pong).toEqual({ op: "pong", ref: "other" });
    expect(result.blockedMs).toBeGreaterThan(500);
    const health = await fetch(`http://127.0.0.1:${target.gateway?.healthPort}/health`);
    expect(await health.json()).toMatchObject({ status: "ok" });
  });
});

describe.skipIf(whyNoChromium)(
  orSkipped("a WebTransport session whose Worker is killed", whyNoChromium),
  () => {
    let directory: string;
    let served: Served;
    let gateway: RunningGateway;
    let browser: Browser;
    const start = (port: number) =>
      serve({
        port,
        stateDirectory: directory,
        environment: { RATE_LIMITS: "off", ANONYMOUS_CHANNELS: "demo/**" },
      });
    beforeAll(async () => {
      directory = await mkdtemp(join(tmpdir(), "everywire-gateway-"));
      served = await start(0);
      gateway = await startGateway({ url: served.url, stateDirectory: directory, onLog: () => {} });
      const target = { url: served.url, gateway: toTargetGateway(gateway, directory) };
      browser = await openChromium(target, join(directory, "gateway-cert.pem"));
    }, 60_000);
    afterAll(async () => {
      await browser.close();
      await gateway.stop();
      await served.stop();
      await rm(directory, { recursive: true, force: true });
    });

    it("goes on where it was when the Worker is back, with nothing lost and nothing twice", async () => {
      const channel = `demo/${randomUUID()}`;
      const publish = (data: number) => websocket.publish?.(served, channel, { type: "t", data });
      for (let n = 1; n <= 5; n += 1) await publish(n);
      const values = [`https://localhost:${gateway.ports.TLS_PORT}/wt`, gateway.certificateHash, channel, 10];
      const followed = browser.page.evaluate(
        `tests.follow(${values.map((value) => JSON.stringify(value)).join()})`,
      );
      await until(async () => (await browser.page.evaluate("globalThis.following")) === true);
      const { port } = served;
      await served.kill();
      served = await start(port);
      for (let n = 6; n <= 10; n += 1) await publish(n);
      expect(await followed).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    });
  },
);
