import { decode, encode } from "@msgpack/msgpack";
import { fromBase64, toBase64 } from "./base64.ts";
import type { Line, MessageFormat } from "./format.ts";
import { LengthCutter, withLength } from "./length-cutter.ts";

/** MessagePack: the same objects, with `data_base64` as `data_bytes`, a bin. */
export const msgpackFormat: MessageFormat = {
  subprotocol: "everywire.msgpack",
  encode: (line) => withLength(encodeLine(line)),
  encodeDatagram: encodeLine,
  createCutter: () => new LengthCutter(decodeLine),
};

function encodeLine(line: Line): Uint8Array {
  const { data_base64: text, ...rest } = line;
  const value = typeof text === "string" ? { ...rest, data_bytes: fromBase64(text) } : line;
  return encode(value, { ignoreUndefined: true });
}

function decodeLine(bytes: Uint8Array): Line {
  const { data_bytes: data, ...rest } = decode(bytes) as Line;
  return data instanceof Uint8Array ? { ...rest, data_base64: toBase64(data) } : rest;
}
