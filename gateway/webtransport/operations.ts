import { GatewayError } from "../gateway-error.ts";
import type { SessionStream } from "./session.ts";
import type { SessionContext } from "./session-context.ts";
import type { Subscriptions } from "./subscriptions.ts";
import type { Line, WorkerLines } from "./worker-lines.ts";

/** Of lines that were sent on and are not answered: who sends faster than the log takes is held back by QUIC. */
const MAX_UNANSWERED = 256;
const MAX_UNANSWERED_BYTES = 1024 * 1024;

interface Asked {
  readonly ref: unknown;
  readonly bytes: number;
  /** The token of a `hello`. */
  readonly token: string | undefined;
}

/** The operations on one stream of a session: lines to the Worker, and its answers back, in their order. */
export class Operations {
  readonly #context: SessionContext;
  readonly #subscriptions: Subscriptions;
  readonly #stream: SessionStream;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array> | undefined;
  #lines: WorkerLines | undefined;
  #asked: Asked[] = [];
  #askedBytes = 0;
  #onRoom: (() => void) | undefined;

  constructor(context: SessionContext, subscriptions: Subscriptions, stream: SessionStream) {
    this.#context = context;
    this.#subscriptions = subscriptions;
    this.#stream = stream;
    this.#writer = stream.writable?.getWriter();
    this.#writer?.closed.catch(() => this.end());
  }

  /** Resolves when the client has sent all, and was answered. */
  async run(): Promise<void> {
    const { format, limits } = this.#context;
    const splitter = format.createSplitter(limits.MAX_SESSION_MESSAGE_BYTES);
    try {
      for await (const chunk of this.#stream.source.rest()) {
        for (const { line, fault } of splitter.push(chunk)) {
          if (line !== undefined) await this.#onLine(line);
          else await this.#refuse(undefined, new GatewayError("invalid_argument", fault ?? ""));
        }
      }
      for (const { line } of splitter.end()) if (line !== undefined) await this.#onLine(line);
      await this.#untilAnswered(0, 0);
    } finally {
      this.end();
      this.#writer?.close().catch(() => {});
    }
  }

  end(): void {
    this.#lines?.close();
    this.#stream.source.cancel();
    this.#onRoom?.();
  }

  async #onLine(line: Line): Promise<void> {
    try {
      if (line.op === "subscribe") return await this.#answer(await this.#subscriptions.add(line));
      if (line.op === "unsubscribe") return await this.#answer(this.#subscriptions.remove(line));
      await this.#forward(line);
    } catch (thrown) {
      await this.#refuse(line.ref, GatewayError.from(thrown));
    }
  }

  async #forward(line: Line): Promise<void> {
    const text = JSON.stringify(line);
    await this.#untilAnswered(MAX_UNANSWERED - 1, MAX_UNANSWERED_BYTES);
    if (this.#lines === undefined || this.#lines.isEnded) {
      this.#lines = await this.#context.openLines();
      void this.#receive(this.#lines);
    }
    const token = line.op === "hello" && typeof line.token === "string" ? line.token : undefined;
    this.#asked.push({ ref: line.ref, bytes: text.length, token });
    this.#askedBytes += text.length;
    await this.#lines.send(text).catch(() => {
      // What was not answered is told when the connection ends.
    });
  }

  /** Passes answers on: one for each line, in the order of the lines. */
  async #receive(lines: WorkerLines): Promise<void> {
    for await (const batch of lines.batches()) {
      for (const text of batch) {
        const answer = JSON.parse(text) as Line;
        const asked = this.#asked.shift();
        this.#askedBytes -= asked?.bytes ?? 0;
        if (answer.op === "hello" && asked?.token !== undefined) this.#context.signIn(asked.token);
        await this.#answer(answer);
      }
      this.#onRoom?.();
    }
    const lost = this.#asked;
    this.#asked = [];
    this.#askedBytes = 0;
    // Whether they were stored is not known: the same id again is stored once.
    const error = new GatewayError("unavailable", "The server has gone before it answered. Send it again.");
    for (const { ref } of lost) await this.#refuse(ref, error);
    this.#onRoom?.();
  }

  async #untilAnswered(most: number, mostBytes: number): Promise<void> {
    while (this.#asked.length > most || this.#askedBytes > mostBytes) {
      if (this.#context.session.isOver) return;
      await new Promise<void>((resolve) => (this.#onRoom = resolve));
    }
  }

  async #refuse(ref: unknown, { code, message }: GatewayError): Promise<void> {
    await this.#answer({ op: "error", ref, code, message });
  }

  async #answer(line: Line): Promise<void> {
    // A stream of one direction is not answered.
    await this.#writer?.write(this.#context.format.encode(line)).catch(() => this.end());
  }
}
