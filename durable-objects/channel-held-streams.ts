import type { EverywireError } from "../core/error.ts";
import { encodeGapEvent, GAP_TYPE } from "../core/event.ts";
import { channelDeleted, closedAndRead, takesNothing, tokenExpired, tooSlow } from "../core/feed-ends.ts";
import { heartbeatMsOf, MAX_MISSED_HEARTBEATS } from "../core/heartbeat.ts";
import type { Limits } from "../core/limits.ts";
import type { HeldStreamRequest, StoredEvent } from "../core/ports.ts";
import { toChunks } from "../wire/feed-chunks.ts";
import type { FeedWireRecord } from "../wire/feed-wire.ts";
import type { FeedWireName } from "../wire/feed-wires.ts";
import { FEED_WIRES } from "../wire/feed-wires.ts";
import type { HeldStreamOwner } from "./channel-held-stream.ts";
import { HeldStream } from "./channel-held-stream.ts";
import type { ChannelLog } from "./channel-log.ts";
import type { Start } from "./channel-state.ts";
import { cursorAt } from "./channel-state.ts";

/** What held streams need of their channel. */
export interface HeldStreamsHost {
  readonly channelName: string;
  readonly limits: Limits;
  readonly log: Pick<ChannelLog, "state" | "read">;
  /** Whether nothing more will ever be appended. */
  isClosed(): boolean;
  /** Has what is gathered for live readers be sent to them. */
  flush(): void;
  /** Resolves when all that was written until now is on disk. */
  sync(): Promise<void>;
  /** Told when the last stream is gone. */
  onEmpty(): void;
}

/** Events of a page of a catch-up. */
const PAGE_EVENTS = 500;
/** setTimeout overflows beyond this; a token that lasts longer than 24 days outlives any connection. */
const MAX_TIMER_MS = 2 ** 31 - 1;
/** The longest turn between two looks whether a last word was taken. */
const MAX_CLOSE_WAIT_MS = 250;
const UTF8 = new TextEncoder();

/**
 * The streams that a channel writes to its readers itself, each the body of their response. An event is encoded once for
 * each wire; a reader that is behind is given a page each time that it has taken the one before, and is live when it has
 * caught up.
 *
 * The runtime holds back what a socket sends until the writes before it are on disk, and does not do so for a stream. A
 * reader that was sent an event which a crash then lost would pass over the next one, which gets its number. So whatever
 * is sent here waits for the log in a queue, which keeps the order as well.
 */
export class ChannelHeldStreams implements HeldStreamOwner {
  readonly #host: HeldStreamsHost;
  readonly #live: Readonly<Record<FeedWireName, Set<HeldStream>>> = { sse: new Set(), ndjson: new Set() };
  /** Those that are behind, and where each stands; undefined while its page is on its way. */
  readonly #behind = new Map<HeldStream, number | undefined>();
  /** Those that were sent their last word, and have not taken it. */
  readonly #ending = new Set<HeldStream>();
  /** What is done when the log is on disk, in order. */
  #steps: (() => void)[] = [];
  #isSyncing = false;
  #isClosing = false;
  #heartbeat: ReturnType<typeof setInterval> | undefined;
  #expiry: ReturnType<typeof setTimeout> | undefined;
  #expiresAtMs = Number.POSITIVE_INFINITY;

  constructor(host: HeldStreamsHost) {
    this.#host = host;
  }

  /** How many read. */
  get size(): number {
    return this.#live.sse.size + this.#live.ndjson.size + this.#behind.size;
  }

  /** Whether one more may be held. */
  get hasRoom(): boolean {
    return this.size + this.#ending.size < this.#host.limits.MAX_HELD_STREAMS;
  }

