/**
 * The process that makes load: a line of JSON in, a line out. It is a process of its own so that what the client's side costs can be
 * counted by itself.
 */
import { createInterface } from "node:readline";
import { setTimeout as delay } from "node:timers/promises";
import { cpuMsOf } from "../../process-usage.ts";
import { toLatencies } from "../statistics.ts";
import { doorOf } from "./doors.ts";
import type { LoadAnswer, LoadName, LoadOperations, LoadRequest } from "./load-operations.ts";
import { EventData, MarkScanner } from "./mark.ts";
import type { Place, Traffic } from "./place.ts";
import type { Publisher } from "./publisher.ts";
import { publishTcp } from "./publishers/connections.ts";
import { ReaderGroup } from "./reader-group.ts";
import { relayPid } from "./web-transport.ts";

const ARRIVAL_TIMEOUT_MS = 20_000;
/** What is published beside its acknowledgement has come by then. */
const SETTLE_MS = 100;

const group = new ReaderGroup();

type Handlers = {
  readonly [Name in LoadName]: (
    place: Place,
    asked: Parameters<LoadOperations[Name]>[0],
  ) => Promise<ReturnType<LoadOperations[Name]>>;
};

const handlers: Handlers = {
  openReaders: async (place, { readers, after }) => {
    const startedMs = performance.now();
    await group.open(place, readers, after);
    countedCpuMs = await cpuMs();
    return { openMs: performance.now() - startedMs };
  },

  closeReaders: async () => {
    await group.close();
    return {};
  },

  timeOpening: async (place, { door, channel, times }) => {
    const connectMs: number[] = [];
    const firstEventMs: number[] = [];
    for (let n = 0; n < times; n += 1) {
      const startedMs = performance.now();
      await group.open(place, [{ door, channel }], "latest");
      connectMs.push(performance.now() - startedMs);
      await group.close();
    }
    for (let n = 0; n < times; n += 1)
      firstEventMs.push((await readBacklog(place, door, channel, "earliest", 1)).elapsedMs);
    return { connect: toLatencies(connectMs), firstEvent: toLatencies(firstEventMs) };
  },

  collect: async (_place, { count, timeoutMs }) => {
    await arrivals(count, timeoutMs);
    const now = await cpuMs();
    const collected = group.take(now - countedCpuMs);
    countedCpuMs = now;
    return collected;
  },

  publishPaced: async (place, { channels, perSecond, durationMs, dataBytes }) => {
    const publishers = await Promise.all(channels.map((channel) => publishTcp(place, channel, 1)));
    const data = new EventData(dataBytes);
    const total = Math.max(1, Math.round((perSecond * durationMs) / 1000)) * channels.length;
    const everyMs = 1000 / (perSecond * channels.length);
    const answers: Promise<void>[] = [];
    const cpuBeforeMs = await cpuMs();
    const startedMs = performance.now();
    for (let sent = 0; sent < total; ) {
      const due = Math.min(total, Math.floor((performance.now() - startedMs) / everyMs) + 1);
      for (; sent < due; sent += 1)
        answers.push((publishers[sent % channels.length] as Publisher).send(data.next()));
      const waitMs = startedMs + sent * everyMs - performance.now();
      // Timers are of whole milliseconds: events of a high rate go out a few at a time.
      if (sent < total) await delay(Math.max(0, waitMs));
    }
    const elapsedMs = performance.now() - startedMs;
    await Promise.all(answers);
    const answeredAfterMs = performance.now() - startedMs - elapsedMs;
    for (const publisher of publishers) publisher.close();
    return { sent: total, elapsedMs, answeredAfterMs, cpuMs: (await cpuMs()) - cpuBeforeMs };
  },

  fanOut: async (place, { channel, durationMs, window, dataBytes }) => {
    const publisher = await publishTcp(place, channel, 1);
    const data = new EventData(dataBytes);
    const { size } = group;
    group.reset();
    const cpuBeforeMs = await cpuMs();
    const startedMs = performance.now();
    let events = 0;
    let failure: unknown;
    while (performance.now() - startedMs < durationMs && failure === undefined) {
      for (; events * size - group.received < window * size; events += 1) {
        publisher.send(data.next()).catch((thrown: unknown) => {
          failure = thrown;
        });
      }
      await arrivals((events - window + 1) * size, ARRIVAL_TIMEOUT_MS);
    }
    if (failure !== undefined) throw failure;
    await arrivals(events * size, ARRIVAL_TIMEOUT_MS);
    const elapsedMs = performance.now() - startedMs;
    const deliveries = group.received;
    publisher.close();
    const collected = group.take(0);
    if (collected.ended.length > 0)
      throw new Error(`${collected.ended.length} readers ended: ${collected.ended[0]}`);
    if (deliveries < events * size) throw new Error(`Of ${events * size} deliveries ${deliveries} arrived.`);
    return { events, deliveries, elapsedMs, cpuMs: (await cpuMs()) - cpuBeforeMs };
  },

  countBytes: async (place, { channel, dataBytes, events }) => {
    const publisher = await publishTcp(place, channel, 1);
    const data = new EventData(dataBytes);
    group.reset();
    const sendOne = async (wanted: number) => {
      await publisher.send(data.next());
      await arrivals(wanted, ARRIVAL_TIMEOUT_MS);
      if (group.received < wanted) throw new Error("An event did not arrive.");
    };
    // What is behind the mark of an event, and what answers it, an acknowledgement or the next poll, is on its way.
    const settle = () => delay(SETTLE_MS);
    await sendOne(1);
    await settle();
    const before = group.traffic;
    for (let n = 0; n < events; n += 1) await sendOne(n + 2);
    await settle();
    const perEvent = perOperation(before, group.traffic, events);
    publisher.close();
    return { perEvent };
  },

  publishLoop: async (
    place,
    { door, channel, concurrency, durationMs, dataBytes, most = Number.POSITIVE_INFINITY },
  ) => {
    const { publish } = doorOf(door);
    if (publish === undefined) throw new Error(`Nobody publishes over ${door}.`);
    const publisher = await publish(place, channel, concurrency);
    const data = new EventData(dataBytes);
    await publisher.send(data.next());
    const timesMs: number[] = [];
    const before = publisher.traffic;
    const cpuBeforeMs = await cpuMs();
    const startedMs = performance.now();
    const run = async () => {
      for (let sentMs = performance.now(); sentMs - startedMs < durationMs && timesMs.length < most; ) {
        await publisher.send(data.next());
        const doneMs = performance.now();
        timesMs.push(doneMs - sentMs);
        sentMs = doneMs;
      }
    };
    await Promise.all(Array.from({ length: concurrency }, run));
    const elapsedMs = performance.now() - startedMs;
    const operations = timesMs.length;
    const perEvent = perOperation(before, publisher.traffic, operations);
    publisher.close();
    return {
      operations,
      elapsedMs,
      latencies: toLatencies(timesMs),
      perEvent,
      cpuMs: (await cpuMs()) - cpuBeforeMs,
    };
  },

  publishToArrival: async (place, { door, channel, arrivesOn, times, dataBytes }) => {
    const { publish } = doorOf(door);
    if (publish === undefined) throw new Error(`Nobody publishes over ${door}.`);
    const publisher = await publish(place, channel, 1);
    const data = new EventData(dataBytes);
    // Some channels are there only once something was published.
    await publisher.send(data.next());
    await delay(SETTLE_MS);
    await group.open(place, [{ door: "websocket", channel: arrivesOn }], "latest");
    group.reset();
    try {
      for (let n = 1; n <= times; n += 1) {
        await publisher.send(data.next());
        await arrivals(n, ARRIVAL_TIMEOUT_MS);
        if (group.received < n) throw new Error("An event did not arrive.");
      }
      return { arrival: group.take(0).latencies };
    } finally {
      publisher.close();
      await group.close();
    }
  },

  catchUp: (place, { door, channel, after, events }) => readBacklog(place, door, channel, after, events),
};

