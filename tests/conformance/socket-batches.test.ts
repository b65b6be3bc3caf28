import { once } from "node:events";
import { afterAll, beforeAll, expect, it } from "vitest";
import { WebSocket } from "ws";
import { sse } from "./doors/sse.ts";
import type { Connection } from "./doors/websocket.ts";
import { connect } from "./doors/websocket.ts";
import type { ServedTarget } from "./serve-target.ts";
import { serveTarget } from "./serve-target.ts";

/** Enough that events are gathered for a few milliseconds (durable-objects/channel-batches.ts). */
const READERS = 120;
const EVENTS = 300;
const CHANNEL = "demo/socket-batches";

interface Event {
  readonly sequence?: string;
  readonly type: string;
  readonly data?: unknown;
}

/** A reader that takes several events in a frame, and the frames that it was sent. */
interface BatchReader {
  readonly socket: WebSocket;
  readonly frames: (Event | readonly Event[])[];
  /** Resolves when it has so many events. */
  until(count: number): Promise<readonly Event[]>;
}

let served: ServedTarget;
const sockets: WebSocket[] = [];
beforeAll(async () => {
  served = await serveTarget();
}, 60_000);
afterAll(async () => {
  for (const socket of sockets) socket.terminate();
  await served.stop();
});

async function openBatchReader(after = "latest"): Promise<BatchReader> {
  const url = `${served.url.replace(/^http/, "ws")}/ws/${CHANNEL}?after=${after}`;
  const socket = new WebSocket(url, ["everywire.batch", "everywire"]);
  sockets.push(socket);
  const frames: (Event | readonly Event[])[] = [];
  let onFrame: () => void = () => undefined;
  socket.on("message", (data) => {
    frames.push(JSON.parse(String(data)) as Event | readonly Event[]);
    onFrame();
  });
  await once(socket, "open");
  expect(socket.protocol).toBe("everywire.batch");
  const until = async (count: number) => {
    while (frames.flat().length < count) await new Promise<void>((resolve) => (onFrame = resolve));
    return frames.flat() as readonly Event[];
  };
  return { socket, frames, until };
}

async function openPlainReader(): Promise<Connection> {
  const connection = await connect({ url: served.url }, CHANNEL);
  sockets.push(connection.socket);
  return connection;
}

it("reach every reader in order and once, in few frames where a reader takes several", async () => {
  const [batched, plain, stream] = await Promise.all([
    Promise.all(Array.from({ length: READERS - 2 }, () => openBatchReader())),
    Promise.all([openPlainReader(), openPlainReader()]),
    sse.read?.({ url: served.url }, CHANNEL),
  ]);
  const publisher = await connect({ url: served.url }, "demo/socket-batches");
  sockets.push(publisher.socket);
  const numbers = Array.from({ length: EVENTS }, (_, n) => n);
  const joining: Promise<BatchReader>[] = [];
  for (const n of numbers) {
    publisher.socket.send(JSON.stringify({ type: "t", data: n }));
    // Somebody comes while events are being gathered for the others.
    if (n % 100 === 50) joining.push(openBatchReader("earliest"));
  }
  // What is not stored must not overtake what is.
  publisher.socket.send(JSON.stringify({ type: "chat.typing", data: "last" }));

  for (const reader of batched) {
    const events = await reader.until(EVENTS + 1);
    expect(events.map(({ data }) => data)).toEqual([...numbers, "last"]);
    const sequences = events.flatMap(({ sequence }) => sequence ?? []);
    expect(sequences).toEqual([...new Set(sequences)].sort());
    expect(reader.frames.some(Array.isArray)).toBe(true);
    expect(reader.frames.length).toBeLessThan(EVENTS);
  }
  for (const { events } of plain) {
    // One event a frame, as ever: `connect` would take an array for no event at all.
    for (const n of numbers) expect((await events.next()).event.data).toBe(n);
  }
  for (const n of numbers) expect((await stream?.next())?.event.data).toBe(n);
  for (const reader of await Promise.all(joining)) {
    const stored = (await reader.until(EVENTS)).filter(({ sequence }) => sequence !== undefined);
    expect(stored.map(({ data }) => data)).toEqual(numbers);
  }

  // A cursor from the middle of a frame resumes in the middle of it, on another wire too.
  const frame = batched[0]?.frames.find(
    (one): one is readonly Event[] => Array.isArray(one) && one.length > 2,
  );
  const middle = frame?.[1];
  const next = frame?.[2];
  const resumed = await openBatchReader(middle?.sequence);
  expect((await resumed.until(1))[0]).toEqual(next);
  const elsewhere = await sse.read?.({ url: served.url }, CHANNEL, middle?.sequence);
  expect((await elsewhere?.next())?.sequence).toBe(next?.sequence);
  for (const reader of [stream, elsewhere]) await reader?.cut();
}, 60_000);

it("are not sent to who did not ask", async () => {
  const { socket } = await connect({ url: served.url }, CHANNEL, { protocols: ["everywire"] });
  sockets.push(socket);
  expect(socket.protocol).toBe("everywire");
});
