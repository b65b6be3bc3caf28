import { toRequestText } from "../../http-connection.ts";
import { ByteConnection } from "./byte-connection.ts";
import type { Place } from "./place.ts";

/** Any will do: it proves to a client that the answer is a WebSocket's, and this one knows that. */
const KEY = "ZXZlcnl3aXJlLWxhYi1rZXk=";
const TEXT = 0x1;
const BINARY = 0x2;

/**
 * Opens a WebSocket of the Worker on a bare connection (RFC 6455 §4.1). What comes are frames.
 *
 * @param onBytes is given what comes with the answer: the first events may be in the same chunk
 */
export async function openWebSocket(
  place: Place,
  path: string,
  protocol?: string,
  onBytes: (chunk: Buffer) => void = () => undefined,
): Promise<ByteConnection> {
  const connection = await ByteConnection.open(place.httpPort, place.host, place.readerHost);
  const headers = {
    upgrade: "websocket",
    connection: "Upgrade",
    "sec-websocket-version": "13",
    "sec-websocket-key": KEY,
    ...(protocol === undefined ? {} : { "sec-websocket-protocol": protocol }),
  };
  connection.write(toRequestText({ method: "GET", url: `${place.url}${path}`, headers }));
  const head = await connection.waitFor("\r\n\r\n", onBytes);
  if (!head.startsWith("HTTP/1.1 101")) throw new Error(`${path} was answered ${head.slice(0, 200)}`);
  return connection;
}

/** A message as one frame of a client (RFC 6455 §5.2): text where it is a string. */
export function encodeFrame(message: string | Uint8Array): Buffer {
  const payload = typeof message === "string" ? Buffer.from(message) : message;
  const { length } = payload;
  const lengthBytes = length < 126 ? 0 : length < 65_536 ? 2 : 8;
  const frame = Buffer.alloc(6 + lengthBytes + length);
  frame[0] = 0x80 | (typeof message === "string" ? TEXT : BINARY);
  frame[1] = 0x80 | (lengthBytes === 0 ? length : lengthBytes === 2 ? 126 : 127);
  if (lengthBytes === 2) frame.writeUInt16BE(length, 2);
  else if (lengthBytes === 8) frame.writeBigUInt64BE(BigInt(length), 2);
  // The masking key is zero, under which the payload stays as it is: masking is the client's work, and not what is measured.
  frame.set(payload, 6 + lengthBytes);
  return frame;
}

/** Takes the payloads out of a server's frames, wherever the chunks are cut. */
export class FrameReader {
  readonly #onPayload: (payload: Buffer) => void;
  #rest: Buffer | undefined;

  constructor(onPayload: (payload: Buffer) => void) {
    this.#onPayload = onPayload;
  }

  push(chunk: Buffer): void {
    let bytes = this.#rest === undefined ? chunk : Buffer.concat([this.#rest, chunk]);
    for (;;) {
      const frame = cutFrame(bytes);
      if (frame === undefined) break;
      this.#onPayload(frame.payload);
      bytes = bytes.subarray(frame.length);
    }
    this.#rest = bytes.length === 0 ? undefined : bytes;
  }
}

function cutFrame(bytes: Buffer): { readonly payload: Buffer; readonly length: number } | undefined {
  if (bytes.length < 2) return undefined;
  const short = (bytes[1] as number) & 0x7f;
  const headLength = short < 126 ? 2 : short === 126 ? 4 : 10;
  if (bytes.length < headLength) return undefined;
  const payloadLength =
    short < 126 ? short : short === 126 ? bytes.readUInt16BE(2) : Number(bytes.readBigUInt64BE(2));
  const length = headLength + payloadLength;
  return bytes.length < length ? undefined : { payload: bytes.subarray(headLength, length), length };
}
