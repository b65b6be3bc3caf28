import { decode, encode } from "@msgpack/msgpack";
import { splitByLength, withLength } from "./length-prefixed.ts";
import type { Decoded, MessageFormat } from "./message-format.ts";
import { attempt } from "./message-format.ts";
import type { Line } from "./worker-lines.ts";

/** MessagePack: the same objects, with `data_base64` as `data_bytes`, a bin. */
export const msgpackFormat: MessageFormat = {
  name: "everywire.msgpack",
  createSplitter: (maxBytes) => splitByLength(maxBytes, decodeMessage),
  encode: (line) => withLength(encodeMessage(line)),
  encodeDatagram: encodeMessage,
  decodeDatagram: decodeMessage,
};

function encodeMessage(line: Line): Uint8Array {
  const { data_base64: text, ...rest } = line;
  if (typeof text !== "string") return encode(line, { ignoreUndefined: true });
  return encode(
    { ...rest, data_bytes: Uint8Array.from(atob(text), (char) => char.charCodeAt(0)) },
    { ignoreUndefined: true },
  );
}

function decodeMessage(bytes: Uint8Array): Decoded {
  return attempt(() => {
    const value = decode(bytes) as { readonly data_bytes?: unknown };
    const { data_bytes: data, ...rest } = value;
    if (!(data instanceof Uint8Array)) return value;
    return { ...rest, data_base64: Buffer.from(data).toString("base64") };
  }, "A message is a MessagePack map.");
}
