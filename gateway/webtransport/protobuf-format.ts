import type { JsonValue, MessageInitShape } from "@bufbuild/protobuf";
import { create, fromBinary, fromJson, toBinary, toJson } from "@bufbuild/protobuf";
import type { Value } from "@bufbuild/protobuf/wkt";
import { ValueSchema } from "@bufbuild/protobuf/wkt";
import type { PublishRequest } from "../../proto/gen/everywire/v1/channel_service_pb.ts";
import type { Event } from "../../proto/gen/everywire/v1/event_pb.ts";
import { EventSchema } from "../../proto/gen/everywire/v1/event_pb.ts";
import { SessionRequestSchema, SessionResponseSchema } from "../../proto/gen/everywire/v1/session_pb.ts";
import { splitByLength, withLength } from "./length-prefixed.ts";
import type { Decoded, MessageFormat } from "./message-format.ts";
import { attempt } from "./message-format.ts";
import type { Line } from "./worker-lines.ts";

/** Of data: the protobuf libraries of most languages refuse messages that are nested much deeper. */
const MAX_VALUE_DEPTH = 30;

/** `everywire.v1.SessionRequest` in, `everywire.v1.SessionResponse` out (proto/everywire/v1/session.proto). */
export const protobufFormat: MessageFormat = {
  name: "everywire.protobuf",
  createSplitter: (maxBytes) => splitByLength(maxBytes, decodeRequest),
  encode: (line) => withLength(encodeResponse(line)),
  encodeDatagram: encodeResponse,
  decodeDatagram: decodeRequest,
};

function decodeRequest(bytes: Uint8Array): Decoded {
  return attempt(() => {
    const { ref, operation } = fromBinary(SessionRequestSchema, bytes);
    const asked = ref === "" ? {} : { ref };
    switch (operation.case) {
      case "publish":
        return { ...fromPublish(operation.value), op: "publish", ...asked };
      case "hello":
        return { op: "hello", ...asked, token: operation.value.token };
      case "subscribe": {
        const { channel, after } = operation.value;
        return { op: "subscribe", ...asked, channel, ...(after === "" ? {} : { after }) };
      }
      case "unsubscribe":
        return { op: "unsubscribe", ...asked, channel: operation.value.channel };
      case "ping":
        return { op: "ping", ...asked };
      case undefined:
        // The Worker says what is wrong with it.
        return asked;
    }
  }, "The message is no everywire.v1.SessionRequest.");
}

function fromPublish(request: PublishRequest): Line {
  const { channel, type, data, dataBase64, dataBytes, extensions } = request;
  const { id, source, datacontenttype, dataschema, time } = request;
  const texts = { type, id, source, datacontenttype, dataschema, time };
  return {
    ...Object.fromEntries(
      Object.entries(extensions).map(([name, value]) => [name, toJson(ValueSchema, value)]),
    ),
    ...Object.fromEntries(Object.entries(texts).filter(([, text]) => text !== "")),
    channel,
    ...(data === undefined ? {} : { data: toJson(ValueSchema, data) }),
    ...(dataBase64 === undefined ? {} : { data_base64: dataBase64 }),
    ...(dataBytes === undefined ? {} : { data_base64: Buffer.from(dataBytes).toString("base64") }),
  };
}

function encodeResponse(line: Line): Uint8Array {
  const ref = line.ref === undefined ? "" : String(line.ref);
  return toBinary(SessionResponseSchema, create(SessionResponseSchema, { ref, message: toMessage(line) }));
}

function toMessage(line: Line): NonNullable<MessageInitShape<typeof SessionResponseSchema>["message"]> {
  const text = (name: string) => (typeof line[name] === "string" ? String(line[name]) : "");
  const channel = text("channel");
  switch (line.op) {
    case undefined:
      return { case: "event", value: toEvent(line) };
    case "ack": {
      const { duplicate } = line;
      return {
        case: "ack",
        value: { id: text("id"), sequence: text("sequence"), duplicate: duplicate === true },
      };
    }
    case "hello":
      return { case: "hello", value: { user: text("user") } };
    case "subscribed":
      return { case: "subscribed", value: { channel, after: text("after") } };
    case "unsubscribed":
      return { case: "unsubscribed", value: { channel } };
    case "pong":
      return { case: "pong", value: {} };
    default: {
      const retryAfterMs = typeof line.retryAfterMs === "number" ? Math.ceil(line.retryAfterMs) : 0;
      return {
        case: "error",
        value: { code: text("code"), message: text("message"), channel, retryAfterMs },
      };
    }
  }
}

function toEvent(line: Line): Event {
  const { specversion: _, id, source, type, time, subject, sequence, ...rest } = line;
  const { data, data_base64: base64, datacontenttype, dataschema, ...extensions } = rest;
  const texts = { id, source, type, time, subject, sequence, datacontenttype, dataschema };
  const event = create(EventSchema, {
    ...Object.fromEntries(Object.entries(texts).filter(([, value]) => typeof value === "string")),
    extensions: Object.fromEntries(
      Object.entries(extensions).map(([name, value]): [string, Value] => [
        name,
        fromJson(ValueSchema, value as JsonValue),
      ]),
    ),
  });
  if (typeof base64 === "string") event.dataBytes = Buffer.from(base64, "base64");
  else if (isDeeper(data, MAX_VALUE_DEPTH)) event.dataBytes = Buffer.from(JSON.stringify(data));
  else if (data !== undefined) event.data = fromJson(ValueSchema, data as JsonValue);
  return event;
}

function isDeeper(value: unknown, depth: number): boolean {
  if (typeof value !== "object" || value === null) return false;
  return depth === 0 || Object.values(value).some((child) => isDeeper(child, depth - 1));
}
