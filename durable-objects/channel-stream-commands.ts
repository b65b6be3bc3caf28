import type { ChannelName } from "../core/channel-name.ts";
import type { After } from "../core/cursor.ts";
import { EverywireError } from "../core/error.ts";
import { isEphemeralType } from "../core/event.ts";
import type { Limits } from "../core/limits.ts";
import type {
  CreatedStream,
  CreateStreamRequest,
  ReadStreamRequest,
  StreamAppended,
  StreamAppendRequest,
  StreamInfo,
  StreamPage,
  StreamReceipt,
} from "../core/stream.ts";
import { isAppendable } from "../core/stream.ts";
import type { StreamMessage } from "../core/stream-messages.ts";
import { encodeMessages } from "../core/stream-messages.ts";
import type { ForkHost } from "./channel-fork-keeper.ts";
import { ForkKeeper } from "./channel-fork-keeper.ts";
import type { Appended } from "./channel-log.ts";
import { cursorAt, decideProducer, resolveStart } from "./channel-state.ts";
import type { StreamState } from "./channel-stream-state.ts";
import { isSameStream, PLAIN, toNewStream, toOwnCursor, toStreamInfo } from "./channel-stream-state.ts";

/** What a stream needs of its channel. */
export interface StreamHost extends ForkHost {
  readonly limits: Limits;
  /** Ends the channel where its time is over. */
  expire(nowMs: number): void;
  /** Gives what was appended to live readers. */
  deliver(appended: Appended, nowMs: number): void;
  broadcast(messages: readonly StreamMessage[]): void;
  /** Tells live readers that nothing more will come. */
  closeReaders(): void;
  /** Resolves at the next append, or when the time is over. */
  park(timeoutMs: number): Promise<void>;
}

/** What a stream is asked to do, decided and done; all of it in one turn but for a long poll and a fork. */
export class StreamCommands {
  readonly #host: StreamHost;
  readonly #forks: ForkKeeper;

  constructor(host: StreamHost) {
    this.#host = host;
    this.#forks = new ForkKeeper(host, (...message) => this.#encode(...message));
  }

  /** Whether a publish or a read has more to ask than the log; in memory, so that the usual channel pays nothing. */
  get isNeeded(): boolean {
    return !this.#host.stream.isPlain || this.#forks.isForking;
  }

  /** Tells other channels that this one is no fork of them any more; false where one could not be told. */
  release(): Promise<boolean> {
    return this.#forks.release();
  }

  /**
   * What every other door's publish asks first.
   *
   * @throws EverywireError `precondition_failed` where the stream is closed, `gone` where it was deleted and forks of it
   *   live, `unavailable` while it is being made
   */
  onPublish(nowMs: number): void {
    const { host, stream } = this.#parts;
    host.expire(nowMs);
    if (this.#forks.isForking) {
      throw new EverywireError("unavailable", "The channel is being made as a fork.", { retryAfterMs: 1000 });
    }
    if (stream.state.isEnded) throw ended();
    if (stream.state.isClosed) throw this.#closed();
    stream.touch(nowMs);
  }

  /** What every other door's read asks first: gives the cursor in the channel's own terms. */
  onRead(after: After, nowMs: number): After {
    const { host, stream, log } = this.#parts;
    host.expire(nowMs);
    if (stream.state.isEnded) throw ended();
    stream.touch(nowMs);
    return toOwnCursor(stream.state, log.state, after);
  }

