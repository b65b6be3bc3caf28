import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect as connectTls } from "node:tls";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { WebSocket } from "ws";
import type { RunningGateway } from "../../scripts/gateway.ts";
import { startGateway } from "../../scripts/gateway.ts";
import {
  askHttp1,
  askHttp2,
  connectHttp2,
  readAnswer,
  toTlsUrl,
  UNTRUSTED,
  until,
} from "./gateway-clients.ts";
import { REFUSALS, REFUSED_BYTES, sendLarge } from "./refused-bodies.ts";
import type { ServedTarget } from "./serve-target.ts";
import { serveTarget, toTargetGateway } from "./serve-target.ts";

const JSON_TYPE = { "content-type": "application/json" };

let target: ServedTarget;
beforeAll(async () => {
  target = await serveTarget({}, { withGateway: true });
}, 60_000);
afterAll(() => target.stop());

const newChannel = () => `demo/${randomUUID()}`;
const health = async () => {
  const response = await fetch(`http://127.0.0.1:${target.gateway?.healthPort}/health`);
  return (await response.json()) as { upstream: number; requests: number };
};

describe("the TLS port", () => {
  it("speaks HTTP/2 or HTTP/1.1, as ALPN chooses, and says that there is HTTP/3", async () => {
    for (const [offered, chosen] of [
      [["h2", "http/1.1"], "h2"],
      [["http/1.1"], "http/1.1"],
      [undefined, false],
    ] as const) {
      const socket = connectTls({
        port: target.gateway?.tlsPort,
        ...UNTRUSTED,
        ...(offered === undefined ? {} : { ALPNProtocols: [...offered] }),
      });
      await once(socket, "secureConnect");
      expect(socket.alpnProtocol).toBe(chosen);
      socket.destroy();
    }
    const { status, headers } = await askHttp1(target, "/health");
    expect(status).toBe(200);
    expect(headers["alt-svc"]).toBe(`h3=":${target.gateway?.tlsPort}"; ma=3600`);
  });

  it("has a certificate that browsers take by its hash: P-256, and no more than 14 days", async () => {
    const socket = connectTls({ port: target.gateway?.tlsPort, ...UNTRUSTED });
    await once(socket, "secureConnect");
    const certificate = socket.getPeerX509Certificate();
    socket.destroy();
    expect(certificate?.publicKey.asymmetricKeyDetails).toMatchObject({ namedCurve: "prime256v1" });
    const days =
      (Date.parse(certificate?.validTo ?? "") - Date.parse(certificate?.validFrom ?? "")) / 86_400_000;
    expect(days).toBeLessThan(14);
    expect(certificate?.subjectAltName).toContain("DNS:localhost");
  });

  it("passes answers on as they are: bodies, statuses, headers", async () => {
    const session = await connectHttp2(target);
    const channel = newChannel();
    const path = `/channels/${channel}`;
    const event = JSON.stringify({ type: "t", data: "x".repeat(200_000) });
    const post = { ":method": "POST", ":path": path, ...JSON_TYPE };
    expect((await askHttp2(session, post, event)).status).toBe(201);
    const page = await askHttp2(session, { ":path": `${path}?after=earliest` });
    expect(JSON.parse(page.body.toString()).events[0].data).toHaveLength(200_000);
    expect(page.headers["x-request-id"]).toMatch(/^req_/);
    const direct = await fetch(`${target.url}/nothing`);
    const refused = await askHttp2(session, { ":path": "/nothing" });
    expect(refused.status).toBe(direct.status);
    expect(JSON.parse(refused.body.toString()).error.code).toBe("not_found");
    expect((await askHttp2(session, { ":method": "HEAD", ":path": "/health" })).body).toHaveLength(0);
    expect((await askHttp2(session, { ":method": "DELETE", ":path": path })).status).toBe(204);
    const big = await askHttp2(session, post, JSON.stringify({ type: "t", data: "x".repeat(300_000) }));
    expect(big.status).toBe(413);
    session.close();
    const one = await askHttp1(target, path, { method: "POST", headers: JSON_TYPE, body: event });
    expect(one.status).toBe(201);
  });

  it("carries a thousand requests on one connection", async () => {
    const session = await connectHttp2(target);
    const answers = await Promise.all(
      Array.from({ length: 1000 }, () => askHttp2(session, { ":path": "/health" })),
    );
    expect(answers.every(({ status }) => status === 200)).toBe(true);
    session.close();
  });
});

