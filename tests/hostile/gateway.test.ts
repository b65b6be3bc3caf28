import { randomBytes } from "node:crypto";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { connect as connectHttp2 } from "node:http2";
import { connect } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { connect as connectTls } from "node:tls";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { askHttp1, askHttp2, UNTRUSTED, until } from "../conformance/gateway-clients.ts";
import type { ServedTarget } from "../conformance/serve-target.ts";
import { serveTarget } from "../conformance/serve-target.ts";

const NOISE_MS = 4000;
const HTTP2_PREFACE = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

let target: ServedTarget;
beforeAll(async () => {
  target = await serveTarget(
    { MAX_GATEWAY_CONNECTIONS: "64", MAX_HEADER_BYTES: "16384" },
    { withGateway: true },
  );
}, 60_000);
afterAll(() => target.stop());

const ports = () => target.gateway ?? { tlsPort: 0, grpcPort: 0, healthPort: 0 };
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

/** Writes these bytes, and whatever becomes of them. */
async function throwAt(port: number, bytes: Buffer, over: "tcp" | "tls" = "tcp", alpn = "h2"): Promise<void> {
  const socket =
    over === "tcp"
      ? connect(port, "127.0.0.1")
      : connectTls({ port, host: "127.0.0.1", ...UNTRUSTED, ALPNProtocols: [alpn] });
  socket.on("error", () => {});
  await Promise.race([once(socket, over === "tcp" ? "connect" : "secureConnect"), once(socket, "close")]);
  socket.write(bytes);
  await Promise.race([once(socket, "close"), delay(50)]);
  socket.destroy();
}

describe("the gateway", () => {
  it("goes on under random bytes at every port", async () => {
    const { tlsPort, grpcPort, healthPort } = ports();
    const udp = createSocket("udp4");
    const until = Date.now() + NOISE_MS;
    const noise = () => randomBytes(1 + Math.floor(Math.random() * 3000));
    while (Date.now() < until) {
      await Promise.all([
        throwAt(tlsPort, noise()),
        throwAt(grpcPort, noise()),
        throwAt(healthPort, noise()),
        throwAt(tlsPort, noise(), "tls", "http/1.1"),
        throwAt(tlsPort, Buffer.concat([Buffer.from(HTTP2_PREFACE), noise()]), "tls"),
        throwAt(grpcPort, Buffer.concat([Buffer.from(HTTP2_PREFACE), noise()])),
        // The first bits of a long header (RFC 9000 §17.2), so that some are taken for QUIC.
        ...[0xc0, 0x40, 0x00].map(async (first) => {
          const packet = Buffer.concat([Buffer.of(first, 0, 0, 0, 1), noise().subarray(0, 1200)]);
          udp.send(packet, tlsPort, "127.0.0.1");
        }),
      ]);
    }
    udp.close();
    await assertWorks();
  });

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
    const session = connectHttp2(`http://127.0.0.1:${ports().grpcPort}`);
    session.on("error", () => {});
    for (let n = 0; n < 2000 && !session.destroyed; n += 1) {
      const stream = session.request({ ":path": `/sse/demo/reset-${n}` });
      stream.on("error", () => {});
      stream.close();
      if (n % 50 === 0) await delay(1);
    }
    session.destroy();
    await until(async () => (await health()).upstream === 0);
    await assertWorks();
  });
});