  /** @throws EverywireError `already_exists` where there is another stream, and what {@link encodeMessages} throws */
  async create(request: CreateStreamRequest): Promise<CreatedStream> {
    const { host, stream, log } = this.#parts;
    const nowMs = Date.now();
    host.expire(nowMs);
    if (stream.state.isEnded) {
      throw new EverywireError(
        "already_exists",
        "The stream was deleted, and forks of it live: its name stays taken.",
      );
    }
    if (this.#forks.isForking) {
      throw new EverywireError("unavailable", "The stream is being made.", { retryAfterMs: 1000 });
    }
    if (log.state.epoch !== undefined) {
      if (isSameStream(stream.state, request)) return { isNew: false, info: this.#info };
      throw new EverywireError("already_exists", "There is a stream of this name, and it is another one.");
    }
    const { fork } = request;
    const messages =
      fork === undefined ? this.#begin(request, nowMs) : await this.#forks.fork(request, fork, nowMs);
    this.#store(messages, undefined, Date.now());
    if (request.isClosed) this.#close(stream.state);
    return { isNew: true, info: this.#info };
  }

  #begin(request: CreateStreamRequest, nowMs: number): readonly StreamMessage[] {
    const { host, stream, log } = this.#parts;
    const state = toNewStream(request, undefined, nowMs);
    const messages = this.#encode(state, request.body, request.source, nowMs);
    host.takeRate(request.rateKey, Math.max(1, messages.length), nowMs);
    log.begin(host.channelName, nowMs);
    const isPlain =
      state.contentType === undefined && state.ttlSeconds === undefined && state.expiresAtMs === undefined;
    if (!isPlain) stream.put(state);
    return messages;
  }

  /**
   * Appends, all or none, and closes where that is asked for. Log, producer and stream are written in one turn, which
   * the storage keeps or loses as a whole.
   *
   * @throws EverywireError `not_found`, `gone`, `invalid_argument`; `precondition_failed` for another content type, a
   *   closed stream, a writer's or a producer's sequence out of order; `permission_denied` for a fenced producer
   */
  append(request: StreamAppendRequest): StreamAppended {
    const { host, stream, log } = this.#parts;
    const nowMs = Date.now();
    this.#assertAlive(nowMs);
    const { producer, writerSequence, body } = request;
    const isEmpty = body.byteLength === 0;
    if (!isEmpty && !isAppendable(this.#info, request.contentType ?? "")) {
      throw new EverywireError("precondition_failed", `This is a stream of ${this.#info.contentType}.`);
    }
    const record = producer && log.findProducer(producer.id);
    if (producer !== undefined && decideProducer(record, producer).kind === "duplicate") {
      return { info: this.#info, isDuplicate: true, producer: record, receipts: [] };
    }
    const { state } = stream;
    if (state.isClosed) {
      if (isEmpty && producer === undefined)
        return { info: this.#info, isDuplicate: true, producer: undefined, receipts: [] };
      throw this.#closed();
    }
    if (
      writerSequence !== undefined &&
      state.writerSequence !== undefined &&
      writerSequence <= state.writerSequence
    ) {
      throw new EverywireError("precondition_failed", "Stream-Seq does not sort after the one before.");
    }
    const messages = this.#encode(state, body, request.source, nowMs);
    if (messages.length === 0 && !(isEmpty && request.isClosing)) {
      throw new EverywireError("invalid_argument", "An append has at least one message.");
    }
    host.takeRate(request.rateKey, Math.max(1, messages.length), nowMs);
    const receipts = this.#store(messages, producer, nowMs);
    const next = { ...state, touchedMs: nowMs, writerSequence: writerSequence ?? state.writerSequence };
    if (request.isClosing) this.#close(next);
    else if (writerSequence === undefined) stream.touch(nowMs);
    else stream.put(next);
    return { info: this.#info, isDuplicate: false, producer, receipts };
  }

  /** @throws EverywireError `not_found`, `gone`, `invalid_argument` for a cursor that is none */
  async read(request: ReadStreamRequest): Promise<StreamPage> {
    const { host, stream } = this.#parts;
    const page = this.#page(request.after, request.limit);
    const isWaiting = request.timeoutMs > 0 && page.events.length === 0 && page.gap === undefined;
    if (!isWaiting || stream.state.isClosed) return page;
    await host.park(request.timeoutMs);
    // From where the reader stood before, so that what came with others in one append is not passed over.
    return this.#page(page.next as After, request.limit);
  }

  /** Not a read: asking how long a stream still lives must not make it live longer. */
  describe(): StreamInfo {
    this.#assertAlive(Date.now());
    return this.#info;
  }

  #encode(state: StreamState, body: Uint8Array, source: string, nowMs: number): StreamMessage[] {
    const { kind, contentType } = toStreamInfo(state, this.#host.log.state);
    const channel = this.#host.channelName as ChannelName;
    return encodeMessages({ channel, kind, contentType }, body, { source, nowMs, limits: this.#host.limits });
  }

  #page(after: After, limit: number): StreamPage {
    const nowMs = Date.now();
    this.#assertAlive(nowMs);
    const { stream, log } = this.#parts;
    log.expire(nowMs);
    stream.touch(nowMs);
    const { number, gap } = resolveStart(log.state, toOwnCursor(stream.state, log.state, after));
    const { events, last } = log.read(number, limit);
    return {
      info: this.#info,
      gap,
      start: cursorAt(log.state, number),
      events,
      next: cursorAt(log.state, last),
      upToDate: last >= log.state.head,
    };
  }

  #store(
    messages: readonly StreamMessage[],
    producer: StreamAppendRequest["producer"],
    nowMs: number,
  ): readonly StreamReceipt[] {
    const { host, log } = this.#parts;
    const stored = messages.filter(({ event }) => !isEphemeralType(event.type));
    const events = stored.map(({ event }) => event);
    const appended: Appended =
      events.length === 0
        ? { receipts: [], fresh: [] }
        : log.append(host.channelName, events, producer, nowMs);
    if (events.length === 0 && producer !== undefined) log.moveProducer(producer, nowMs);
    host.deliver(appended, nowMs);
    if (stored.length < messages.length)
      host.broadcast(messages.filter((message) => !stored.includes(message)));
    const receipts = new Map(stored.map((message, index) => [message, appended.receipts[index]]));
    return messages.map((message) => {
      const receipt = receipts.get(message);
      return { id: message.id, sequence: receipt?.sequence, duplicate: receipt?.duplicate ?? false };
    });
  }

  #close(state: StreamState): void {
    this.#host.stream.put({ ...(state === PLAIN ? { ...PLAIN } : state), isClosed: true });
    this.#host.closeReaders();
  }

  #assertAlive(nowMs: number): void {
    const { host, stream, log } = this.#parts;
    host.expire(nowMs);
    if (stream.state.isEnded) throw ended();
    if (log.state.epoch === undefined) throw new EverywireError("not_found", "There is no such stream.");
  }

  #closed(): EverywireError {
    return new EverywireError("precondition_failed", "The stream is closed: nothing can be appended to it.", {
      details: { closed: ["true"], nextOffset: [this.#info.tail] },
    });
  }

  get #info(): StreamInfo {
    return toStreamInfo(this.#host.stream.state, this.#host.log.state);
  }

  get #parts() {
    return { host: this.#host, stream: this.#host.stream, log: this.#host.log };
  }
}

function ended(): EverywireError {
  return new EverywireError("gone", "The stream was deleted; only forks of it live.");
}
