import { EverywireError, parseError } from "../error.ts";
import type { CloudEvent, NewEvent, Published } from "../event.ts";
import type { TransportSink } from "../transport.ts";
import type { SessionStats } from "../types.ts";
import type { Line, MessageFormat } from "./format.ts";
import type { WebTransportLike } from "./native.ts";

const ANSWER_TIMEOUT_MS = 10_000;
/** Who comes new does not wait for a session that owes an answer for so long. */
const STALLED_MS = 1500;

interface Asked {
  resolve(answer: Line): void;
  reject(error: EverywireError): void;
  readonly timer: ReturnType<typeof setTimeout>;
  readonly atMs: number;
}

interface Followed {
  readonly channel: string;
  readonly sink: TransportSink;
  reader: ReadableStreamDefaultReader<Uint8Array> | undefined;
}

/**
 * One session: operations on a stream of ours, which the server answers in their order, and a stream of the server's for
 * each channel that is followed.
 */
export class Session {
  readonly protocol: string;
  token: string | undefined;
  readonly #native: WebTransportLike;
  readonly #format: MessageFormat;
  readonly #asked = new Map<string, Asked>();
  /** By the ref of the line that subscribed, which the stream of the subscription begins with. */
  readonly #followed = new Map<string, Followed>();
  readonly #openedAtMs = Date.now();
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  readonly #datagrams: WritableStreamDefaultWriter<Uint8Array>;
  #refs = 0;
  #bytes = 0;
  #datagramsSent = 0;
  #isOver = false;
  #isDraining = false;