describe("a large body that is refused unread", () => {
  const wires = [
    ["by the Worker", () => target.url],
    ["through the gateway", () => toTlsUrl(target)],
  ] as const;
  for (const [where, toUrl] of wires) {
    it.each(REFUSALS)(
      `is answered %d ${where}, and not by a broken connection`,
      async (status, path, headers) => {
        for (const isChunked of [false, true]) {
          expect(await sendLarge(toUrl() + path, headers, isChunked)).toBe(status);
        }
      },
    );
  }

  it.each(REFUSALS)("is answered %d on HTTP/2", async (status, path, headers) => {
    const session = await connectHttp2(target);
    const head = { ":method": "POST", ":path": path, ...headers };
    const { status: answered, body } = await askHttp2(session, head, Buffer.alloc(REFUSED_BYTES, "x"));
    expect([answered, JSON.parse(body.toString()).error.code]).toEqual([status, expect.any(String)]);
    session.close();
  });

  it("is answered while the client still sends", async () => {
    const session = await connectHttp2(target);
    const head = { ":method": "POST", ":path": "/nothing", "content-type": "application/json" };
    const stream = session.request(head);
    stream.write("x");
    const [headers] = await once(stream, "response");
    expect(headers[":status"]).toBe(404);
    let text = "";
    for await (const chunk of stream.setEncoding("utf8")) {
      text += chunk;
      if (text.endsWith("}}")) stream.end();
    }
    expect(JSON.parse(text).error.code).toBe("not_found");
    session.close();
  });
});

describe("streams through the gateway", () => {
  it("are not held: an event is there while the answer is open, and the client's leaving is passed on", async () => {
    const channel = newChannel();
    const session = await connectHttp2(target);
    const reader = session.request({ ":path": `/sse/${channel}` });
    reader.setEncoding("utf8");
    await once(reader, "response");
    let text = "";
    reader.on("data", (chunk: string) => (text += chunk));
    await until(() => text.includes("id:"));
    await fetch(`${target.url}/channels/${channel}`, {
      method: "POST",
      headers: JSON_TYPE,
      body: '{"type":"live","data":1}',
    });
    await until(() => text.includes("event: live"));
    const before = (await health()).upstream;
    expect(before).toBeGreaterThan(0);
    reader.close();
    await until(async () => (await health()).upstream === before - 1);
    session.close();
  });

  it("go both ways at once: NDJSON in, and an answer to each line before the next is sent", async () => {
    const session = await connectHttp2(target);
    const path = `/stream/${newChannel()}`;
    const stream = session.request({
      ":method": "POST",
      ":path": path,
      "content-type": "application/x-ndjson",
    });
    stream.setEncoding("utf8");
    let text = "";
    stream.on("data", (chunk: string) => (text += chunk));
    for (let n = 1; n <= 5; n += 1) {
      stream.write(`{"type":"t","data":${n}}\n`);
      await until(() => text.split("\n").filter((line) => line.includes("sequence")).length === n);
    }
    stream.end();
    await once(stream, "end");
    session.close();
  });

  it.each(["HTTP/1.1", "HTTP/2"])("are WebSockets too, on %s", async (version) => {
    const channel = newChannel();
    if (version === "HTTP/1.1") {
      const socket = new WebSocket(`${toTlsUrl(target).replace("https", "wss")}/ws/${channel}`, UNTRUSTED);
      await once(socket, "open");
      socket.send(JSON.stringify({ type: "t", data: "é", ack: "1" }));
      const [frame] = await once(socket, "message");
      expect(JSON.parse(String(frame))).toMatchObject({ type: "t", data: "é" });
      socket.close();
      await once(socket, "close");
      return;
    }
    const session = await connectHttp2(target);
    // Extended CONNECT (RFC 8441): a ping frame, masked, comes back as a pong.
    const stream = session.request({
      ":method": "CONNECT",
      ":protocol": "websocket",
      ":path": `/ws/${channel}`,
    });
    const [headers] = await once(stream, "response");
    expect(headers[":status"]).toBe(200);
    stream.write(Buffer.from([0x89, 0x82, 0, 0, 0, 0, 0x68, 0x69]));
    const [frame] = await once(stream, "data");
    expect(frame).toEqual(Buffer.from([0x8a, 2, 0x68, 0x69]));
    stream.close();
    session.close();
  });

  it("that the Worker refuses to open are refused with its words", async () => {
    const socket = new WebSocket(`${toTlsUrl(target).replace("https", "wss")}/ws/rooms/lobby`, UNTRUSTED);
    const [, response] = await once(socket, "unexpected-response");
    expect(response.statusCode).toBe(401);
    const session = await connectHttp2(target);
    const path = "/ws/rooms/lobby";
    const { status, body } = await readAnswer(
      session.request({ ":method": "CONNECT", ":protocol": "websocket", ":path": path }),
    );
    expect(status).toBe(401);
    expect(JSON.parse(body.toString()).error.code).toBe("unauthenticated");
    session.close();
  });
});

