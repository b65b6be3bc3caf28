import type { ChannelName } from "../../core/channel-name.ts";
import { parseChannelName } from "../../core/channel-name.ts";
import type { After } from "../../core/cursor.ts";
import { parseAfter } from "../../core/cursor.ts";
import { EverywireError } from "../../core/error.ts";
import type { NdjsonLine } from "../../wire/ndjson.ts";

/** What ties an answer to its line: the client's to choose. */
export type Ref = string | number;

/** What a line asks for. `ref` is known also where the rest could not be read. */
export type Operation =
  | { readonly op: "hello"; readonly token: string }
  | { readonly op: "publish"; readonly channel: ChannelName; readonly event: unknown }
  | { readonly op: "subscribe"; readonly channel: ChannelName; readonly after: After }
  | { readonly op: "unsubscribe"; readonly channel: ChannelName }
  | { readonly op: "ping" };

export interface Line {
  readonly ref: Ref | undefined;
  readonly operation: Operation | EverywireError;
}

const MAX_REF_LENGTH = 200;
const UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: false });

/** Reads a line. What is wrong with it is in the result, since the answer has to name the line it is for. */
export function decodeLine({ bytes }: NdjsonLine, maxLineBytes: number): Line {
  if (bytes === undefined) {
    return refused(new EverywireError("payload_too_large", `A line has at most ${maxLineBytes} bytes.`));
  }
  let value: unknown;
  try {
    value = JSON.parse(UTF8.decode(bytes));
  } catch {
    return refused(new EverywireError("invalid_argument", "A line is a JSON object in UTF-8."));
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    return refused(new EverywireError("invalid_argument", "A line is a JSON object."));
  }
  const fields = value as Readonly<Record<string, unknown>>;
  const ref = toRef(fields.ref);
  try {
    return { ref, operation: decodeOperation(fields) };
  } catch (thrown) {
    return { ref, operation: EverywireError.from(thrown) };
  }
}

/** @throws EverywireError `invalid_argument` */
function decodeOperation(fields: Readonly<Record<string, unknown>>): Operation {
  switch (fields.op) {
    case "hello":
      if (typeof fields.token === "string" && fields.token !== "")
        return { op: "hello", token: fields.token };
      throw new EverywireError("invalid_argument", "'hello' has a 'token'.");
    case "publish": {
      const { op: _op, ref: _ref, channel, ...event } = fields;
      return { op: "publish", channel: parseChannelName(channel), event };
    }
    case "subscribe":
      return { op: "subscribe", channel: parseChannelName(fields.channel), after: parseAfter(fields.after) };
    case "unsubscribe":
      return { op: "unsubscribe", channel: parseChannelName(fields.channel) };
    case "ping":
      return { op: "ping" };
    default:
      throw new EverywireError("invalid_argument", "'op' is hello, publish, subscribe, unsubscribe or ping.");
  }
}

function toRef(value: unknown): Ref | undefined {
  if (typeof value === "number") return value;
  return typeof value === "string" && value.length <= MAX_REF_LENGTH ? value : undefined;
}

function refused(error: EverywireError): Line {
  return { ref: undefined, operation: error };
}
