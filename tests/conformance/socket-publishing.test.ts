import { randomUUID } from "node:crypto";
import { once } from "node:events";
import type { Socket } from "node:net";
import { setTimeout } from "node:timers/promises";
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

  it("are all stored before anything that comes behind them elsewhere is answered", async () => {
    const channel = newChannel();
    const { socket, operations } = await connect(server, channel);
    for (const n of numbers) socket.send(`{"type":"t","data":${n},"ack":${n}}`);
    await operations.next();
    const response = await fetch(`${server.url}/channels/${channel}`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: '{"type":"t","data":"last"}',
    });
    expect(response.status).toBe(201);
    const events = await eventsOf(server, channel);
    expect(events.some(({ data }) => data === "last")).toBe(true);
    for (const n of numbers.slice(1)) expect(await operations.next()).toMatchObject({ op: "ack", ref: n });
    const all = (await eventsOf(server, channel)).map(({ data }) => data).filter((data) => data !== "last");
    expect(all).toEqual(numbers);
    socket.terminate();
  });

  it("are answered before a plain ping that comes behind them", async () => {
    const { socket, operations } = await connect(server, newChannel());
    for (const n of numbers) {
      socket.send(n % 20 === 19 ? '{"op":"ping"}' : `{"type":"t","data":${n},"ack":${n}}`);
    }
    for (const n of numbers) {
      expect(await operations.next()).toEqual(
        n % 20 === 19 ? { op: "pong" } : expect.objectContaining({ op: "ack", ref: n }),
      );
    }
    socket.terminate();
  });
});

/** Longer than the server takes under any load: a client that gives up before cuts what is on its way. */
const PATIENT = { closeTimeoutMs: 25_000 };
const ROUNDS = Number(process.env.SOCKET_CLOSING_ROUNDS ?? 3);
const ROUNDS_TIMEOUT_MS = 30_000 + ROUNDS * 2000;

describe("what was sent before the end of a socket", () => {
  const toFrame = (n: number, hasAck: boolean) => `{"type":"t","data":${n}${hasAck ? `,"ack":${n}` : ""}}`;
  const isSorted = (values: readonly number[]) =>
    values.every((value, index) => index === 0 || (values[index - 1] ?? 0) < value);

  it.each([
    ["the close frame is right behind", 1, () => false],
    ["half of the frames are acknowledged", 1, (n: number) => n % 2 === 0],
    ["several sockets take turns", 4, () => false],
    ["several sockets do, some with acks", 4, (n: number) => n % 3 === 0],
  ])(
    "is stored, and reaches readers in order: %s",
    async (_case, count, hasAck) => {
      for (let round = 0; round < ROUNDS; round += 1) {
        const channel = newChannel();
        const reader = await connect(server, channel);
        const publishers = await Promise.all(
          Array.from({ length: count }, () => connect(server, channel, PATIENT)),
        );
        const ended = publishers.map(({ socket }) => once(socket, "close"));
        for (const n of numbers) publishers[n % count]?.socket.send(toFrame(n, hasAck(n)));
        for (const { socket } of publishers) socket.close();
        const got: number[] = [];
        for (const _ of numbers) got.push((await reader.events.next()).event.data as number);
        for (const index of publishers.keys()) {
          expect(isSorted(got.filter((n) => n % count === index))).toBe(true);
        }
        expect([...got].sort((a, b) => a - b)).toEqual(numbers);
        // The server's own answer, and not our client's patience, ended it.
        for (const [code] of await Promise.all(ended)) expect(code).toBe(1005);
        reader.socket.terminate();
      }
    },
    ROUNDS_TIMEOUT_MS,
  );

  it.each([
    ["is cut at once", 0],
    ["is cut while acks come", 3],
  ])(
    "is an unbroken beginning where the connection %s, and holds up nobody",
    async (_case, delayMs) => {
      for (let round = 0; round < ROUNDS; round += 1) {
        const channel = newChannel();
        const reader = await connect(server, channel);
        const { socket, operations } = await connect(server, channel);
        for (const n of numbers) socket.send(toFrame(n, true));
        let acknowledged = -1;
        if (delayMs > 0) {
          acknowledged = (await operations.next()).ref as number;
          await setTimeout(delayMs);
        }
        // RST: what the server has not read yet is gone.
        (socket as unknown as { readonly _socket: Socket })._socket.resetAndDestroy();
        const other = await connect(server, channel);
        other.socket.send('{"type":"t","data":"alone","ack":1}');
        const { sequence } = await other.operations.next();
        const got: unknown[] = [];
        for (;;) {
          const { event } = await reader.events.next();
          if (event.sequence === sequence) break;
          got.push(event.data);
        }
        expect(got).toEqual(got.map((_, n) => n));
        expect(got.length).toBeGreaterThan(acknowledged);
        other.socket.terminate();
        reader.socket.terminate();
      }
    },
    ROUNDS_TIMEOUT_MS,
  );
});