describe("a Worker that fails", () => {
  let directory: string;
  let gateway: RunningGateway;
  const logged: string[] = [];
  /** In the Worker's place: it answers as its path says. */
  const worker = createServer((request, response) => {
    if (request.url === "/silent") return;
    if (request.url === "/cut") request.socket.destroy();
    else if (request.url === "/half") {
      response.writeHead(200, { "content-length": "10" });
      response.write("half", () => request.socket.destroy());
    } else response.end("ok");
  });
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), "everywire-gateway-"));
    worker.listen(0, "127.0.0.1");
    await once(worker, "listening");
    gateway = await startGateway({
      url: `http://127.0.0.1:${(worker.address() as AddressInfo).port}`,
      stateDirectory: directory,
      environment: { RESPONSE_TIMEOUT_SECONDS: "1", MAX_UPSTREAM_REQUESTS: "8" },
      onLog: (line) => logged.push(line),
    });
  }, 30_000);
  afterAll(async () => {
    await gateway.stop();
    worker.closeAllConnections();
    worker.close();
    await rm(directory, { recursive: true, force: true });
  });
  const toTarget = () => ({ url: "", gateway: toTargetGateway(gateway, directory) });
  const ask = async (path: string) => {
    const { status, body, headers } = await askHttp1(toTarget(), path);
    return { status, code: JSON.parse(body.toString()).error.code, retryAfter: headers["retry-after"] };
  };

  it("is deadline_exceeded where it does not answer, and unavailable where it cuts the connection", async () => {
    expect(await ask("/silent")).toMatchObject({ status: 504, code: "deadline_exceeded" });
    expect(await ask("/cut")).toMatchObject({ status: 502, code: "unavailable" });
  });

  it("never makes half an answer look like a whole one", async () => {
    await expect(askHttp1(toTarget(), "/half")).rejects.toThrow();
    const session = await connectHttp2(toTarget());
    await expect(askHttp2(session, { ":path": "/half" })).rejects.toThrow();
    session.close();
  });

  it("is protected from more than it can bear", async () => {
    const session = await connectHttp2(toTarget());
    const waiting = Array.from({ length: 20 }, () => askHttp2(session, { ":path": "/silent" }));
    const statuses = (await Promise.all(waiting)).map(({ status }) => status);
    expect(statuses.filter((status) => status === 503)).toHaveLength(12);
    expect(statuses.filter((status) => status === 504)).toHaveLength(8);
    session.close();
  });

  it("is unavailable while it is away, once in the log, and used again as soon as it is back", async () => {
    const { port } = worker.address() as AddressInfo;
    worker.closeAllConnections();
    worker.close();
    await once(worker, "close");
    expect(await ask("/")).toEqual({ status: 503, code: "unavailable", retryAfter: "1" });
    const at = (path: string) => fetch(`http://127.0.0.1:${gateway.ports.GATEWAY_HEALTH_PORT}${path}`);
    expect((await at("/health")).status).toBe(200);
    expect((await at("/ready")).status).toBe(503);
    worker.listen(port, "127.0.0.1");
    await until(async () => (await at("/ready")).status === 200);
    expect((await askHttp1(toTarget(), "/")).body.toString()).toBe("ok");
    expect(logged.filter((line) => line.includes("not reachable"))).toHaveLength(1);
    expect(logged.filter((line) => line.includes("is back"))).toHaveLength(1);
  });
});
