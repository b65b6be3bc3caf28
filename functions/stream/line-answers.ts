import { EverywireError } from "../../core/error.ts";
import type { NdjsonLine } from "../../wire/ndjson.ts";
import { NdjsonSplitter } from "../../wire/ndjson.ts";
import { NDJSON_FEED } from "../../wire/ndjson-feed.ts";
import { BodyChunks } from "./body-chunks.ts";
import { encodeError } from "./encode.ts";
import { ReadAhead } from "./read-ahead.ts";

export interface LineAnswersOptions {
  readonly body: ReadableStream<Uint8Array>;
  readonly maxLineBytes: number;
  /** How many lines, and how many bytes of them, are handled together where they are there together. */
  readonly maxBatchLines: number;
  readonly maxBatchBytes: number;
  /** Answers that are held for a client that sends and does not read. */
  readonly maxUnreadBytes: number;
  readonly heartbeatMs: number;
  /** When the sender's token ends; undefined where it does not. */
  readonly expiresInMs: number | undefined;
  /** Handles lines in their order, and gives the text that answers them. */
  readonly answer: (lines: readonly NdjsonLine[]) => Promise<string>;
  readonly onFault: (error: EverywireError) => void;
}

const MAX_TIMER_MS = 2 ** 31 - 1;
const UTF8 = new TextEncoder();

/**
 * The answers to a body of lines, as a stream that begins while the body is still coming: full duplex over one
 * HTTP request.
 *
 * Lines that come while others are being handled wait, about a batch of them, and are handled together (`read-ahead.ts`).
 *
 * What has come is taken when there is room for answers. So who sends without reading is slowed once `maxUnreadBytes` of
 * answers wait here, and what is held is bounded in both directions however long the body is.
 */
export class LineAnswers {
  readonly body: ReadableStream<Uint8Array>;
  readonly #options: LineAnswersOptions;
  readonly #chunks: ReadAhead;
  readonly #splitter: NdjsonSplitter;
  readonly #timers: ReturnType<typeof setTimeout>[] = [];
  #controller!: ReadableStreamDefaultController<Uint8Array>;
  #isEnded = false;

  constructor(options: LineAnswersOptions) {
    this.#options = options;
    const { maxBatchLines: maxChunks, maxBatchBytes: maxBytes } = options;
    this.#chunks = new ReadAhead(new BodyChunks(options.body), { maxChunks, maxBytes });
    this.#splitter = new NdjsonSplitter(options.maxLineBytes);
    this.body = new ReadableStream<Uint8Array>(
      {
        start: (controller) => this.#onStart(controller),
        pull: () => this.#onPull(),
        cancel: () => this.stop(),
      },
      { highWaterMark: options.maxUnreadBytes, size: (chunk) => chunk?.byteLength ?? 0 },
    );
  }

  get isEnded(): boolean {
    return this.#isEnded;
  }

  /** Ends both directions without another word; safe to call twice. */
  stop(): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    for (const timer of this.#timers) clearTimeout(timer);
    void this.#chunks.stop();
  }

  #onStart(controller: ReadableStreamDefaultController<Uint8Array>): void {
    this.#controller = controller;
    const { heartbeatMs, expiresInMs } = this.#options;
    // The first byte sends the headers now, and not with the first answer.
    this.#send(NDJSON_FEED.heartbeat);
    this.#timers.push(setInterval(() => this.#onHeartbeat(), heartbeatMs));
    if (expiresInMs !== undefined && expiresInMs <= MAX_TIMER_MS) {
      const expired = new EverywireError("unauthenticated", "The token has expired.");
      this.#timers.push(setTimeout(() => this.#fail(expired), expiresInMs));
    }
  }

  #onHeartbeat(): void {
    if (!this.#isEnded && (this.#controller.desiredSize ?? 0) > 0) this.#send(NDJSON_FEED.heartbeat);
  }

  /** Resolves when something was answered: a pull that gives nothing is not asked again. */
  async #onPull(): Promise<void> {
    try {
      let hasAnswered = false;
      while (!hasAnswered && !this.#isEnded) hasAnswered = await this.#answerNext();
    } catch (thrown) {
      this.#fail(EverywireError.from(thrown));
    }
  }

  async #answerNext(): Promise<boolean> {
    const chunks = await this.#read();
    if (this.#isEnded) return false;
    const lines = chunks === undefined ? this.#splitter.end() : this.#linesOf(chunks);
    let hasAnswered = false;
    for (const batch of toBatches(lines, this.#options)) {
      const text = await this.#options.answer(batch);
      if (this.#isEnded) return true;
      this.#send(text);
      hasAnswered = true;
    }
    if (chunks !== undefined) return hasAnswered;
    this.stop();
    this.#controller.close();
    return true;
  }

  *#linesOf(chunks: readonly Uint8Array[]): Generator<NdjsonLine, void> {
    for (const chunk of chunks) yield* this.#splitter.push(chunk);
  }

  async #read(): Promise<readonly Uint8Array[] | undefined> {
    try {
      return await this.#chunks.take();
    } catch {
      // The client has gone in the middle of its body: nobody is there to be told. Closed all the same, since the
      // runtime takes a response that can never end for a fault of ours.
      if (!this.#isEnded) {
        this.stop();
        this.#controller.close();
      }
      return undefined;
    }
  }

  #send(text: string): void {
    this.#controller.enqueue(UTF8.encode(text));
  }

  #fail(error: EverywireError): void {
    if (this.#isEnded) return;
    if (error.code === "internal") this.#options.onFault(error);
    this.stop();
    this.#send(encodeError(error));
    this.#controller.close();
  }
}

/** What is there together goes together, within the limits of a batch. */
function* toBatches(
  lines: Iterable<NdjsonLine>,
  { maxBatchLines, maxBatchBytes }: Pick<LineAnswersOptions, "maxBatchLines" | "maxBatchBytes">,
): Generator<readonly NdjsonLine[], void> {
  let batch: NdjsonLine[] = [];
  let bytes = 0;
  for (const line of lines) {
    const size = line.bytes?.byteLength ?? 0;
    if (batch.length === maxBatchLines || (batch.length > 0 && bytes + size > maxBatchBytes)) {
      yield batch;
      batch = [];
      bytes = 0;
    }
    batch.push(line);
    bytes += size;
  }
  if (batch.length > 0) yield batch;
}
