import { setTimeout as delay } from "node:timers/promises";
import { GatewayError } from "../gateway-error.ts";
import { Backoff } from "../webtransport/backoff.ts";
import type { Caller, Line } from "../webtransport/worker-lines.ts";
import { WorkerLines } from "../webtransport/worker-lines.ts";
import type { Worker } from "../worker/worker.ts";
import type { Answer } from "./answer.ts";
import { encodeEvent } from "./encode.ts";
import { Pacer } from "./pacer.ts";
import { readAgain } from "./read-again.ts";

/** How soon, and how seldom, a reader is told where the log is: that is how it learns that the last event was lost. */
const FIRST_POSITION_MS = 250;
const LAST_POSITION_MS = 5000;
/** Between two readings anew, whoever asks for them. */
const MIN_RESEND_MS = 50;

export interface LeaseOptions {
  readonly worker: Worker;
  readonly caller: Caller;
  readonly channel: string;
  readonly after: string | undefined;
  /** Seconds for which it lasts without being renewed. */
  readonly seconds: number;
  /** The largest datagram that the reader takes. */
  readonly maxBytes: number;
  readonly send: (bytes: Uint8Array) => Promise<void>;
  readonly tell: (answer: Answer) => void;
  readonly onEnd: () => void;
}

/**
 * What one address follows of one channel, for as long as it says that it is there. It has a connection of lines of its own,
 * so that each reader has its own pace; where the Worker goes away it goes on from the cursor of what it sent last.
 */
export class Lease {
  readonly #options: LeaseOptions;
  readonly #backoff = new Backoff();
  readonly #pacer = new Pacer();
  /** Where it began; what a renewal by the same datagram asks for again. */
  #begun = "";
  /** The cursor after what was sent last. */
  #cursor = "";
  #lines: WorkerLines | undefined;
  #expiry: ReturnType<typeof setTimeout> | undefined;
  #position: ReturnType<typeof setTimeout> | undefined;
  #readAgainAtMs = 0;
  #isRestarting = false;
  #isFilling = false;
  #isOver = false;

  constructor(options: LeaseOptions) {
    this.#options = options;
  }

  get caller(): Caller {
    return this.#options.caller;
  }

  /** What the datagram that began it asked for. */
  get after(): string | undefined {
    return this.#options.after;
  }

  /** Resolves when it is live. @throws GatewayError, and Refusal where the Worker says no */
  async start(): Promise<void> {
    const { after } = this.#options;
    await this.#connect(after);
    this.#begun = this.#cursor;
    this.renew();
    void this.#run();
  }

