import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Frame } from "./doors/websocket.ts";
import { connect } from "./doors/websocket.ts";
import type { ServedTarget } from "./serve-target.ts";
import { serveTarget } from "./serve-target.ts";

let server: ServedTarget;
let limited: ServedTarget;
beforeAll(async () => {
  server = await serveTarget();
  limited = await serveTarget({ RATE_LIMITS: "on", PUBLISHES_PER_SECOND: "20", REQUESTS_PER_SECOND: "1000" });
}, 60_000);
afterAll(() => Promise.all([server.stop(), limited.stop()]));

const newChannel = () => `demo/${randomUUID()}`;
const numbers = Array.from({ length: 300 }, (_, n) => n);
const eventsOf = async (target: ServedTarget, channel: string): Promise<Frame[]> => {
  const response = await fetch(`${target.url}/channels/${channel}?after=earliest&limit=1000`);
  return ((await response.json()) as { events: Frame[] }).events;
};

describe("frames that are sent without waiting for acks", () => {
  it("keep their order, their errors and their duplicates", async () => {
    const channel = newChannel();
    const { socket, events, operations } = await connect(server, channel);
    for (const n of numbers) {
      if (n % 50 === 7) socket.send(`{"data":1,"ack":${n}}`);
      // The one before again, most often in the same write.
      else socket.send(`{"type":"t","data":${n},"id":"e${n % 50 === 9 ? n - 1 : n}","ack":${n}}`);
    }
    const answers: Frame[] = [];
    for (const _ of numbers) answers.push(await operations.next());
    expect(answers.map(({ ref }) => ref)).toEqual(numbers);
    for (const [n, { op, code, duplicate, sequence }] of answers.entries()) {
      if (n % 50 === 7) expect([op, code]).toEqual(["error", "invalid_argument"]);
      else expect([op, duplicate]).toEqual(["ack", n % 50 === 9]);
      if (n % 50 === 9) expect(sequence).toBe(answers[n - 1]?.sequence);
    }
    const stored = answers.filter(({ duplicate }) => duplicate === false);
    const expected = stored.map(({ id, sequence }) => [id, sequence]);
    expect((await eventsOf(server, channel)).map(({ id, sequence }) => [id, sequence])).toEqual(expected);
    for (const [id, sequence] of expected) {
      expect(await events.next()).toMatchObject({ sequence, event: { id } });
    }
    socket.terminate();
  });

  it("are not overtaken by what is not stored, nor by an answer", async () => {
    const channel = newChannel();
    const reader = await connect(server, channel);
    const { socket, operations } = await connect(server, channel);
    for (const n of numbers) {
      if (n % 40 === 39) socket.send(`{"type":"chat.typing","data":${n}}`);
      else if (n % 40 === 20) socket.send(`{"op":"ping","ref":${n}}`);
      else socket.send(`{"type":"t","data":${n},"ack":${n}}`);
    }
    const isEvent = (n: number) => n % 40 !== 20;
    for (const n of numbers.filter(isEvent)) {
      expect((await reader.events.next()).event).toMatchObject({ data: n });
    }
    for (const n of numbers.filter((one) => one % 40 !== 39)) {
      expect(await operations.next()).toMatchObject({ op: isEvent(n) ? "ack" : "pong", ref: n });
    }
    socket.terminate();
    reader.socket.terminate();
  });

  it("are refused each by itself where the rate is used up", async () => {
    const channel = newChannel();
    const { socket, operations } = await connect(limited, channel);
    for (const n of numbers) socket.send(`{"type":"t","data":${n},"ack":${n}}`);
    const answers: Frame[] = [];
    for (const _ of numbers) answers.push(await operations.next());
    expect(answers.map(({ ref }) => ref)).toEqual(numbers);
    const taken = answers.filter(({ op }) => op === "ack");
    expect(taken.length).toBeGreaterThanOrEqual(20);
    expect(answers.slice(0, 20)).toEqual(taken.slice(0, 20));
    for (const answer of answers) {
      if (answer.op === "ack") continue;
      expect(answer).toMatchObject({ code: "rate_limited", retryAfterMs: expect.any(Number) });
    }
    const sequences = (await eventsOf(limited, channel)).map(({ sequence }) => sequence);
    expect(sequences).toEqual(taken.map(({ sequence }) => sequence));
    socket.terminate();
  });

  it("are all stored that came before the socket was closed, though nobody waits for acks", async () => {
    const channel = newChannel();
    const reader = await connect(server, channel);
    const { socket } = await connect(server, channel);
    for (const n of numbers) socket.send(`{"type":"t","data":${n}}`);
    socket.close();
    for (const n of numbers) expect((await reader.events.next()).event).toMatchObject({ data: n });
    reader.socket.terminate();
  });

  it("of a client that is cut leave an unbroken beginning, with all that was acknowledged", async () => {
    const channel = newChannel();
    const { socket, operations } = await connect(server, channel);
    for (const n of numbers) socket.send(`{"type":"t","data":${n},"ack":${n}}`);
    const first = await operations.next();
    socket.terminate();
    const events = await eventsOf(server, channel);
    expect(events[0]).toMatchObject({ data: 0, sequence: first.sequence });
    expect(events.map(({ data }) => data)).toEqual(events.map((_, n) => n));
  });
});