let countedCpuMs = 0;

/** Resolves when readers have so many, or the time is over. */
async function arrivals(count: number, timeoutMs: number): Promise<void> {
  if (group.received >= count || group.hasEnded) return;
  const enough = Promise.withResolvers<void>();
  const timer = setTimeout(enough.resolve, timeoutMs);
  group.onArrival = () => {
    if (group.received >= count || group.hasEnded) enough.resolve();
  };
  await enough.promise;
  clearTimeout(timer);
  group.onArrival = () => undefined;
}

/** How long it takes from the first byte of a new connection to the last of so many events that were there before. */
async function readBacklog(place: Place, name: string, channel: string, after: string, events: number) {
  const { read } = doorOf(name);
  if (read === undefined) throw new Error(`Nobody reads over ${name}.`);
  const done = Promise.withResolvers<number>();
  let received = 0;
  const scanner = new MarkScanner(() => {
    received += 1;
    if (received === events) done.resolve(performance.now());
  });
  const onEnd = (why: string) => done.reject(new Error(`It ended after ${received} events: ${why}`));
  const timer = setTimeout(() => onEnd("Nothing more came."), ARRIVAL_TIMEOUT_MS);
  const startedMs = performance.now();
  done.promise.catch(() => undefined);
  const reader = await read(place, { channel, after, onBytes: (chunk) => scanner.push(chunk), onEnd });
  try {
    const endedMs = await done.promise;
    return { elapsedMs: endedMs - startedMs, receivedBytes: reader.traffic.receivedBytes };
  } finally {
    clearTimeout(timer);
    await reader.close();
  }
}

function perOperation(before: Traffic, after: Traffic, operations: number): Traffic {
  return {
    sentBytes: (after.sentBytes - before.sentBytes) / operations,
    receivedBytes: (after.receivedBytes - before.receivedBytes) / operations,
  };
}

/** CPU of the client's side so far: this process, and the one that carries WebTransport for it. */
async function cpuMs(): Promise<number> {
  const { user, system } = process.cpuUsage();
  const pid = await relayPid();
  return (user + system) / 1000 + (pid === undefined ? 0 : (cpuMsOf(pid) ?? 0));
}

async function answer(line: string): Promise<LoadAnswer> {
  const { place, name, asked } = JSON.parse(line) as LoadRequest;
  try {
    const handle = handlers[name] as (place: Place, asked: unknown) => Promise<unknown>;
    return { value: await handle(place, asked) };
  } catch (thrown) {
    return { failure: thrown instanceof Error ? thrown.message : String(thrown) };
  }
}

// A publish that is refused when nobody waits for it is told by the operation that it belongs to.
process.on("unhandledRejection", () => undefined);
for await (const line of createInterface({ input: process.stdin })) {
  process.stdout.write(`${JSON.stringify(await answer(line))}\n`);
}
process.exit();
