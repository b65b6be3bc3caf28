import { GatewayError } from "../gateway-error.ts";
import { Backoff } from "../webtransport/backoff.ts";
import type { Caller, Line } from "../webtransport/worker-lines.ts";
import { WorkerLines } from "../webtransport/worker-lines.ts";
import type { Worker } from "../worker/worker.ts";

/** Of lines that were sent on and are not answered. */
const MAX_UNANSWERED = 512;
const MAX_UNANSWERED_BYTES = 1024 * 1024;

interface Asked {
  readonly bytes: number;
  readonly resolve: (answer: Line) => void;
  readonly reject: (error: GatewayError) => void;
}

/** One identity's connection of lines, for all that it publishes: opened when it is needed, and again when it was lost. */
export class Publisher {
  readonly #worker: Worker;
  readonly #caller: Caller;
  readonly #backoff = new Backoff();
  #lines: WorkerLines | undefined;
  #opening: Promise<WorkerLines> | undefined;
  #asked: Asked[] = [];
  /** Those that wait for the connection to open among them. */
  #underWay = 0;
  #underWayBytes = 0;
  #isClosed = false;
  usedAtMs = Date.now();

  constructor(worker: Worker, caller: Caller) {
    this.#worker = worker;
    this.#caller = caller;
  }

  get isIdle(): boolean {
    return this.#underWay === 0;
  }

  /** Sends a line, and gives its answer. @throws GatewayError */
  async ask(line: Line): Promise<Line> {
    const text = JSON.stringify({ ...line, ref: 0 });
    const bytes = text.length;
    if (this.#underWay >= MAX_UNANSWERED || this.#underWayBytes + bytes > MAX_UNANSWERED_BYTES) {
      throw new GatewayError("rate_limited", "Too much is under way. Wait for its answers.");
    }
    this.#underWay += 1;
    this.#underWayBytes += bytes;
    this.usedAtMs = Date.now();
    try {
      const lines = await this.#open();
      return await new Promise<Line>((resolve, reject) => {
        this.#asked.push({ bytes, resolve, reject });
        // What was not answered is told when the connection ends.
        lines.send(text).catch(() => {});
      });
    } finally {
      this.#underWay -= 1;
      this.#underWayBytes -= bytes;
    }
  }

  close(): void {
    this.#isClosed = true;
    this.#lines?.close();
  }

  async #open(): Promise<WorkerLines> {
    if (this.#lines !== undefined && !this.#lines.isEnded) return this.#lines;
    this.#opening ??= this.#backoff
      .attempt(() => WorkerLines.open(this.#worker, this.#caller))
      .then((lines) => {
        this.#lines = lines;
        if (this.#isClosed) lines.close();
        void this.#receive(lines);
        return lines;
      })
      .finally(() => {
        this.#opening = undefined;
      });
    return this.#opening;
  }

  /** Answers come in the order of the lines, one for each. */
  async #receive(lines: WorkerLines): Promise<void> {
    for await (const batch of lines.batches()) {
      for (const text of batch) this.#asked.shift()?.resolve(JSON.parse(text) as Line);
    }
    const lost = this.#asked;
    this.#asked = [];
    // Whether they were stored is not known: the same id again is stored once.
    const error = new GatewayError("unavailable", "The server has gone before it answered. Send it again.");
    for (const { reject } of lost) reject(error);
  }
}
