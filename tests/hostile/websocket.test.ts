import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Target } from "../conformance/door-driver.ts";
import { http } from "../conformance/doors/http.ts";
import { connect } from "../conformance/doors/websocket.ts";
import type { ServedTarget } from "../conformance/serve-target.ts";
import { serveTarget } from "../conformance/serve-target.ts";

const KIB = 1024;
let served: ServedTarget;
let target: Target;
beforeAll(async () => {
  served = await serveTarget({
    MAX_UNCONFIRMED_BYTES: String(256 * KIB),
    MAX_SILENT_UNCONFIRMED_BYTES: String(2048 * KIB),
  });
  target = { url: served.url };
}, 60_000);
afterAll(() => served.stop());

const newChannel = () => `demo/${randomUUID()}`;
const fill = async (channel: string, from: number, to: number, bytes: number) => {
  for (let n = from; n <= to; n += 1) {
    await http.publish?.(target, channel, { type: "fill", data: { n, text: "x".repeat(bytes) } });
  }
};

describe("a socket that sends what it should not", () => {
  it.each<[string, string | Buffer, string]>([
    ["what is no JSON", "{", "invalid_argument"],
    ["a list", "[]", "invalid_argument"],
    ["null", "null", "invalid_argument"],
    ["an unknown operation", '{"op":"drop"}', "invalid_argument"],
    ["nothing", "", "invalid_argument"],
    ["bytes", Buffer.from([0, 1, 2]), "unsupported_media_type"],
    ["a deep nest that is no event", `${"[".repeat(50_000)}${"]".repeat(50_000)}`, "invalid_argument"],
    [
      "an event that is somewhat too large",
      `{"type":"t","data":"${"x".repeat(300 * KIB)}"}`,
      "payload_too_large",
    ],
    [
      "an event that is far too large",
      `{"type":"t","data":"${"x".repeat(3000 * KIB)}"}`,
      "payload_too_large",
    ],
    ["__proto__", '{"type":"t","__proto__":{"x":1}}', "invalid_argument"],
  ])("%s is told so and goes on", async (_name, frame, code) => {
    const { socket, operations } = await connect(target, newChannel());
    socket.send(frame, { binary: typeof frame !== "string" });
    expect(await operations.next()).toMatchObject({ op: "error", code });
    socket.send('{"type":"t","ack":"after"}');
    expect(await operations.next()).toMatchObject({ op: "ack", ref: "after" });
    socket.terminate();
  });

  it("names the frame that an error answers, where that could be read", async () => {
    const { socket, operations } = await connect(target, newChannel());
    socket.send('{"data":1,"ack":"r1"}');
    expect(await operations.next()).toMatchObject({ op: "error", code: "invalid_argument", ref: "r1" });
    socket.send(`{"type":"t","ack":7,"data":"${"x".repeat(300 * KIB)}"}`);
    expect(await operations.next()).toMatchObject({ op: "error", code: "payload_too_large", ref: 7 });
    socket.send('{"data":1,"id":"mine","ack":true}');
    expect(await operations.next()).toMatchObject({ op: "error", ref: "mine" });
    socket.terminate();
  });

  it("cannot publish where it may only read", async () => {
    const alice = await served.signIn("alice");
    const { socket, operations } = await connect(alice, "news");
    socket.send('{"type":"t","ack":"r"}');
    expect(await operations.next()).toMatchObject({ op: "error", code: "permission_denied", ref: "r" });
    socket.terminate();
  });

  it("is closed when its token ends, and told why", async () => {
    const alice = await served.signIn("alice", { expiresIn: 3 });
    const { socket } = await connect(alice, "rooms/expiry");
    const bob = await served.signIn("bob");
    const closed = new Promise<[number, string]>((resolve) => {
      socket.on("close", (code, reason) => resolve([code, String(reason)]));
    });
    // What is published after the end reaches nobody with an ended token; the first such event closes the socket.
    const publishing = setInterval(() => void http.publish?.(bob, "rooms/expiry", { type: "t" }), 200);
    const [code, reason] = await closed;
    clearInterval(publishing);
    expect(code).toBe(4401);
    expect(reason).toMatch(/expired/);
  });
});

describe("a reader that does not keep up", () => {
  it("is cut with a reason, and goes on from its cursor with nothing lost", async () => {
    const channel = newChannel();
    await fill(channel, 0, 0, 1);
    const { socket, events } = await connect(target, channel, { after: "earliest" });
    const first = await events.next();
    socket.pause();
    const closed = new Promise<[number, string]>((resolve) => {
      socket.on("close", (code, reason) => resolve([code, String(reason)]));
    });
    await fill(channel, 1, 20, 200 * KIB);
    socket.resume();
    const [code, reason] = await closed;
    expect(code).toBe(1013);
    expect(reason).toMatch(/slow reader.*after/);
    let cursor = first.sequence;
    let seen = 0;
    for (;;) {
      const received = await events.next().catch(() => undefined);
      if (received === undefined) break;
      cursor = received.sequence ?? cursor;
      seen = (received.event.data as { n: number }).n;
    }
    expect(seen).toBeLessThan(20);
    for (let n = seen + 1; n <= 20; ) {
      const again = await connect(target, channel, { after: cursor });
      for (; n <= 20; n += 1) {
        const received = await again.events.next().catch(() => undefined);
        if (received === undefined) break;
        expect(received.event.data).toMatchObject({ n });
        cursor = received.sequence;
      }
      again.socket.terminate();
    }
  });

  it("is not cut while it answers the server's pings", async () => {
    const channel = newChannel();
    const { socket, events, operations } = await connect(target, channel);
    const answer = async () => {
      for (;;) {
        const { op, ref } = await operations.next(60_000);
        if (op === "ping") socket.send(JSON.stringify({ op: "pong", ref }));
      }
    };
    answer().catch(() => undefined);
    // More than a silent reader may have: only the answers can keep it open.
    for (let n = 0; n < 150; n += 1) {
      await fill(channel, n, n, 20 * KIB);
      expect((await events.next()).event.data).toMatchObject({ n });
    }
    socket.terminate();
  });
});