  /** Begins a stream that reads from `start`. */
  open(
    { wire, expiresAtMs }: HeldStreamRequest,
    start: Start,
    nowMs: number,
  ): { readonly body: ReadableStream<Uint8Array>; readonly cursor: string } {
    const { log, channelName } = this.#host;
    // It reads those from the log.
    this.#host.flush();
    const cursor = cursorAt(log.state, start.number);
    const page = log.read(start.number, PAGE_EVENTS);
    const stream = new HeldStream(this, wire, expiresAtMs, { isPulled: page.last < log.state.head });
    const body = stream.open();
    const { opening, encodeRecord } = FEED_WIRES[wire];
    let text = opening(Math.random()) + encodeRecord({ kind: "position", cursor });
    if (start.gap !== undefined) {
      const json = encodeGapEvent(channelName, start.gap, nowMs);
      text += encodeRecord({ kind: "gap", cursor: start.gap.resumedAt, type: GAP_TYPE, json });
    }
    this.#send(stream, UTF8.encode(text));
    this.#behind.set(stream, undefined);
    this.#sendPage(stream, page);
    this.#startTimers(expiresAtMs);
    return { body, cursor };
  }

  /** Sends stored events to everyone who is live. */
  deliver(events: readonly StoredEvent[]): void {
    if (this.size > 0) this.#whenOnDisk(() => this.#sendToLive(toRecords(events)));
  }

  /** Sends an event that is not stored to everyone who is live. */
  broadcast(type: string, json: string): void {
    if (this.size > 0) this.#whenOnDisk(() => this.#sendToLive([{ kind: "ephemeral", type, json }]));
  }

