import { randomBytes } from "node:crypto";
import { once } from "node:events";
import type { Socket } from "node:net";
import { connect } from "node:net";
import { toRequestText } from "./http-connection.ts";

/** A WebSocket, or an answer that goes on: server-sent events, NDJSON. */
export type BroadcastKind = "webSocket" | "stream";

/** How a reader begins. */
export interface Greeting {
  /** What it says first, where the server has to be spoken to before it sends events. */
  readonly text?: string | undefined;
  readonly subprotocol?: string;
}

/** The end of the text that each event in the lab carries once, whatever it is wrapped in. */
const MARK = Buffer.from('xxxxxxxx"');
const AT_ONCE = 50;
const OPENING_MS = 10_000;

/**
 * Many readers of one channel that count what arrives, on bare sockets: they look for a mark in the bytes, and decode
 * nothing, so that several events in one frame count as several, and so that as much as can be of the machine is left to
 * the server. They answer no pings: they are for stretches shorter than a server's patience.
 */
export class BroadcastReaders {
  readonly #readers: readonly Reader[];
  #received = 0;
  /** Told of each stretch of bytes how many events were in it. */
  onEvents: (count: number) => void = () => undefined;

  private constructor(readers: readonly Reader[]) {
    this.#readers = readers;
  }

  static async open(
    kind: BroadcastKind,
    url: string,
    count: number,
    greeting: Greeting = {},
  ): Promise<BroadcastReaders> {
    const readers = Array.from({ length: count }, () => new Reader());
    const all = new BroadcastReaders(readers);
    for (let start = 0; start < count; start += AT_ONCE) {
      const some = readers.slice(start, start + AT_ONCE);
      await Promise.all(
        some.map((reader) => reader.open(kind, url, greeting, (events) => all.#count(events))),
      );
    }
    return all;
  }

  get count(): number {
    return this.#readers.length;
  }

  /** Events that arrived so far, at all readers together. */
  get received(): number {
    return this.#received;
  }

  /** How many of them are still connected. */
  get connected(): number {
    return this.#readers.filter((reader) => reader.isOpen).length;
  }

  close(): void {
    for (const reader of this.#readers) reader.close();
  }

  #count(events: number): void {
    this.#received += events;
    this.onEvents(events);
  }
}

class Reader {
  #socket: Socket | undefined;
  /** The end of the bytes before, in which a mark may begin. */
  #rest: Buffer = Buffer.alloc(0);
  #isOpen = false;

  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** Resolves when the server has answered, and a greeting was answered too. */
  async open(
    kind: BroadcastKind,
    url: string,
    { text: greeting, subprotocol }: Greeting,
    onEvents: (count: number) => void,
  ): Promise<void> {
    const { hostname, port } = new URL(url);
    const socket = connect({ host: hostname, port: Number(port) });
    this.#socket = socket;
    socket.setNoDelay(true);
    const opened = Promise.withResolvers<void>();
    const timer = setTimeout(() => opened.reject(new Error(`${url} does not answer a reader.`)), OPENING_MS);
    let head = "";
    let greetings = greeting === undefined ? 0 : 2;
    socket.on("data", (bytes: Buffer) => {
      if (this.#isOpen) {
        const events = this.#countMarks(bytes);
        if (events > 0) onEvents(events);
        return;
      }
      head += bytes.toString("latin1");
      const headEnd = head.indexOf("\r\n\r\n");
      if (headEnd === -1) return;
      if (!/^HTTP\/1\.1 (101|200) /.test(head)) {
        opened.reject(new Error(`${url} answered ${head.slice(0, headEnd)}.`));
        return;
      }
      // Each word of the server's before events is a frame of its own (Engine.IO's handshake, Socket.IO's connect).
      const hasBody = head.length > headEnd + 4;
      if (greetings === 2 && hasBody) {
        socket.write(toFrame(greeting ?? ""));
        greetings = 1;
        head = head.slice(0, headEnd + 4);
      } else if (greetings === 1 && hasBody) {
        greetings = 0;
      }
      if (greetings > 0) return;
      this.#isOpen = true;
      opened.resolve();
    });
    const onEnd = (error?: Error) => {
      this.#isOpen = false;
      opened.reject(error instanceof Error ? error : new Error(`${url} hung up on a reader.`));
    };
    socket.on("error", onEnd);
    socket.on("close", () => onEnd());
    await once(socket, "connect");
    const headers: Record<string, string> =
      kind === "webSocket" ? toUpgrade(subprotocol) : { accept: "text/event-stream, application/x-ndjson" };
    socket.write(toRequestText({ method: "GET", url, headers }), "latin1");
    try {
      await opened.promise;
    } finally {
      clearTimeout(timer);
    }
  }

  close(): void {
    this.#socket?.destroy();
  }

  #countMarks(bytes: Buffer): number {
    const { length } = this.#rest;
    // Where the bytes begin with the end of a mark, which is seldom, and cheap to see.
    const text = length === 0 ? bytes : Buffer.concat([this.#rest, bytes]);
    let events = 0;
    let end = 0;
    for (let at = text.indexOf(MARK); at !== -1; at = text.indexOf(MARK, end)) {
      events += 1;
      end = at + MARK.length;
    }
    const begin = Math.max(end, text.length - MARK.length + 1);
    // Only letters of the mark can be its beginning.
    this.#rest = text.at(-1) === MARK[0] ? Buffer.from(text.subarray(begin)) : EMPTY;
    return events;
  }
}

const EMPTY = Buffer.alloc(0);

function toUpgrade(subprotocol: string | undefined): Record<string, string> {
  return {
    ...(subprotocol === undefined ? {} : { "sec-websocket-protocol": subprotocol }),
    upgrade: "websocket",
    connection: "Upgrade",
    "sec-websocket-version": "13",
    "sec-websocket-key": randomBytes(16).toString("base64"),
  };
}

/** A short text from a client, masked with zeros (RFC 6455 §5.2). */
function toFrame(text: string): Buffer {
  const payload = Buffer.from(text);
  return Buffer.concat([Buffer.of(0x81, 0x80 | payload.length, 0, 0, 0, 0), payload]);
}
