import { once } from "node:events";
import type { Socket } from "node:net";
import { connect } from "node:net";
import { connect as connectTls } from "node:tls";

/** RFC 9113 §6. */
export const TYPE = {
  DATA: 0,
  HEADERS: 1,
  PRIORITY: 2,
  RST_STREAM: 3,
  SETTINGS: 4,
  PUSH_PROMISE: 5,
  PING: 6,
  GOAWAY: 7,
  WINDOW_UPDATE: 8,
  CONTINUATION: 9,
} as const;
export const FLAG = { END_STREAM: 0x1, ACK: 0x1, END_HEADERS: 0x4, PADDED: 0x8, PRIORITY: 0x20 } as const;
/** RFC 9113 §7. */
export const CODE = {
  NO_ERROR: 0,
  PROTOCOL_ERROR: 1,
  FLOW_CONTROL_ERROR: 3,
  STREAM_CLOSED: 5,
  FRAME_SIZE_ERROR: 6,
  REFUSED_STREAM: 7,
  COMPRESSION_ERROR: 9,
  ENHANCE_YOUR_CALM: 11,
} as const;

const PREFACE = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
const HEADER_BYTES = 9;
const TIMEOUT_MS = 10_000;

export interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly streamId: number;
  readonly payload: Buffer;
}

export function frame(type: number, flags: number, streamId: number, payload: Buffer = Buffer.of()): Buffer {
  const head = Buffer.alloc(HEADER_BYTES);
  head.writeUIntBE(payload.length, 0, 3);
  head.writeUInt8(type, 3);
  head.writeUInt8(flags, 4);
  head.writeUInt32BE(streamId, 5);
  return Buffer.concat([head, payload]);
}

export function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

export function setting(id: number, value: number): Buffer {
  return Buffer.concat([Buffer.of(id >> 8, id & 0xff), uint32(value)]);
}

type Field = readonly [name: string, value: string];

/** Fields as literals without indexing (RFC 7541 §6.2.2), with lengths below 127. */
export function fields(...pairs: readonly Field[]): Buffer {
  return Buffer.concat(
    pairs.flatMap(([name, value]) => [
      Buffer.of(0, name.length),
      Buffer.from(name),
      Buffer.of(Buffer.byteLength(value)),
      Buffer.from(value),
    ]),
  );
}

/** A GET of `/health`, and more fields. */
export function requestFields(...more: readonly Field[]): Buffer {
  return fields(...toGet("/health"), ...more);
}

/** The pseudo-headers of a GET. */
export function toGet(path: string): readonly Field[] {
  return [
    [":method", "GET"],
    [":scheme", "http"],
    [":path", path],
    [":authority", "localhost"],
  ];
}

/** A whole request without a body. */
export function request(streamId: number, block: Buffer = requestFields()): Buffer {
  return frame(TYPE.HEADERS, FLAG.END_STREAM | FLAG.END_HEADERS, streamId, block);
}

export function postHead(streamId: number, path = "/channels/demo/h2", ...more: readonly Field[]): Buffer {
  const block = fields(
    [":method", "POST"],
    [":scheme", "http"],
    [":path", path],
    [":authority", "localhost"],
    ["content-type", "application/json"],
    ...more,
  );
  return frame(TYPE.HEADERS, FLAG.END_HEADERS, streamId, block);
}

/** A connection that writes each byte itself. */
export class RawHttp2 {
  readonly socket: Socket;
  readonly frames: Frame[] = [];
  isClosed = false;
  #bytes: Buffer = Buffer.of();
  #wake: () => void = () => {};

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on("error", () => {});
    socket.on("data", (chunk: Buffer) => this.#onData(chunk));
    socket.on("close", () => {
      this.isClosed = true;
      this.#wake();
    });
  }

  /** @param settings the first frame; left out, an empty SETTINGS */
  static async open(port: number, isTls = false, settings = frame(TYPE.SETTINGS, 0, 0)): Promise<RawHttp2> {
    const socket = isTls
      ? connectTls({ port, host: "127.0.0.1", rejectUnauthorized: false, ALPNProtocols: ["h2"] })
      : connect(port, "127.0.0.1");
    await once(socket, isTls ? "secureConnect" : "connect");
    const raw = new RawHttp2(socket);
    raw.send(PREFACE, settings);
    return raw;
  }

  send(...parts: readonly Buffer[]): void {
    if (!this.socket.destroyed) this.socket.write(Buffer.concat(parts));
  }

  /** Resolves at the first frame that fits, and with undefined where the connection ends before. */
  async until(fits: (frame: Frame) => boolean): Promise<Frame | undefined> {
    const deadline = Date.now() + TIMEOUT_MS;
    for (let index = 0; ; ) {
      for (; index < this.frames.length; index += 1) {
        const seen = this.frames[index];
        if (seen !== undefined && fits(seen)) return seen;
      }
      if (this.isClosed) return undefined;
      const left = deadline - Date.now();
      if (left <= 0) throw new Error(`It did not come; there were ${this.describe()}.`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }

  /** The code of the GOAWAY that ends the connection; undefined where it ends without. */
  async goAway(): Promise<number | undefined> {
    const seen = await this.until(({ type }) => type === TYPE.GOAWAY);
    return seen?.payload.readUInt32BE(4);
  }

  /** How a stream ends: the code it is reset with, `GOAWAY` with the connection's, or the status that it was answered. */
  async outcome(streamId: number): Promise<string> {
    const seen = await this.until(
      ({ type, streamId: id }) =>
        type === TYPE.GOAWAY || (id === streamId && (type === TYPE.RST_STREAM || type === TYPE.HEADERS)),
    );
    if (seen === undefined) return "closed";
    if (seen.type === TYPE.GOAWAY) return `GOAWAY ${seen.payload.readUInt32BE(4)}`;
    return seen.type === TYPE.RST_STREAM ? `RST_STREAM ${seen.payload.readUInt32BE(0)}` : "answered";
  }

  /** Resolves when the server answers, so that all that was sent before is behind it. */
  async ping(): Promise<boolean> {
    const data = Buffer.from(String(this.frames.length).padStart(8, "p"));
    this.send(frame(TYPE.PING, 0, 0, data));
    const seen = await this.until(
      ({ type, flags, payload }) => type === TYPE.PING && (flags & FLAG.ACK) !== 0 && payload.equals(data),
    );
    return seen !== undefined;
  }

  describe(): string {
    return this.frames.map(({ type, streamId }) => `${type}@${streamId}`).join(" ") || "none";
  }

  close(): void {
    this.socket.destroy();
  }

  #onData(chunk: Buffer): void {
    this.#bytes = Buffer.concat([this.#bytes, chunk]);
    for (;;) {
      if (this.#bytes.length < HEADER_BYTES) break;
      const length = this.#bytes.readUIntBE(0, 3);
      if (this.#bytes.length < HEADER_BYTES + length) break;
      this.frames.push({
        type: this.#bytes.readUInt8(3),
        flags: this.#bytes.readUInt8(4),
        streamId: this.#bytes.readUInt32BE(5) & 0x7fff_ffff,
        payload: this.#bytes.subarray(HEADER_BYTES, HEADER_BYTES + length),
      });
      this.#bytes = this.#bytes.subarray(HEADER_BYTES + length);
    }
    this.#wake();
  }
}
