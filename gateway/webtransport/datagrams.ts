import { GatewayError } from "../gateway-error.ts";
import type { SessionContext } from "./session-context.ts";
import type { Line, WorkerLines } from "./worker-lines.ts";

/**
 * The datagrams of a session. To publish in one is to say what is so now: while one value is on its way to the log, only the
 * newest of those that come for the same key waits, and the others are forgotten. What is followed by datagrams comes as
 * datagrams: where they are too large, or too many, they are lost.
 */
export class Datagrams {
  readonly #context: SessionContext;
  /** The newest value of each key, in the order in which the keys came. */
  readonly #waiting = new Map<string, Line>();
  /** Refs of what was sent and not answered, in order; those without one are not told of. */
  readonly #asked: { readonly key: string | undefined; readonly ref: unknown }[] = [];
  readonly #underWay = new Set<string>();
  #lines: WorkerLines | undefined;
  #opening: Promise<WorkerLines> | undefined;
  #isOver = false;
  /** Values that a newer one took the place of, or that found no room. */
  dropped = 0;

  constructor(context: SessionContext) {
    this.#context = context;
  }

  onDatagram(payload: Uint8Array): void {
    const { line, fault } = this.#context.format.decodeDatagram(payload);
    if (line === undefined) {
      this.#refuse(undefined, new GatewayError("invalid_argument", fault ?? ""));
      return;
    }
    if (line.op === "hello") {
      this.#refuse(line.ref, new GatewayError("invalid_argument", "Say 'hello' on a stream."));
      return;
    }
    const key = line.op === "publish" ? toKey(line) : undefined;
    if (key === undefined || !this.#underWay.has(key)) {
      void this.#send(line, key);
      return;
    }
    if (this.#waiting.has(key)) this.dropped += 1;
    else if (this.#waiting.size >= this.#context.limits.MAX_LATEST_VALUES) {
      this.dropped += 1;
      this.#refuse(line.ref, new GatewayError("rate_limited", "Too many values wait."));
      return;
    }
    this.#waiting.set(key, line);
  }

  end(): void {
    this.#isOver = true;
    this.#lines?.close();
    this.#waiting.clear();
  }

  async #send(line: Line, key: string | undefined): Promise<void> {
    if (key !== undefined) this.#underWay.add(key);
    else if (this.#asked.length >= this.#context.limits.MAX_LATEST_VALUES) {
      return this.#refuse(line.ref, new GatewayError("rate_limited", "Too much is under way."));
    }
    try {
      const lines = await this.#open();
      this.#asked.push({ key, ref: line.ref });
      // With a ref, so that it is answered also where nobody wants to know: that is how the next one may go.
      await lines.send(JSON.stringify({ ...line, ref: line.ref ?? "" }));
    } catch (thrown) {
      if (key !== undefined) this.#underWay.delete(key);
      this.#refuse(line.ref, GatewayError.from(thrown));
    }
  }

  /** One connection of lines for all datagrams. */
  async #open(): Promise<WorkerLines> {
    if (this.#lines !== undefined && !this.#lines.isEnded) return this.#lines;
    this.#opening ??= this.#context.openLines();
    try {
      const lines = await this.#opening;
      if (this.#lines !== lines) {
        this.#lines = lines;
        if (this.#isOver) lines.close();
        void this.#receive(lines);
      }
      return lines;
    } finally {
      this.#opening = undefined;
    }
  }

  async #receive(lines: WorkerLines): Promise<void> {
    for await (const batch of lines.batches())
      for (const text of batch) this.#onAnswer(JSON.parse(text) as Line);
    const error = new GatewayError("unavailable", "The server has gone.");
    for (const { ref } of this.#asked.splice(0)) this.#refuse(ref, error);
    this.#underWay.clear();
    this.#waiting.clear();
  }

  #onAnswer(answer: Line): void {
    // An event, or the end of a subscription.
    if (answer.op === undefined || (answer.op === "error" && answer.ref === undefined)) {
      this.#tell(answer);
      return;
    }
    const asked = this.#asked.shift();
    if (asked?.ref !== undefined) this.#tell({ ...answer, ref: asked.ref });
    const key = asked?.key;
    if (key === undefined) return;
    this.#underWay.delete(key);
    const next = this.#waiting.get(key);
    this.#waiting.delete(key);
    if (next !== undefined) void this.#send(next, key);
  }

  #refuse(ref: unknown, { code, message }: GatewayError): void {
    this.#tell({ op: "error", ref, code, message });
  }

  #tell(line: Line): void {
    if (!this.#isOver) this.#context.session.sendDatagram(this.#context.format.encodeDatagram(line));
  }
}

/** Values of one channel and type, about one subject, take each other's place. */
function toKey({ channel, type, subject }: Line): string {
  return JSON.stringify([channel, type, subject]);
}
