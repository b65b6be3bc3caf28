import type { JsonValue, MessageInitShape } from "@bufbuild/protobuf";
import { create, fromBinary, fromJson, toBinary, toJson } from "@bufbuild/protobuf";
import type { Value } from "@bufbuild/protobuf/wkt";
import { ValueSchema } from "@bufbuild/protobuf/wkt";
import { PublishRequestSchema } from "../../../proto/gen/everywire/v1/channel_service_pb.ts";
import type { Event } from "../../../proto/gen/everywire/v1/event_pb.ts";
import { SessionRequestSchema, SessionResponseSchema } from "../../../proto/gen/everywire/v1/session_pb.ts";
import { fromBase64, toBase64 } from "./base64.ts";
import type { Line, MessageFormat } from "./format.ts";
import { LengthCutter, withLength } from "./length-cutter.ts";

type Operation = NonNullable<MessageInitShape<typeof SessionRequestSchema>["operation"]>;

/** `everywire.v1.SessionRequest` out, `everywire.v1.SessionResponse` in (proto/everywire/v1/session.proto). */
export const protobufFormat: MessageFormat = {
  subprotocol: "everywire.protobuf",
  encode: (line) => withLength(encodeRequest(line)),
  encodeDatagram: encodeRequest,
  createCutter: () => new LengthCutter(decodeResponse),
};

/** Attributes that PublishRequest has fields for; what is none of them is an extension. */
const TEXTS = ["type", "id", "source", "datacontenttype", "dataschema", "time"] as const;

function encodeRequest({ ref, ...line }: Line): Uint8Array {
  const request = create(SessionRequestSchema, {
    ref: ref === undefined ? "" : String(ref),
    operation: toOperation(line),
  });
  return toBinary(SessionRequestSchema, request);
}

function toOperation({ op, ...fields }: Line): Operation {
  const channel = String(fields.channel);
  switch (op) {
    case "hello":
      return { case: "hello", value: { token: String(fields.token) } };
    case "subscribe":
      return { case: "subscribe", value: { channel, after: String(fields.after ?? "") } };
    case "unsubscribe":
      return { case: "unsubscribe", value: { channel } };
    case "publish":
      return { case: "publish", value: toPublish(channel, fields) };
    default:
      return { case: "ping", value: {} };
  }
}

function toPublish(channel: string, { channel: _, data, data_base64: base64, ...fields }: Line) {
  const request = create(PublishRequestSchema, { channel });
  if (data !== undefined) request.data = fromJson(ValueSchema, data as JsonValue);
  if (typeof base64 === "string") request.dataBytes = fromBase64(base64);
  for (const name of TEXTS) {
    const { [name]: text } = fields;
    if (typeof text === "string") request[name] = text;
  }
  for (const [name, value] of Object.entries(fields)) {
    if ((TEXTS as readonly string[]).includes(name) || value === undefined) continue;
    request.extensions[name] = fromJson(ValueSchema, value as JsonValue);
  }
  return request;
}

function decodeResponse(bytes: Uint8Array): Line {
  const { ref, message } = fromBinary(SessionResponseSchema, bytes);
  const asked = ref === "" ? {} : { ref };
  switch (message.case) {
    case "event":
      return toEvent(message.value);
    case "ack": {
      const { id, sequence, duplicate = false } = message.value;
      return { op: "ack", ...asked, id, ...(sequence === "" ? {} : { sequence }), duplicate };
    }
    case "error": {
      const { code, message: text, channel, retryAfterMs } = message.value;
      return { op: "error", ...asked, code, message: text, channel, retryAfterMs };
    }
    case "subscribed":
      return { op: "subscribed", ...asked, channel: message.value.channel, after: message.value.after };
    default:
      return { op: message.case, ...asked };
  }
}

function toEvent({ extensions, data, dataBytes, $typeName: _, $unknown: __, ...texts }: Event): Line {
  return {
    specversion: "1.0",
    ...Object.fromEntries(Object.entries(texts).filter(([, text]) => text !== "")),
    ...Object.fromEntries(Object.entries(extensions).map(([name, value]) => [name, read(value)])),
    ...(data === undefined ? {} : { data: read(data) }),
    ...(dataBytes === undefined ? {} : toBytes(dataBytes, texts.datacontenttype)),
  };
}

/** JSON that was too deep for a Value travels as its text. */
function toBytes(bytes: Uint8Array, type: string): Line {
  if (type !== "application/json") return { data_base64: toBase64(bytes) };
  try {
    return { data: JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes)) as unknown };
  } catch {
    return { data_base64: toBase64(bytes) };
  }
}

function read(value: Value): unknown {
  return toJson(ValueSchema, value);
}
