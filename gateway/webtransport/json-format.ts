import type { NdjsonLine } from "../../wire/ndjson.ts";
import { NdjsonSplitter } from "../../wire/ndjson.ts";
import type { Decoded, MessageFormat } from "./message-format.ts";
import { attempt, faulty } from "./message-format.ts";

const FAULT = "A line is a JSON object in UTF-8.";
const FROM_UTF8 = new TextDecoder("utf-8", { fatal: true });
const TO_UTF8 = new TextEncoder();

/** JSON lines, as on TCP: what is spoken where nothing was negotiated. */
export const jsonFormat: MessageFormat = {
  name: "everywire.json",
  createSplitter(maxBytes) {
    const splitter = new NdjsonSplitter(maxBytes);
    const decode = function* (lines: Iterable<NdjsonLine>): Generator<Decoded> {
      for (const { bytes } of lines) {
        yield bytes === undefined ? faulty(`A line has at most ${maxBytes} bytes.`) : decodeJson(bytes);
      }
    };
    return { push: (chunk) => decode(splitter.push(chunk)), end: () => decode(splitter.end()) };
  },
  encode: (line) => TO_UTF8.encode(`${JSON.stringify(line)}\n`),
  encodeDatagram: (line) => TO_UTF8.encode(JSON.stringify(line)),
  decodeDatagram: decodeJson,
};

function decodeJson(bytes: Uint8Array): Decoded {
  return attempt(() => JSON.parse(FROM_UTF8.decode(bytes)) as unknown, FAULT);
}
