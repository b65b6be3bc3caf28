import { setTimeout as delay } from "node:timers/promises";
import { concatBytes } from "../../wire/bytes.ts";
import { GatewayError } from "../gateway-error.ts";
import type { SessionContext } from "./session-context.ts";
import type { Line, WorkerLines } from "./worker-lines.ts";

/** Events that are there together go out in one write, up to this. */
const CHUNK_BYTES = 64 * 1024;

/**
 * What one session follows of one channel: a connection of lines of its own, and a stream that we opened. So one that is
 * not read holds up no other. Where the Worker goes away it goes on from its cursor, and the client sees nothing of it.
 */
export class Subscription {
  readonly channel: string;
  readonly #context: SessionContext;
  #cursor: string | undefined;
  #lines: WorkerLines | undefined;
  #writer: WritableStreamDefaultWriter<Uint8Array> | undefined;
  #isOver = false;

  constructor(context: SessionContext, channel: string, after: string | undefined) {
    this.#context = context;
    this.channel = channel;
    this.#cursor = after;
  }

  /** Resolves with what to answer when it is live. @throws GatewayError */
  async start(request: Line): Promise<Line> {
    const answer = await this.#connect({ ...request, ref: request.ref ?? "subscribe" });
    if (answer.op === "error") return answer;
    this.#writer = await this.#context.session.openUni();
    // The first message on the stream says what follows on it.
    const told = request.ref === undefined ? { ...answer, ref: undefined } : answer;
    await this.#writer.write(this.#context.format.encode(told));
    return told;
  }

  /** Resolves when it is over. */
  async run(): Promise<void> {
    const writer = this.#writer;
    if (writer === undefined) return;
    // STOP_SENDING, or the end of the session: it is not read any more.
    writer.closed.catch(() => this.end());
    try {
      while (!this.#isOver) {
        await this.#pump(writer);
        if (!this.#isOver) await this.#reconnect();
      }
    } catch (thrown) {
      const error = GatewayError.from(thrown);
      const line = { op: "error", channel: this.channel, code: error.code, message: error.message };
      if (!this.#isOver) await writer.write(this.#context.format.encode(line)).catch(() => {});
    } finally {
      this.end();
      writer.close().catch(() => {});
    }
  }

  end(): void {
    this.#isOver = true;
    this.#lines?.close();
  }

  /** Sends lines on as they come, at the pace of who reads them. */
  async #pump(writer: WritableStreamDefaultWriter<Uint8Array>): Promise<void> {
    const { format, session } = this.#context;
    for await (const batch of this.#lines?.batches() ?? []) {
      let parts: Uint8Array[] = [];
      let length = 0;
      for (const text of batch) {
        const line = JSON.parse(text) as Line;
        if (typeof line.sequence === "string") this.#cursor = line.sequence;
        const encoded = format.encode(line);
        parts.push(encoded);
        length += encoded.byteLength;
        // It says why it ended the subscription.
        if (line.op === "error") this.#isOver = true;
        if (length < CHUNK_BYTES) continue;
        await writer.write(concatBytes(parts));
        parts = [];
        length = 0;
      }
      if (parts.length > 0) await writer.write(concatBytes(parts));
      if (this.#isOver || session.isOver) return this.end();
    }
  }

  async #reconnect(): Promise<void> {
    for (;;) {
      if (this.#isOver || this.#context.session.isOver) return this.end();
      try {
        const request = { op: "subscribe", channel: this.channel, after: this.#cursor, ref: "again" };
        const answer = await this.#connect(request);
        if (answer.op !== "error") return;
        throw new GatewayError("unavailable", String(answer.message));
      } catch (thrown) {
        if (!(thrown instanceof GatewayError) || thrown.code !== "unavailable") throw thrown;
        await delay(Math.max(10, this.#context.backoff.waitMs));
      }
    }
  }

  /** Opens a connection of lines, and gives its answer to the line that subscribes. @throws GatewayError */
  async #connect(request: Line): Promise<Line> {
    this.#lines = await this.#context.openLines();
    if (this.#isOver) this.#lines.close();
    await this.#lines.send(JSON.stringify(request));
    const answer = await this.#lines.first();
    if (answer === undefined) throw new GatewayError("unavailable", "The server has gone.");
    if (answer.op === "error") this.#lines.close();
    else if (typeof answer.after === "string") this.#cursor = answer.after;
    return answer;
  }
}