  private constructor(
    native: WebTransportLike,
    format: MessageFormat,
    token: string | undefined,
    operations: {
      readonly readable: ReadableStream<Uint8Array>;
      readonly writable: WritableStream<Uint8Array>;
    },
  ) {
    this.#native = native;
    this.#format = format;
    this.protocol = format.subprotocol;
    this.token = token;
    this.#writer = operations.writable.getWriter();
    const { datagrams } = native;
    const writable = datagrams.createWritable?.() ?? (datagrams.writable as WritableStream<Uint8Array>);
    this.#datagrams = writable.getWriter();
    for (const writer of [this.#writer, this.#datagrams]) writer.closed.catch(() => {});
    native.closed.then(
      () => this.#onLost(),
      () => this.#onLost(),
    );
    native.draining?.then(() => this.retire(), ignore);
    this.#readAnswers(operations.readable).catch(() => this.#onLost());
    this.#acceptStreams().catch(() => this.#onLost());
  }

  /** Takes a native session into use when it is ready. @throws whatever the runtime says of one that was refused */
  static async open(
    native: WebTransportLike,
    choose: (subprotocol: string | undefined) => MessageFormat,
    token: string | undefined,
  ): Promise<Session> {
    native.closed.catch(ignore);
    await native.ready;
    const operations = await native.createBidirectionalStream();
    return new Session(native, choose(native.protocol), token, operations);
  }

  /** Whether more may be asked of it. */
  get isUsable(): boolean {
    const [oldest] = this.#asked.values();
    const isStalled = oldest !== undefined && Date.now() - oldest.atMs > STALLED_MS;
    return !this.#isOver && !this.#isDraining && !isStalled;
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  get subscriptions(): number {
    return this.#followed.size;
  }

  get stats(): SessionStats {
    return {
      protocol: this.protocol,
      openedAtMs: this.#openedAtMs,
      subscriptions: this.#followed.size,
      bytes: this.#bytes,
      datagramsSent: this.#datagramsSent,
      isDraining: this.#isDraining,
    };
  }

  /** Takes nothing new from now on. */
  retire(): void {
    this.#isDraining = true;
  }

  follows(channel: string): boolean {
    return [...this.#followed.values()].some((followed) => followed.channel === channel);
  }

  /** Follows a channel; what comes is told to the sink. Gives what ends it. */
  follow(channel: string, after: string, sink: TransportSink): () => void {
    const ref = this.#nextRef();
    const followed: Followed = { channel, sink, reader: undefined };
    this.#followed.set(ref, followed);
    this.#ask({ op: "subscribe", channel, after }, ref).then(
      (answer) => {
        if (typeof answer.after === "string") sink.onPosition(answer.after);
      },
      (error: EverywireError) => {
        if (this.#followed.delete(ref)) sink.onEnd(error);
      },
    );
    return () => {
      if (!this.#followed.delete(ref)) return;
      followed.reader?.cancel().catch(ignore);
      if (!this.#isOver) this.ask({ op: "unsubscribe", channel }).catch(ignore);
    };
  }

  async publish(channel: string, event: NewEvent): Promise<Published> {
    const { id, sequence, duplicate } = await this.ask({ ...event, op: "publish", channel });
    return {
      id: String(id),
      sequence: typeof sequence === "string" ? sequence : undefined,
      duplicate: duplicate === true,
    };
  }

  /** Sends one datagram; false where it is too large for one. */
  sendDatagram(line: Line): boolean {
    const payload = this.#format.encodeDatagram(line);
    if (!this.isUsable || payload.byteLength > this.#native.datagrams.maxDatagramSize) return false;
    this.#datagramsSent += 1;
    this.#datagrams.write(payload).catch(ignore);
    return true;
  }

  /** Sends a line; resolves with its answer. @throws EverywireError */
  ask(line: Line): Promise<Line> {
    return this.#ask(line, this.#nextRef());
  }

  close(): void {
    this.#isOver = true;
    try {
      this.#native.close({ closeCode: 0, reason: "" });
    } catch {
      // It is closed already.
    }
    this.#end();
  }

  #ask(line: Line, ref: string): Promise<Line> {
    return new Promise((resolve, reject) => {
      if (this.#isOver) return reject(lost());
      const timer = setTimeout(() => {
        this.#asked.delete(ref);
        reject(new EverywireError("unavailable", "The session does not answer."));
        this.#onLost();
      }, ANSWER_TIMEOUT_MS);
      this.#asked.set(ref, { resolve, reject, timer, atMs: Date.now() });
      this.#writer.write(this.#format.encode({ ...line, ref })).catch(() => this.#onLost());
    });
  }

  #nextRef(): string {
    this.#refs += 1;
    return String(this.#refs);
  }

  async #readAnswers(readable: ReadableStream<Uint8Array>): Promise<void> {
    const cutter = this.#format.createCutter();
    const reader = readable.getReader();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return this.#onLost();
      this.#bytes += value.byteLength;
      for (const line of cutter.push(value)) this.#onAnswer(line);
    }
  }

  #onAnswer(line: Line): void {
    const asked = this.#asked.get(String(line.ref));
    if (asked === undefined) return;
    this.#asked.delete(String(line.ref));
    clearTimeout(asked.timer);
    if (line.op === "error") asked.reject(parseError(line) ?? lost());
    else asked.resolve(line);
  }

  async #acceptStreams(): Promise<void> {
    const reader = this.#native.incomingUnidirectionalStreams.getReader();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      this.#readEvents(value).catch(ignore);
    }
  }

  /** The events of one subscription; the first line says which. */
  async #readEvents(stream: ReadableStream<Uint8Array>): Promise<void> {
    const cutter = this.#format.createCutter();
    const reader = stream.getReader();
    let ref: string | undefined;
    let followed: Followed | undefined;
    try {
      for (;;) {
        const held = followed?.sink.room();
        if (held !== undefined) await held;
        const { done, value } = await reader.read();
        if (done) break;
        this.#bytes += value.byteLength;
        for (const line of cutter.push(value)) {
          if (followed === undefined || ref === undefined) {
            ref = String(line.ref);
            followed = this.#followed.get(ref);
            // Nobody follows it any more.
            if (followed === undefined) return void reader.cancel().catch(ignore);
            followed.reader = reader;
            followed.sink.onOpen();
            if (typeof line.after === "string") followed.sink.onPosition(line.after);
          } else if (line.op === "error") {
            if (this.#followed.delete(ref)) followed.sink.onEnd(parseError(line) ?? lost());
            return;
          } else if (line.op === undefined) {
            followed.sink.onEvent(line as unknown as CloudEvent);
          }
        }
        followed?.sink.onBytes(value.byteLength);
      }
    } catch {
      // It was reset: the end says the rest.
    }
    if (ref !== undefined && this.#followed.delete(ref)) followed?.sink.onEnd(lost());
  }

  #onLost(): void {
    if (this.#isOver) return;
    this.close();
  }

  #end(): void {
    for (const { reject, timer } of this.#asked.values()) {
      clearTimeout(timer);
      reject(lost());
    }
    this.#asked.clear();
    const followed = [...this.#followed.values()];
    this.#followed.clear();
    for (const { sink } of followed) sink.onEnd(lost());
  }
}

function lost(): EverywireError {
  return new EverywireError("unavailable", "The session was lost.");
}

function ignore(): void {}
