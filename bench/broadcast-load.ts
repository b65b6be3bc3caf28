import type { BroadcastReaders } from "./broadcast-readers.ts";
import type { RequestParts } from "./http-connection.ts";
import { HttpConnection, toRequestText } from "./http-connection.ts";
import type { Sample } from "./rounds.ts";

/** What an event may take to reach all, before a run is given up. */
const DELIVERY_MS = 8000;

/** Readers of one channel and its publishers. One operation is one delivery: an event that one reader has. */
export class BroadcastLoad {
  readonly #readers: BroadcastReaders;
  readonly #publishers: readonly HttpConnection[];
  readonly #request: string;

  private constructor(readers: BroadcastReaders, publishers: readonly HttpConnection[], request: string) {
    this.#readers = readers;
    this.#publishers = publishers;
    this.#request = request;
  }

  static async open(
    readers: BroadcastReaders,
    publish: RequestParts,
    writers: number,
  ): Promise<BroadcastLoad> {
    const connections = Array.from({ length: writers }, () => HttpConnection.open(publish.url));
    return new BroadcastLoad(readers, await Promise.all(connections), toRequestText(publish));
  }

  /** Publishes one event, and the next when all have had it. A latency is of the last of them. */
  async runClosedLoop(durationMs: number): Promise<Sample> {
    const [publisher] = this.#publishers;
    if (publisher === undefined) throw new Error("There is nobody to publish.");
    const latenciesMs: number[] = [];
    const startedMs = performance.now();
    for (let sentMs = startedMs; sentMs - startedMs < durationMs; ) {
      const all = this.#untilReceived(this.#readers.count);
      await Promise.all([this.#publish(publisher), all]);
      const doneMs = performance.now();
      latenciesMs.push(doneMs - sentMs);
      sentMs = doneMs;
    }
    return this.#toSample(latenciesMs.length, startedMs, latenciesMs);
  }

  /**
   * Publishes so many events a second for so long, on as many connections as that takes of those there are, and waits until
   * all readers have all. Who cannot take them as fast gets fewer, and who cannot deliver them as fast takes longer: either
   * way fewer deliveries a second are reached than were offered. A latency is that of a publish, from when it was due.
   */
  async runOffered(durationMs: number, perSecond: number): Promise<Sample> {
    const latenciesMs: number[] = [];
    const before = this.#readers.received;
    const startedMs = performance.now();
    let next = 0;
    const write = async (publisher: HttpConnection) => {
      for (;;) {
        const dueMs = startedMs + (next * 1000) / perSecond;
        if (Math.max(dueMs, performance.now()) - startedMs >= durationMs) return;
        next += 1;
        const waitMs = dueMs - performance.now();
        if (waitMs > 1) await new Promise((resolve) => setTimeout(resolve, waitMs));
        // A timer has a millisecond for its grain, so some are sent that much early.
        const countsFromMs = Math.min(dueMs, performance.now());
        await this.#publish(publisher);
        latenciesMs.push(performance.now() - countsFromMs);
      }
    };
    await Promise.all(this.#publishers.map(write));
    const missing = next * this.#readers.count - (this.#readers.received - before);
    if (missing > 0) await this.#untilReceived(missing);
    return this.#toSample(next, startedMs, latenciesMs);
  }

  close(): void {
    for (const publisher of this.#publishers) publisher.close();
    this.#readers.close();
  }

  async #publish(publisher: HttpConnection): Promise<void> {
    const status = await publisher.send(this.#request);
    if (status < 200 || status > 299) throw new Error(`A publish was answered ${status}.`);
  }

  #toSample(events: number, startedMs: number, latenciesMs: readonly number[]): Sample {
    const elapsedMs = performance.now() - startedMs;
    return { operations: events * this.#readers.count, elapsedMs, latenciesMs };
  }

  /** @throws Error where they do not arrive in time, saying how many are missing */
  #untilReceived(deliveries: number): Promise<void> {
    const all = Promise.withResolvers<void>();
    let missing = deliveries;
    const giveUp = () => {
      const { connected, count } = this.#readers;
      all.reject(
        new Error(
          `${missing} of ${deliveries} deliveries did not arrive; ${connected} of ${count} readers are connected.`,
        ),
      );
    };
    let timer = setTimeout(giveUp, DELIVERY_MS);
    let refreshedMs = performance.now();
    this.#readers.onEvents = (events) => {
      missing -= events;
      if (missing <= 0) {
        clearTimeout(timer);
        all.resolve();
      } else if (performance.now() - refreshedMs > DELIVERY_MS / 8) {
        // As long as something arrives, it is slow and not lost.
        refreshedMs = performance.now();
        clearTimeout(timer);
        timer = setTimeout(giveUp, DELIVERY_MS);
      }
    };
    return all.promise;
  }
}
