import type { RequestParts } from "./http-connection.ts";
import { HttpConnection, toRequestText } from "./http-connection.ts";
import type { Reader, ReaderKind } from "./readers.ts";
import { openReaders } from "./readers.ts";
import type { Sample } from "./rounds.ts";

const DEADLINE_MS = 30_000;

/** How many publish at once where a channel is given all that it can take. */
const WRITERS = 128;

/** Readers of one channel, and its publishers. One operation is one event, published and received by all of them. */
export class FanOut {
  readonly #publisher: HttpConnection;
  readonly #writers: readonly HttpConnection[];
  readonly #request: string;
  readonly #readers: readonly Reader[];
  /** How many events each reader has had, which is also the number of its last one. */
  readonly #received: number[];
  #published = 0;
  #onDelivery: (event: number) => void = () => undefined;

  static async open(
    kind: ReaderKind,
    readUrl: string,
    publish: RequestParts,
    count: number,
  ): Promise<FanOut> {
    const publisher = await HttpConnection.open(publish.url);
    const writers = await Promise.all(
      Array.from({ length: WRITERS }, () => HttpConnection.open(publish.url)),
    );
    let fanOut: FanOut | undefined;
    const readers = await openReaders(kind, readUrl, count, (index) => {
      if (fanOut !== undefined) fanOut.#onEvent(index);
    });
    fanOut = new FanOut(publisher, writers, toRequestText(publish), readers);
    return fanOut;
  }

  private constructor(
    publisher: HttpConnection,
    writers: readonly HttpConnection[],
    request: string,
    readers: readonly Reader[],
  ) {
    this.#publisher = publisher;
    this.#writers = writers;
    this.#request = request;
    this.#readers = readers;
    this.#received = readers.map(() => 0);
  }

  /** Publishes when all have had the last event. */
  async runClosedLoop(durationMs: number): Promise<Sample> {
    const latenciesMs: number[] = [];
    const startedMs = performance.now();
    let operations = 0;
    while (performance.now() - startedMs < durationMs) {
      const sentMs = performance.now();
      await this.publish(1, () => sentMs, latenciesMs);
      operations += 1;
    }
    return { operations, elapsedMs: performance.now() - startedMs, latenciesMs };
  }

  /** Publishes so many a second. A latency counts from when the event was due, so that falling behind shows. */
  async runPaced(durationMs: number, perSecond: number): Promise<Sample> {
    const latenciesMs: number[] = [];
    const startedMs = performance.now();
    const operations = Math.max(1, Math.round((durationMs * perSecond) / 1000));
    await this.publish(operations, (index) => startedMs + (index * 1000) / perSecond, latenciesMs);
    return { operations, elapsedMs: performance.now() - startedMs, latenciesMs };
  }

  /**
   * {@link WRITERS} publish, each its next event when the last one is answered; ends when all have had all of them.
   * Latencies are of the answers: under such load an event's delivery is a matter of how long the queue is.
   */
  async runSaturated(durationMs: number): Promise<Sample> {
    const latenciesMs: number[] = [];
    const startedMs = performance.now();
    const before = this.#published;
    let missing = 0;
    const all = Promise.withResolvers<void>();
    let isSent = false;
    this.#onDelivery = () => {
      missing -= 1;
      if (isSent && missing === 0) all.resolve();
    };
    const write = async (writer: HttpConnection) => {
      while (performance.now() - startedMs < durationMs) {
        this.#published += 1;
        missing += this.#readers.length;
        const sentMs = performance.now();
        assertCreated(await writer.send(this.#request));
        latenciesMs.push(performance.now() - sentMs);
      }
    };
    const timer = setTimeout(
      () => all.reject(new Error(`${missing} deliveries did not arrive.`)),
      durationMs + DEADLINE_MS,
    );
    try {
      await Promise.all(this.#writers.map(write));
      isSent = true;
      if (missing > 0) await all.promise;
    } finally {
      clearTimeout(timer);
    }
    return {
      operations: this.#published - before,
      elapsedMs: performance.now() - startedMs,
      latenciesMs,
    };
  }

  /**
   * Publishes `count` events, each when it is due, and resolves when every reader has had all of them.
   *
   * @throws Error where that takes longer than {@link DEADLINE_MS}, saying how many are missing
   */
  async publish(count: number, dueMsOf: (index: number) => number, latenciesMs: number[]): Promise<void> {
    const first = this.#published + 1;
    this.#published += count;
    const all = Promise.withResolvers<void>();
    let missing = count * this.#readers.length;
    this.#onDelivery = (event) => {
      latenciesMs.push(performance.now() - dueMsOf(event - first));
      missing -= 1;
      if (missing === 0) all.resolve();
    };
    const timer = setTimeout(
      () => all.reject(new Error(`${missing} deliveries did not arrive.`)),
      DEADLINE_MS,
    );
    try {
      await Promise.all([all.promise, this.#send(count, dueMsOf)]);
    } finally {
      clearTimeout(timer);
    }
  }

  close(): void {
    this.#publisher.close();
    for (const writer of this.#writers) writer.close();
    for (const reader of this.#readers) reader.leave();
  }

  async #send(count: number, dueMsOf: (index: number) => number): Promise<void> {
    for (let index = 0; index < count; index += 1) {
      const waitMs = dueMsOf(index) - performance.now();
      if (waitMs > 1) await new Promise((resolve) => setTimeout(resolve, waitMs));
      assertCreated(await this.#publisher.send(this.#request));
    }
  }

  #onEvent(reader: number): void {
    const event = (this.#received[reader] ?? 0) + 1;
    this.#received[reader] = event;
    this.#onDelivery(event);
  }
}

function assertCreated(status: number): void {
  if (status !== 201) throw new Error(`A publish was answered ${status}.`);
}
