import { concatBytes } from "./bytes.ts";

/**
 * `application/grpc-web-text`: gRPC-Web in base64 (grpc/grpc PROTOCOL-WEB.md, "Protocol differences"), which Google's
 * own client sends so that a browser's XMLHttpRequest can read a stream as text.
 *
 * A sender may pad wherever it flushes, so that padding can come in the middle of a stream; and chunks of the
 * transport end anywhere, also within a group of four characters.
 */

const GROUP = /^(?:[A-Za-z0-9+/]{4}|[A-Za-z0-9+/]{3}=|[A-Za-z0-9+/]{2}==)$/;
const ASCII = new TextDecoder("latin1");
const BINARY_STEP = 0x8000;

/** Decodes a stream of base64, chunk by chunk. */
export class GrpcWebTextDecoder {
  /** Characters that are not yet a whole group. */
  #rest = "";

  /** @throws Error where the text is no base64 */
  push(chunk: Uint8Array): Uint8Array {
    const text = this.#rest + ASCII.decode(chunk);
    const whole = text.length - (text.length % 4);
    this.#rest = text.slice(whole);
    return decodeGroups(text.slice(0, whole));
  }

  /** @throws Error where the stream ended within a group */
  finish(): void {
    if (this.#rest !== "") throw new Error("The base64 ends in the middle of a group.");
  }
}

function decodeGroups(text: string): Uint8Array {
  const firstPadding = text.indexOf("=");
  // One call for the whole where nothing but its end can be padded.
  if (firstPadding === -1 || firstPadding >= text.length - 2) return toBytes(text);
  const parts: Uint8Array[] = [];
  let start = 0;
  for (let end = text.indexOf("="); end !== -1; end = text.indexOf("=", start)) {
    const groupEnd = end + 4 - (end % 4);
    parts.push(toBytes(text.slice(start, groupEnd)));
    start = groupEnd;
  }
  parts.push(toBytes(text.slice(start)));
  return concatBytes(parts);
}

function toBytes(text: string): Uint8Array {
  // atob skips whitespace and forgives missing padding, so what it would forgive is looked for first.
  const last = text.slice(-4);
  if (text !== "" && (!/^[A-Za-z0-9+/]*$/.test(text.slice(0, -4)) || !GROUP.test(last))) {
    throw new Error("Not base64.");
  }
  const binary = atob(text);
  const bytes = new Uint8Array(binary.length);
  for (let index = 0; index < binary.length; index += 1) bytes[index] = binary.charCodeAt(index);
  return bytes;
}

/** Encodes one chunk by itself, padded, so that the client can read all of it now. */
export function encodeGrpcWebText(chunk: Uint8Array): Uint8Array {
  let binary = "";
  // Whole arrays as arguments overflow the stack; 32 KiB at a time do not.
  for (let start = 0; start < chunk.length; start += BINARY_STEP) {
    binary += String.fromCharCode(...chunk.subarray(start, start + BINARY_STEP));
  }
  return new TextEncoder().encode(btoa(binary));
}
