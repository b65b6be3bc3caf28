import type { Decoder } from "./call.ts";

const HEAD_BYTES = 5;
const COMPRESSED = 0x01;
const END_OF_CONNECT = 0x02;
const TRAILERS = 0x80;

/** A message behind its flags and its length, as gRPC, gRPC-Web and Connect's streams have it. */
export function encodeEnvelope(message: Uint8Array): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(HEAD_BYTES + message.byteLength);
  new DataView(bytes.buffer).setUint32(1, message.byteLength);
  bytes.set(message, HEAD_BYTES);
  return bytes;
}

/** Cuts a body into its envelopes, wherever its pieces begin and end. */
export class EnvelopeDecoder implements Decoder {
  readonly #read: (bytes: Uint8Array<ArrayBuffer>, direction: "out" | "in") => string;
  #held = new Uint8Array();

  constructor(read: (bytes: Uint8Array<ArrayBuffer>, direction: "out" | "in") => string) {
    this.#read = read;
  }

  push(bytes: Uint8Array<ArrayBuffer>, direction: "out" | "in"): readonly string[] {
    if (direction === "out") return [this.#read(bytes.slice(HEAD_BYTES), direction)];
    const all = new Uint8Array(this.#held.byteLength + bytes.byteLength);
    all.set(this.#held);
    all.set(bytes, this.#held.byteLength);
    const texts: string[] = [];
    let start = 0;
    while (all.byteLength - start >= HEAD_BYTES) {
      const length = new DataView(all.buffer).getUint32(start + 1);
      const end = start + HEAD_BYTES + length;
      if (all.byteLength < end) break;
      texts.push(this.#describe(all[start] ?? 0, all.slice(start + HEAD_BYTES, end)));
      start = end;
    }
    this.#held = all.slice(start);
    return texts;
  }

  #describe(flags: number, message: Uint8Array<ArrayBuffer>): string {
    if (flags & TRAILERS) return `trailers\n${new TextDecoder().decode(message).trim()}`;
    if (flags & END_OF_CONNECT) return `end of stream\n${new TextDecoder().decode(message)}`;
    if (flags & COMPRESSED) return `${message.byteLength} compressed bytes`;
    return this.#read(message, "in");
  }
}
