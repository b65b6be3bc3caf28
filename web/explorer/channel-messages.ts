import { create, fromBinary, fromJson, toBinary, toJson } from "@bufbuild/protobuf";
import { ValueSchema } from "@bufbuild/protobuf/wkt";
import {
  PublishRequestSchema,
  PublishResponseSchema,
  ReadRequestSchema,
  ReadResponseSchema,
  SubscribeRequestSchema,
} from "../../proto/gen/everywire/v1/channel_service_pb.ts";
import { EventSchema } from "../../proto/gen/everywire/v1/event_pb.ts";
import type { Inputs } from "./call.ts";
import { parseData } from "./call.ts";

const REQUESTS = {
  Publish: PublishRequestSchema,
  Read: ReadRequestSchema,
  Subscribe: SubscribeRequestSchema,
} as const;
const RESPONSES = {
  Publish: PublishResponseSchema,
  Read: ReadResponseSchema,
  Subscribe: EventSchema,
} as const;

export type Method = keyof typeof REQUESTS;

/** @throws Error where the data is no JSON */
export function encodeRequest(method: Method, inputs: Inputs): Uint8Array {
  const { channel, type, after } = inputs;
  if (method === "Publish") {
    const data = fromJson(ValueSchema, parseData(inputs) as never);
    return toBinary(PublishRequestSchema, create(PublishRequestSchema, { channel, type, data }));
  }
  if (method === "Read")
    return toBinary(ReadRequestSchema, create(ReadRequestSchema, { channel, after, limit: 10 }));
  return toBinary(SubscribeRequestSchema, create(SubscribeRequestSchema, { channel, after }));
}

export function decodeRequest(method: Method, bytes: Uint8Array): string {
  const schema = REQUESTS[method];
  return `${schema.typeName} ${JSON.stringify(toJson(schema, fromBinary(schema, bytes) as never), null, 2)}`;
}

export function decodeResponse(method: Method, bytes: Uint8Array): string {
  const schema = RESPONSES[method];
  return `${schema.typeName} ${JSON.stringify(toJson(schema, fromBinary(schema, bytes) as never), null, 2)}`;
}
