import { setTimeout as delay } from "node:timers/promises";
import { within } from "../../deadline.ts";
import type { Lab } from "../chapter.ts";
import type { CountedServer, Usage } from "./counted-server.ts";
import { startCountedServer } from "./counted-server.ts";
import type { CostFigures, Counted, ReadingFigures } from "./figures.ts";
import { subtract } from "./price.ts";
import type { Publisher } from "./publishers.ts";
import { PUBLISHERS } from "./publishers.ts";
import type { Subscribing } from "./subscribers.ts";
import { MARKED_DATA, SUBSCRIBINGS } from "./subscribers.ts";

interface Scale {
  readonly publishes: number;
  readonly events: number;
  readonly many: number;
  readonly idleMs: number;
}

const WHOLE: Scale = { publishes: 60, events: 20, many: 100, idleMs: 1500 };
const QUICK: Scale = { publishes: 5, events: 3, many: 3, idleMs: 200 };
const PER_SECOND = 20;
const DEADLINE_MS = 20_000;
/** For what follows an answer: followers that are told, connections that are written to. */
const SETTLE_MS = 200;

/** Counts what a publish and a read of each door use. */
export async function measureCost(lab: Lab): Promise<CostFigures> {
  const scale = lab.isQuick ? QUICK : WHOLE;
  const wanted = lab.isQuick
    ? SUBSCRIBINGS.filter(({ name }) => ["sse", "long-poll"].includes(name))
    : SUBSCRIBINGS;
  const server = await startCountedServer();
  let done = 0;
  const step = (label: string) => {
    lab.signal.throwIfAborted();
    // A reading takes about six times as long as a publishing.
    lab.progress(done / (PUBLISHERS.length + 6 * wanted.length), label);
  };
  try {
    const publishing: Counted[] = [];
    for (const publisher of PUBLISHERS) {
      step(`publish: ${publisher.name}`);
      publishing.push(await countPublishing(server, publisher, scale.publishes));
      done += 1;
    }
    const base = await countBase(server, scale.events);
    const reading: ReadingFigures[] = [];
    for (const subscribing of wanted) {
      step(`read: ${subscribing.name}`);
      reading.push(await countReading(server, subscribing, base, scale));
      done += 6;
    }
    return { publishing, reading, perSecond: PER_SECOND, base, baseEvents: scale.events };
  } finally {
    await server.stop();
  }
}

async function countPublishing(
  server: CountedServer,
  { name, eventsEach = 1, isLater = false, open }: Publisher,
  publishes: number,
): Promise<Counted> {
  const calls = Math.ceil(publishes / Math.min(eventsEach, 10));
  const events = calls * eventsEach;
  try {
    const channel = newChannel();
    // The channel's first event makes it, and the directory hears of it: once for each channel.
    await publish(server, channel);
    const publisher = await open(server, channel);
    try {
      await publisher.publish();
      await delay(SETTLE_MS);
      await server.reset();
      for (let call = 0; call < calls; call += 1) await publisher.publish();
      if (isLater) await within(`${name}: the deliveries`, DEADLINE_MS, untilWritten(server, events));
      return { name, events, usage: await server.read() };
    } finally {
      publisher.close();
    }
  } catch (error) {
    return { name, events, failure: toText(error) };
  }
}

async function untilWritten(server: CountedServer, rows: number): Promise<void> {
  while ((await server.read()).rowsWritten < rows) await delay(20);
  // The delivery itself has yet to be answered.
  await delay(SETTLE_MS);
}

/** What the publishes cost by themselves, at the pace of the reading runs. */
async function countBase(server: CountedServer, events: number): Promise<Usage> {
  const channel = newChannel();
  await publish(server, channel);
  await delay(SETTLE_MS);
  await server.reset();
  await publishPaced(server, channel, events);
  return server.read();
}

async function countReading(
  server: CountedServer,
  subscribing: Subscribing,
  base: Usage,
  scale: Scale,
): Promise<ReadingFigures> {
  const count = (subscribers: number, idleMs: number) =>
    countSubscribers(server, subscribing, { subscribers, base, idleMs, events: scale.events });
  const one = await count(1, 0);
  const many = await count(scale.many, scale.idleMs);
  return {
    name: subscribing.name,
    byOne: one.counted,
    byMany: { ...many.counted, subscribers: scale.many },
    ...(many.connecting === undefined ? {} : { connecting: many.connecting }),
    ...(many.idle === undefined ? {} : { idle: { seconds: scale.idleMs / 1000, usage: many.idle } }),
  };
}

interface SubscribersCounted {
  readonly counted: Counted;
  readonly connecting?: Usage;
  readonly idle?: Usage;
}

async function countSubscribers(
  server: CountedServer,
  { name, open }: Subscribing,
  run: {
    readonly subscribers: number;
    readonly base: Usage;
    readonly idleMs: number;
    readonly events: number;
  },
): Promise<SubscribersCounted> {
  const { subscribers, events } = run;
  const stop = new AbortController();
  let missing = events * subscribers;
  const all = Promise.withResolvers<void>();
  all.promise.catch(() => undefined);
  const onEvent = () => {
    missing -= 1;
    if (missing === 0) all.resolve();
  };
  try {
    const channel = newChannel();
    await publish(server, channel);
    await delay(SETTLE_MS);
    // What the last door's subscribers still wait for is none of this one's.
    await server.reset({ forgetsWaiting: true });
    const subscription = { count: subscribers, signal: stop.signal, onEvent, onFailure: all.reject };
    await within(`${name}: connecting`, DEADLINE_MS, open(server, channel, subscription));
    await delay(SETTLE_MS);
    const connecting = await server.read();
    await server.reset();
    await delay(run.idleMs);
    const idle = await server.read();
    await server.reset();
    await publishPaced(server, channel, events);
    await within(`${name}: the deliveries`, DEADLINE_MS, all.promise);
    return { counted: { name, events, usage: subtract(await server.read(), run.base) }, connecting, idle };
  } catch (error) {
    return { counted: { name, events, failure: `${toText(error)} (${missing} deliveries were missing)` } };
  } finally {
    stop.abort();
  }
}

function toText(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function newChannel(): string {
  return `demo/cost-${crypto.randomUUID()}`;
}

async function publishPaced(server: CountedServer, channel: string, events: number): Promise<void> {
  const startedMs = performance.now();
  for (let index = 0; index < events; index += 1) {
    await delay(Math.max(0, startedMs + (index * 1000) / PER_SECOND - performance.now()));
    await publish(server, channel);
  }
}

async function publish({ url }: CountedServer, channel: string): Promise<void> {
  const response = await fetch(`${url}/channels/${channel}`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ type: "note", data: MARKED_DATA }),
  });
  if (response.status !== 201) throw new Error(`A publish was answered ${response.status}.`);
  await response.text();
}
