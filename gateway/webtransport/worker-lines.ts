import type { IncomingMessage } from "node:http";
import { WebSocket } from "ws";
import { GatewayError } from "../gateway-error.ts";
import type { HeaderList, Origin } from "../http/headers.ts";
import { toRecord, toWorkerHeaders } from "../http/headers.ts";
import type { Worker } from "../worker/worker.ts";
import { toGatewayError } from "../worker/worker.ts";

const SUBPROTOCOL = "everywire.lines";
const OPEN_TIMEOUT_MS = 10_000;
const MAX_MESSAGE_BYTES = 64 * 1024 * 1024;
const MAX_BODY_BYTES = 16 * 1024;
/** Messages that were received and not taken, beyond which the Worker is left to wait. */
const MAX_HELD_MESSAGES = 16;

/** A line as the Worker sends and takes it (functions/tcp/README.md). */
export type Line = Readonly<Record<string, unknown>>;

/** In whose name lines are sent. */
export interface Caller {
  readonly token: string | undefined;
  readonly origin: Origin;
}

/**
 * JSON lines over a WebSocket to the Worker: one connection of its TCP door. Nothing more is read than is taken, and what
 * the Worker asks about that is answered here.
 */
export class WorkerLines {
  readonly #socket: WebSocket;
  readonly #held: string[] = [];
  #wake: (() => void) | undefined;
  #isEnded = false;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.on("message", (data: Buffer) => this.#onMessage(data.toString()));
    socket.on("close", () => this.#onEnd());
    socket.on("error", () => this.#onEnd());
  }

  /** @throws GatewayError with what the Worker says, or `unavailable` */
  static async open(worker: Worker, caller: Caller): Promise<WorkerLines> {
    const headers: HeaderList =
      caller.token === undefined ? [] : [["authorization", `Bearer ${caller.token}`]];
    const url = new URL("/tcp", worker.url);
    url.protocol = worker.isNear ? "ws:" : "wss:";
    const socket = new WebSocket(url, [SUBPROTOCOL], {
      headers: toRecord(toWorkerHeaders(headers, caller.origin, worker.isNear)),
      perMessageDeflate: false,
      maxPayload: MAX_MESSAGE_BYTES,
      handshakeTimeout: OPEN_TIMEOUT_MS,
    });
    const release = worker.hold();
    socket.once("close", release);
    await new Promise<void>((resolve, reject) => {
      socket.once("open", resolve);
      socket.once("error", (error) => reject(toGatewayError(error)));
      socket.once("unexpected-response", (_request, response: IncomingMessage) => {
        release();
        readRefusal(response).then(reject, reject);
      });
    });
    return new WorkerLines(socket);
  }

  get isEnded(): boolean {
    return this.#isEnded;
  }

  /** Resolves when it has left this process. */
  send(line: string): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#isEnded) return reject(new GatewayError("unavailable", "The server has gone."));
      this.#socket.send(line, (error) => (error ? reject(toGatewayError(error)) : resolve()));
    });
  }

  /** Lines as their JSON texts, in order, those together that came together. Ends when the connection does. */
  async *batches(): AsyncGenerator<readonly string[]> {
    for (;;) {
      const message = this.#held.shift();
      if (message === undefined) {
        if (this.#isEnded) return;
        await new Promise<void>((resolve) => (this.#wake = resolve));
        continue;
      }
      if (this.#held.length < MAX_HELD_MESSAGES && this.#socket.isPaused) this.#socket.resume();
      let batch: string[] = [];
      for (const line of message.split("\n")) {
        if (line === "" || line === HEARTBEAT) continue;
        const asked = PING.exec(line);
        if (asked === null) {
          batch.push(line);
          continue;
        }
        if (batch.length > 0) yield batch;
        batch = [];
        // Everything before it was taken, so this is how far the reader is.
        await this.send(JSON.stringify({ op: "pong", ref: asked[1] })).catch(() => {});
      }
      if (batch.length > 0) yield batch;
    }
  }

  /** The first line, where it comes by itself; undefined where the connection ends without one. */
  async first(): Promise<Line | undefined> {
    while (this.#held.length === 0 && !this.#isEnded) {
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
    const [message = ""] = this.#held;
    const end = message.indexOf("\n");
    const line = end === -1 ? message : message.slice(0, end);
    this.#held[0] = end === -1 ? "" : message.slice(end + 1);
    return line === "" ? undefined : (JSON.parse(line) as Line);
  }

  close(): void {
    this.#socket.close(1000);
    this.#onEnd();
  }

  #onMessage(message: string): void {
    this.#held.push(message);
    if (this.#held.length >= MAX_HELD_MESSAGES) this.#socket.pause();
    this.#wake?.();
  }

  #onEnd(): void {
    this.#isEnded = true;
    this.#wake?.();
  }
}

const HEARTBEAT = '{"op":"heartbeat"}';
const PING = /^\{"op":"ping","ref":"([^"\\]*)"\}$/;

async function readRefusal(response: IncomingMessage): Promise<GatewayError> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of response) {
    length += (chunk as Uint8Array).byteLength;
    if (length <= MAX_BODY_BYTES) chunks.push(chunk as Uint8Array);
  }
  return GatewayError.fromAnswer(response.statusCode ?? 502, Buffer.concat(chunks).toString());
}