  /** Ends whoever has read everything, since nothing more will come; who is behind ends when that is read. */
  finishAll(): void {
    this.#whenOnDisk(() => {
      for (const stream of this.#allLive()) this.#end(stream, closedAndRead());
    });
  }

  /** Ends everyone after what they were sent, as when the channel is deleted. */
  closeAll(error: EverywireError = channelDeleted()): void {
    const all = [...this.#allLive(), ...this.#behind.keys()];
    this.#whenOnDisk(() => {
      for (const stream of all) this.#end(stream, error);
    });
  }

  onGone(stream: HeldStream): void {
    this.#live[stream.wire].delete(stream);
    this.#behind.delete(stream);
    this.#ending.delete(stream);
    if (this.size + this.#ending.size > 0) return;
    this.#stopTimers();
    this.#host.onEmpty();
  }

  onTaken(stream: HeldStream): void {
    const number = this.#behind.get(stream);
    if (number === undefined) return;
    this.#host.flush();
    this.#behind.set(stream, undefined);
    this.#sendPage(stream, this.#host.log.read(number, PAGE_EVENTS));
  }

  /** What is appended after this waits behind it in the queue, so whoever has all that there is now is live then. */
  #sendPage(stream: HeldStream, { events, last }: ReturnType<ChannelLog["read"]>): void {
    const isBehind = last < this.#host.log.state.head;
    const isLast = !isBehind && this.#host.isClosed();
    const chunks = encode(stream.wire, toRecords(events));
    this.#whenOnDisk(() => {
      if (!this.#behind.has(stream)) return;
      if (isBehind) {
        this.#behind.set(stream, last);
      } else {
        this.#behind.delete(stream);
        this.#live[stream.wire].add(stream);
      }
      // However large, it is sent: nothing waited before it.
      for (const chunk of chunks) stream.send(chunk, Number.POSITIVE_INFINITY);
      if (isLast) this.#end(stream, closedAndRead());
    });
  }

  #sendToLive(records: readonly FeedWireRecord[]): void {
    for (const wire of ["sse", "ndjson"] as const) {
      const streams = this.#live[wire];
      if (streams.size === 0) continue;
      for (const chunk of encode(wire, records)) for (const stream of streams) this.#send(stream, chunk);
    }
  }

  #send(stream: HeldStream, bytes: Uint8Array): void {
    if (!stream.send(bytes, this.#host.limits.MAX_READER_BUFFER_BYTES)) this.#end(stream, tooSlow());
  }

  #end(stream: HeldStream, error: EverywireError): void {
    if (!this.#live[stream.wire].delete(stream) && !this.#behind.delete(stream)) return;
    if (stream.end(UTF8.encode(FEED_WIRES[stream.wire].encodeError(error.toData())))) {
      this.onGone(stream);
      return;
    }
    this.#ending.add(stream);
    if (!this.#isClosing) void this.#closeTaken();
  }

  /** Nobody says when a last word is taken, so it is looked for. */
  async #closeTaken(): Promise<void> {
    this.#isClosing = true;
    for (let waitMs = 0; this.#ending.size > 0; waitMs = Math.min(2 * waitMs + 1, MAX_CLOSE_WAIT_MS)) {
      await scheduler.wait(waitMs);
      for (const stream of this.#ending) if (stream.close()) this.onGone(stream);
    }
    this.#isClosing = false;
  }

  #whenOnDisk(step: () => void): void {
    this.#steps.push(step);
    if (!this.#isSyncing) void this.#run();
  }

  async #run(): Promise<void> {
    this.#isSyncing = true;
    try {
      while (this.#steps.length > 0) {
        const steps = this.#steps;
        this.#steps = [];
        await this.#host.sync();
        for (const step of steps) step();
      }
    } finally {
      this.#isSyncing = false;
    }
  }

  /** One timer for all: a timer of its own for each reader would be memory for each, and an entry of its own. */
  #startTimers(expiresAtMs = Number.POSITIVE_INFINITY): void {
    this.#heartbeat ??= setInterval(() => this.#onHeartbeat(), heartbeatMsOf(this.#host.limits));
    if (expiresAtMs >= this.#expiresAtMs || expiresAtMs - Date.now() > MAX_TIMER_MS) return;
    clearTimeout(this.#expiry);
    this.#expiresAtMs = expiresAtMs;
    this.#expiry = setTimeout(() => this.#onExpiry(), expiresAtMs - Date.now());
  }

  #stopTimers(): void {
    clearInterval(this.#heartbeat);
    clearTimeout(this.#expiry);
    this.#heartbeat = undefined;
    this.#expiresAtMs = Number.POSITIVE_INFINITY;
  }

  #onHeartbeat(): void {
    const heartbeats = {
      sse: UTF8.encode(FEED_WIRES.sse.heartbeat),
      ndjson: UTF8.encode(FEED_WIRES.ndjson.heartbeat),
    };
    for (const stream of this.#all()) {
      if (stream.hasProgressed()) stream.missedHeartbeats = 0;
      else stream.missedHeartbeats += 1;
      if (stream.missedHeartbeats >= MAX_MISSED_HEARTBEATS) {
        this.onGone(stream);
        stream.cut(takesNothing());
      } else if (stream.waitingBytes <= 0 && !this.#ending.has(stream)) {
        this.#send(stream, heartbeats[stream.wire]);
      }
    }
  }

  #onExpiry(): void {
    const nowMs = Date.now();
    let nextMs = Number.POSITIVE_INFINITY;
    for (const stream of [...this.#allLive(), ...this.#behind.keys()]) {
      const { expiresAtMs = Number.POSITIVE_INFINITY } = stream;
      if (expiresAtMs <= nowMs) this.#end(stream, tokenExpired());
      else nextMs = Math.min(nextMs, expiresAtMs);
    }
    this.#expiresAtMs = Number.POSITIVE_INFINITY;
    if (nextMs < Number.POSITIVE_INFINITY) this.#startTimers(nextMs);
  }

  #allLive(): readonly HeldStream[] {
    return [...this.#live.sse, ...this.#live.ndjson];
  }

  #all(): readonly HeldStream[] {
    return [...this.#allLive(), ...this.#behind.keys(), ...this.#ending];
  }
}

function toRecords(events: readonly StoredEvent[]): readonly FeedWireRecord[] {
  return events.map(({ sequence, type, json }) => ({ kind: "event", cursor: sequence, type, json }));
}

function encode(wire: FeedWireName, records: readonly FeedWireRecord[]): readonly Uint8Array[] {
  return Array.from(toChunks(records, FEED_WIRES[wire].encodeRecord), (text) => UTF8.encode(text));
}