  /** What the reader is told when it begins, and again at each renewal. */
  describe(): Answer {
    const { channel, seconds } = this.#options;
    return { channel, after: this.#begun, position: this.#cursor, lease: seconds };
  }

  renew(): void {
    clearTimeout(this.#expiry);
    this.#expiry = setTimeout(() => {
      this.#options.tell({ op: "expired", channel: this.#options.channel, after: this.#cursor });
      this.end();
    }, this.#options.seconds * 1000);
  }

  /** Sends everything after this cursor again. Asked for too often, it is not done: the reader will ask once more. */
  resend(after: string): void {
    if (!this.#mayReadAgain()) return;
    this.#isRestarting = true;
    this.#cursor = after;
    this.#lines?.close();
  }

  /** Sends what is between two cursors again, and goes on with the rest meanwhile. @throws GatewayError */
  async fill(after: string, until: string): Promise<void> {
    if (this.#isFilling || !this.#mayReadAgain()) return;
    const { worker, caller, channel, maxBytes, send } = this.#options;
    this.#isFilling = true;
    try {
      let previous = after;
      for (const text of await readAgain(worker, caller, channel, after)) {
        const { bytes, cursor } = encodeEvent(text, previous, maxBytes);
        if (bytes === undefined || cursor === undefined || cursor > until) return;
        await this.#pacer.pass(bytes.byteLength);
        if (this.#isOver) return;
        await send(bytes);
        previous = cursor;
      }
    } finally {
      this.#isFilling = false;
      // Some of it may be lost again.
      this.#tellPositionAfter(FIRST_POSITION_MS);
    }
  }

  /** Lets go of everything; safe to call twice. */
  end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    clearTimeout(this.#expiry);
    clearTimeout(this.#position);
    this.#lines?.close();
    this.#options.onEnd();
  }

  #mayReadAgain(): boolean {
    const nowMs = Date.now();
    if (this.#isRestarting || nowMs - this.#readAgainAtMs < MIN_RESEND_MS) return false;
    this.#readAgainAtMs = nowMs;
    return true;
  }

  async #run(): Promise<void> {
    try {
      while (!this.#isOver) {
        this.#isRestarting = false;
        this.#tellPositionAfter(FIRST_POSITION_MS);
        await this.#pump();
        if (!this.#isOver) await this.#reconnect();
      }
    } catch (thrown) {
      if (this.#isOver) return;
      const { channel, tell } = this.#options;
      tell(
        thrown instanceof Refusal ? { ...thrown.line, ref: undefined, channel } : toError(thrown, channel),
      );
      this.end();
    }
  }

  async #pump(): Promise<void> {
    const { maxBytes, send } = this.#options;
    for await (const batch of this.#lines?.batches() ?? []) {
      for (const text of batch) {
        if (text.startsWith('{"op":"error"')) throw new Refusal(JSON.parse(text) as Line);
        const { bytes, cursor } = encodeEvent(text, this.#cursor, maxBytes);
        if (bytes !== undefined) {
          await this.#pacer.pass(bytes.byteLength);
          // Asked for something else meanwhile: this is not where it is any more.
          if (this.#isOver || this.#isRestarting) return;
          await send(bytes);
        }
        if (cursor !== undefined && !this.#isRestarting) this.#cursor = cursor;
      }
      if (this.#isOver || this.#isRestarting) return;
      this.#tellPositionAfter(FIRST_POSITION_MS);
    }
  }

  async #reconnect(): Promise<void> {
    while (!this.#isOver) {
      try {
        return await this.#connect(this.#cursor);
      } catch (thrown) {
        if (!(thrown instanceof GatewayError) || thrown.code !== "unavailable") throw thrown;
        await delay(Math.max(10, this.#backoff.waitMs));
      }
    }
  }

  /** Follows the channel from a cursor. @throws GatewayError, Refusal */
  async #connect(after: string | undefined): Promise<void> {
    const { worker, caller, channel } = this.#options;
    const lines = await this.#backoff.attempt(() => WorkerLines.open(worker, caller));
    this.#lines = lines;
    if (this.#isOver) return lines.close();
    await lines.send(JSON.stringify({ op: "subscribe", ref: "lease", channel, after }));
    const answer = await lines.first();
    if (answer === undefined) throw new GatewayError("unavailable", "The server has gone.");
    if (answer.op === "error") {
      lines.close();
      throw new Refusal(answer);
    }
    // A cursor that the reader has is what it compares the first event with, also where there is a gap.
    const isCursor = after !== undefined && after !== "earliest" && after !== "latest";
    this.#cursor = isCursor ? after : String(answer.after);
  }

  #tellPositionAfter(delayMs: number): void {
    clearTimeout(this.#position);
    if (this.#isOver) return;
    this.#position = setTimeout(() => {
      this.#options.tell({ op: "position", channel: this.#options.channel, after: this.#cursor });
      this.#tellPositionAfter(Math.min(delayMs * 2, LAST_POSITION_MS));
    }, delayMs);
  }
}

/** What the Worker answered instead, told on as it is. */
export class Refusal extends Error {
  override readonly name = "Refusal";
  readonly line: Line;

  constructor(line: Line) {
    super(String(line.message));
    this.line = line;
  }
}

function toError(thrown: unknown, channel: string): Answer {
  const { code, message } = GatewayError.from(thrown);
  return { op: "error", channel, code, message };
}
