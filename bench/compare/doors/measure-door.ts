import { setTimeout as delay } from "node:timers/promises";
import type { Bench } from "./bench.ts";
import { attempt, createChannel, measurePaced, openReaders, perOperationUs } from "./bench.ts";
import type { MeasuredDoor } from "./doors.ts";
import type { FanOutFigure, Measured, OneDoor, PublishFigures, PublishRate, ReadFigures } from "./figures.ts";
import type { PublishLoop } from "./load-operations.ts";
import { searchHighest } from "./search-highest.ts";

/** The channel whose events are missed; the state that servers begin with has it. */
export const BACKLOG = "demo/backlog";
/** How long a server is left alone before its memory is read. */
const SETTLE_MS = 300;
/** Before anything counts: code is compiled, pages are there. */
const WARM_UP_MS = 300;

/** Measures one door on a server that nothing else has used. What is paced slowly, and what is lost, comes from elsewhere. */
export async function measureDoor(bench: Bench, door: MeasuredDoor): Promise<OneDoor> {
  const { name, title } = door;
  const read = door.read === undefined ? undefined : await attempt(bench, () => measureReading(bench, door));
  bench.step(0.9, "publishing");
  const publish =
    door.publish === undefined ? undefined : await attempt(bench, () => measurePublishing(bench, door));
  return { name, title, read, publish };
}

async function measureReading(bench: Bench, door: MeasuredDoor): Promise<ReadFigures> {
  const { server, scale, readers, step } = bench;
  const { place } = server;
  const { name } = door;
  const missing = { missing: "It was not measured." };
  // Memory first, while there is no garbage yet that a later collection would take for the readers'.
  step(0.02, "idle subscribers");
  const most = Math.min(scale.fanOuts.at(-1) as number, door.fewer?.most ?? Number.POSITIVE_INFINITY);
  const idle = await attempt(bench, () => measureIdle(bench, name, most));
  await readers.call(place, "closeReaders", {});
  step(0.15, "warming up");
  const opening = await attempt(bench, () =>
    readers.call(place, "timeOpening", { door: name, channel: BACKLOG, times: scale.openings }),
  );
  step(0.2, "at a steady rate");
  const steady = await attempt(bench, async () => {
    await measurePaced(bench, name, scale.steadyPerSecond, WARM_UP_MS);
    return measurePaced(bench, name, scale.steadyPerSecond, scale.steadyMs);
  });
  step(0.35, "for the highest rate");
  const highest = await attempt(bench, () => searchHighest(bench, name));
  step(0.6, "for bytes");
  const bytes = [];
  for (const size of scale.sizes) {
    bytes.push(await attempt(bench, () => measureBytes(bench, door, size)));
  }
  step(0.65, "catching up");
  const catchUp = await attempt(bench, () =>
    readers.call(place, "catchUp", {
      door: name,
      channel: BACKLOG,
      after: "earliest",
      events: scale.backlogEvents,
    }),
  );
  const fanOuts: Measured<FanOutFigure>[] = [];
  for (const [index, subscribers] of scale.fanOuts.entries()) {
    step(0.7 + index * 0.06, `to ${subscribers} subscribers`);
    if (door.fewer !== undefined && subscribers > door.fewer.most) fanOuts.push({ missing: door.fewer.why });
    else fanOuts.push(await attempt(bench, () => measureFanOut(bench, name, subscribers)));
    await readers.call(place, "closeReaders", {}).catch(() => undefined);
  }
  return { opening, slow: missing, steady, highest, fanOuts, bytes, idle, catchUp, loss: missing };
}

async function measureIdle(bench: Bench, door: string, subscribers: number) {
  const { server, readers } = bench;
  const channel = await createChannel(bench);
  // What the first few need is the server's own, and no reader's.
  await openReaders(bench, door, channel, Math.ceil(subscribers / 20));
  await delay(SETTLE_MS);
  const before = server.residentBytes();
  await openReaders(bench, door, channel, subscribers);
  await delay(SETTLE_MS);
  const after = server.residentBytes();
  await readers.call(server.place, "closeReaders", {});
  if (before === undefined || after === undefined) throw new Error("There is no /proc here.");
  return { subscribers, bytesEach: (after - before) / subscribers };
}

