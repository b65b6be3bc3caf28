import type { Measured, Paced, Scale } from "./figures.ts";
import type { LabServer } from "./lab-server.ts";
import type { LoadProcess } from "./load-process.ts";

const ARRIVAL_TIMEOUT_MS = 10_000;

/** What measuring one door needs. */
export interface Bench {
  readonly server: LabServer;
  readonly scale: Scale;
  readonly readers: LoadProcess;
  readonly publisher: LoadProcess;
  readonly signal: AbortSignal;
  /** @param part of this door that is done, from 0 to 1 */
  step(part: number, what: string): void;
}

let channels = 0;

/** A channel that nobody has used; it is there, since some wires refuse to read what is not. */
export async function createChannel({ server, publisher, scale }: Bench): Promise<string> {
  channels += 1;
  const channel = `demo/lab-${channels}`;
  await publisher.call(server.place, "publishPaced", {
    channels: [channel],
    perSecond: 100,
    durationMs: 1,
    dataBytes: scale.dataBytes,
  });
  return channel;
}

/** Runs a step; what goes wrong in it is its figure, and the others go on. */
export async function attempt<T extends object>(
  bench: Pick<Bench, "signal">,
  work: () => Promise<T>,
): Promise<Measured<T>> {
  bench.signal.throwIfAborted();
  try {
    return await work();
  } catch (thrown) {
    bench.signal.throwIfAborted();
    return { missing: thrown instanceof Error ? thrown.message : String(thrown) };
  }
}

/** Opens so many readers of a channel over a door. */
export function openReaders({ server, readers }: Bench, door: string, channel: string, count: number) {
  return readers.call(server.place, "openReaders", {
    readers: Array.from({ length: count }, () => ({ door, channel })),
    after: "latest",
  });
}

/**
 * Publishes at a pace to one reader, on a channel of its own.
 *
 * @param lateMs how long after the last answer to the publisher the last event may come
 * @throws Error where events did not arrive
 */
export async function measurePaced(
  bench: Bench,
  door: string,
  perSecond: number,
  durationMs: number,
  lateMs = ARRIVAL_TIMEOUT_MS,
): Promise<Paced> {
  const { server, readers, publisher, scale } = bench;
  const { place } = server;
  const channel = await createChannel(bench);
  await openReaders(bench, door, channel, 1);
  try {
    const cpuBeforeMs = server.cpuMs();
    const sent = await publisher.call(place, "publishPaced", {
      channels: [channel],
      perSecond,
      durationMs,
      dataBytes: scale.dataBytes,
    });
    const collected = await readers.call(place, "collect", {
      count: sent.sent,
      timeoutMs: lateMs,
    });
    const cpuAfterMs = server.cpuMs();
    const { received, latencies, ended } = collected;
    if (received < sent.sent || latencies === undefined) {
      throw new Error(`Of ${sent.sent} events ${received} arrived. ${ended.join(" ")}`.trim());
    }
    return {
      perSecond: Math.round((sent.sent / sent.elapsedMs) * 1000),
      latencies,
      serverCpuUs: perOperationUs(cpuBeforeMs, cpuAfterMs, sent.sent),
      clientCpuUs: (collected.cpuMs * 1000) / sent.sent,
      clientBusy: collected.cpuMs / Math.max(durationMs, sent.elapsedMs),
    };
  } finally {
    await readers.call(place, "closeReaders", {});
  }
}

/** CPU for each operation, in microseconds; undefined where there is no /proc. */
export function perOperationUs(
  beforeMs: number | undefined,
  afterMs: number | undefined,
  operations: number,
) {
  return beforeMs === undefined || afterMs === undefined || operations === 0
    ? undefined
    : ((afterMs - beforeMs) * 1000) / operations;
}
