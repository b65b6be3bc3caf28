import { once } from "node:events";
import { connect as connectHttp2 } from "node:http2";
import { connect } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { connect as connectTls } from "node:tls";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { RunningGateway } from "../../scripts/gateway.ts";
import { startGateway } from "../../scripts/gateway.ts";
import type { Target } from "../conformance/door-driver.ts";
import { connectDatagrams } from "../conformance/doors/udp.ts";
import { askHttp1, askHttp2, UNTRUSTED, until } from "../conformance/gateway-clients.ts";
import type { ServedTarget } from "../conformance/serve-target.ts";
import { serveTarget, toTargetGateway } from "../conformance/serve-target.ts";
import { makeNoise, measureMemory } from "./gateway-noise.ts";

/** The long form: `GATEWAY_NOISE_SECONDS=180 npm test -- tests/hostile/gateway.test.ts`. */
const NOISE_SECONDS = Number(process.env.GATEWAY_NOISE_SECONDS || 3);
const MAX_GROWTH_MIB = 80;
const HEADERS_TIMEOUT_SECONDS = 1;

let served: ServedTarget;
let gateway: RunningGateway;
let target: Target;
const lines: string[] = [];
beforeAll(async () => {
  served = await serveTarget();
  gateway = await startGateway({
    url: served.url,
    stateDirectory: served.stateDirectory,
    environment: {
      MAX_GATEWAY_CONNECTIONS: "64",
      MAX_HEADER_BYTES: "16384",
      HEADERS_TIMEOUT_SECONDS: String(HEADERS_TIMEOUT_SECONDS),
    },
    onLog: (line) => lines.push(line),
  });
  target = { url: served.url, gateway: toTargetGateway(gateway, served.stateDirectory) };
}, 60_000);
afterAll(async () => {
  await gateway?.stop();
  await served?.stop();
});

const ports = () => toTargetGateway(gateway, served.stateDirectory);
const health = async () => {
  const response = await fetch(`http://127.0.0.1:${ports().healthPort}/health`);
  return (await response.json()) as { connections: number; upstream: number; requests: number };
};
const assertWorks = async () => {
  expect((await askHttp1(target, "/health")).status).toBe(200);
  const session = connectHttp2(`http://127.0.0.1:${ports().grpcPort}`);
  expect((await askHttp2(session, { ":path": "/health" })).status).toBe(200);
  session.close();
};

describe("the gateway", () => {
  it(
    "serves its clients under random bytes at every port, and keeps none of them in memory",
    async () => {
      const pid = gateway.process.pid ?? 0;
      const startedAtMs = Date.now();
      const isOver = () => Date.now() - startedAtMs > NOISE_SECONDS * 1000;
      const noise = makeNoise(ports(), isOver);
      // What a process takes when it first has work to do is no growth.
      await delay(NOISE_SECONDS * 250);
      const before = measureMemory(pid);
      const { ask, socket } = await connectDatagrams(target);
      let served = 0;
      let slowestMs = 0;
      for (; !isOver(); served += 1) {
        const askedAtMs = Date.now();
        await assertWorks();
        expect(await ask({ op: "ping" })).toMatchObject({ op: "pong" });
        slowestMs = Math.max(slowestMs, Date.now() - askedAtMs);
        await delay(NOISE_SECONDS * 10);
      }
      socket.close();
      const count = await noise;
      const after = measureMemory(pid);
      // The same processes: none of them ended, and was started again.
      expect([...after.keys()]).toEqual([...before.keys()]);
      for (const [own, mib] of after) expect(mib - (before.get(own) ?? 0)).toBeLessThan(MAX_GROWTH_MIB);
      // Nothing that a stranger sends is worth a line for each.
      expect(lines.length).toBeLessThan(30);
      if (NOISE_SECONDS > 10) console.log({ count, served, slowestMs, before, after, lines: lines.length });
    },
    NOISE_SECONDS * 1000 + 60_000,
  );

  it("waits for nobody's handshake or header for ever", async () => {
    const begin = (alpn?: string) => {
      const { tlsPort } = ports();
      const socket =
        alpn === undefined
          ? connect(tlsPort, "127.0.0.1")
          : connectTls({ port: tlsPort, host: "127.0.0.1", ...UNTRUSTED, ALPNProtocols: [alpn] });
      socket.on("error", () => {});
      socket.setEncoding("utf8");
      return socket;
    };
    const [silent, idle, slow] = [begin(), begin("http/1.1"), begin("http/1.1")];
    let answer = "";
    slow.on("data", (text: string) => (answer += text));
    for (const socket of [silent, idle]) socket.resume();
    slow.write("GET /health HTTP/1.1\r\nHost: x\r\n");
    // A header line now and then: it is never silent, and never done.
    const drip = setInterval(() => slow.write("X-More: x\r\n"), 200);
    try {
      await Promise.all([silent, idle, slow].map((socket) => once(socket, "close")));
    } finally {
      clearInterval(drip);
    }
    expect(answer).toMatch(/^HTTP\/1\.1 408 /);
    await assertWorks();
  }, 30_000);

  it("refuses header fields without end, on every version", async () => {
    const large = "x".repeat(20_000);
    expect((await askHttp1(target, "/health", { headers: { large } })).status).toBe(431);
    const session = connectHttp2(`https://127.0.0.1:${ports().tlsPort}`, UNTRUSTED);
    session.on("error", () => {});
    expect((await askHttp2(session, { ":path": "/health", large })).status).toBe(431);
    session.destroy();
    await assertWorks();
  });

  it("does not send on what would be two requests to the Worker", async () => {
    const socket = connectTls({ port: ports().tlsPort, host: "127.0.0.1", ...UNTRUSTED });
    socket.on("error", () => {});
    let text = "";
    socket.setEncoding("utf8");
    socket.on("data", (chunk: string) => (text += chunk));
    await once(socket, "secureConnect");
    // Both lengths are said (RFC 9112 §6.1): a server and a proxy that believe different ones can be played off.
    socket.write(
      "POST /channels/demo/x HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n" +
        "0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n",
    );
    await Promise.race([once(socket, "close"), delay(1000)]);
    expect(text).toMatch(/^HTTP\/1\.1 4\d\d /);
    expect(text).not.toContain("200 OK");
    socket.destroy();
  });

  it("takes as many connections as it may, and more when those are gone", async () => {
    const sockets = Array.from({ length: 100 }, () => connect(ports().tlsPort, "127.0.0.1"));
    for (const socket of sockets) socket.on("error", () => {});
    await until(async () => (await health()).connections >= 60);
    await delay(100);
    expect((await health()).connections).toBeLessThanOrEqual(64 + 1);
    for (const socket of sockets) socket.destroy();
    await until(async () => (await health()).connections < 10);
    await assertWorks();
  });

  it("forgets thousands of streams that are opened and reset at once", async () => {
    // Who published over UDP keeps a connection for a while.
    const { upstream } = await health();
    const session = connectHttp2(`http://127.0.0.1:${ports().grpcPort}`);
    session.on("error", () => {});
    for (let n = 0; n < 2000 && !session.destroyed; n += 1) {
      const stream = session.request({ ":path": `/sse/demo/reset-${n}` });
      stream.on("error", () => {});
      stream.close();
      if (n % 50 === 0) await delay(1);
    }
    session.destroy();
    await until(async () => (await health()).upstream <= upstream);
    await assertWorks();
  });
});