/** What publishing costs while nobody reads. */
export async function measurePublishOnly(bench: Bench): Promise<number | undefined> {
  const { server, publisher, scale } = bench;
  const channel = await createChannel(bench);
  const publish = (durationMs: number) =>
    publisher.call(server.place, "publishPaced", {
      channels: [channel],
      perSecond: scale.steadyPerSecond,
      durationMs,
      dataBytes: scale.dataBytes,
    });
  await publish(WARM_UP_MS);
  const before = server.cpuMs();
  const { sent } = await publish(scale.steadyMs);
  return perOperationUs(before, server.cpuMs(), sent);
}

async function measureFanOut(bench: Bench, door: string, subscribers: number): Promise<FanOutFigure> {
  const { server, readers, scale } = bench;
  const channel = await createChannel(bench);
  await openReaders(bench, door, channel, subscribers);
  const before = server.cpuMs();
  const { events, deliveries, elapsedMs, cpuMs } = await readers.call(server.place, "fanOut", {
    channel,
    durationMs: scale.fanOutMs,
    window: subscribers < 10 ? 64 : subscribers < 500 ? 16 : 4,
    dataBytes: scale.dataBytes,
  });
  return {
    subscribers,
    deliveriesPerSecond: (deliveries * 1000) / elapsedMs,
    eventsPerSecond: (events * 1000) / elapsedMs,
    serverCpuUs: perOperationUs(before, server.cpuMs(), deliveries),
    clientCpuUs: (cpuMs * 1000) / deliveries,
    clientBusy: cpuMs / elapsedMs,
  };
}

async function measureBytes(bench: Bench, door: MeasuredDoor, dataBytes: number) {
  assertFits(door, dataBytes);
  const { server, readers, scale } = bench;
  const channel = await createChannel(bench);
  await openReaders(bench, door.name, channel, 1);
  try {
    const asked = { channel, dataBytes, events: scale.sizeEvents };
    return (await readers.call(server.place, "countBytes", asked)).perEvent;
  } finally {
    await readers.call(server.place, "closeReaders", {});
  }
}

/** @throws Error where a door does not carry so much */
function assertFits({ largest }: MeasuredDoor, dataBytes: number): void {
  if (largest !== undefined && dataBytes > largest.bytes) throw new Error(largest.why);
}

async function measurePublishing(bench: Bench, measured: MeasuredDoor): Promise<PublishFigures> {
  const door = measured.name;
  const { server, readers, scale } = bench;
  const channel = await createChannel(bench);
  const rate = async (concurrency: number): Promise<PublishRate> => {
    const asked = { door, channel, concurrency, durationMs: scale.publishMs, dataBytes: scale.dataBytes };
    const before = server.cpuMs();
    const loop = await readers.call(server.place, "publishLoop", asked);
    return toRate(loop, perOperationUs(before, server.cpuMs(), loop.operations));
  };
  const alone = await attempt(bench, async () => {
    await rate(scale.publishWindow);
    return rate(1);
  });
  const together = await attempt(bench, () => rate(scale.publishWindow));
  const bytes = [];
  for (const dataBytes of scale.sizes) {
    const asked = { door, channel, concurrency: 1, durationMs: 5000, dataBytes, most: scale.sizeEvents };
    bytes.push(
      await attempt(bench, async () => {
        assertFits(measured, dataBytes);
        return (await readers.call(server.place, "publishLoop", asked)).perEvent;
      }),
    );
  }
  return { alone, together, bytes };
}

function toRate(
  { operations, elapsedMs, latencies, cpuMs }: PublishLoop,
  serverCpuUs: number | undefined,
): PublishRate {
  if (latencies === undefined) throw new Error("Nothing was acknowledged.");
  return {
    perSecond: (operations * 1000) / elapsedMs,
    latencies,
    serverCpuUs,
    clientCpuUs: (cpuMs * 1000) / operations,
    clientBusy: cpuMs / elapsedMs,
  };
}
