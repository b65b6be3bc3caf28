import type { MessageInitShape } from "@bufbuild/protobuf";
import { base64Decode } from "@bufbuild/protobuf/wire";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import type { User } from "../../core/entities/user.ts";
import type { CloudEvent, Json } from "../../core/event.ts";
import type { PublishResult } from "../../core/operations/publish-event.ts";
import type { PublishResponseSchema } from "../../proto/gen/everywire/v1/channel_service_pb.ts";
import type { EventSchema } from "../../proto/gen/everywire/v1/event_pb.ts";
import type { UserSchema } from "../../proto/gen/everywire/v1/user_service_pb.ts";
import { encodeValue, isDeeperThan, MAX_SENT_DEPTH } from "./value.ts";

type EventMessage = MessageInitShape<typeof EventSchema>;

/** An event of the log, from its JSON. */
export function encodeEvent(json: string): EventMessage {
  const event: CloudEvent = JSON.parse(json);
  const {
    specversion: _,
    id,
    source,
    type,
    time,
    subject,
    sequence,
    datacontenttype,
    dataschema,
    ...rest
  } = event;
  const { data, data_base64: base64, ...extensions } = rest;
  return {
    id,
    source,
    type,
    time,
    subject,
    ...(sequence === undefined ? {} : { sequence }),
    ...(datacontenttype === undefined ? {} : { datacontenttype }),
    ...(dataschema === undefined ? {} : { dataschema }),
    ...encodeData(data, base64),
    extensions: Object.fromEntries(
      Object.entries(extensions).map(([name, value]) => [name, encodeValue(value as Json)]),
    ),
  };
}

function encodeData(
  data: Json | undefined,
  base64: string | undefined,
): Pick<EventMessage, "data" | "dataBytes"> {
  if (base64 !== undefined) return { dataBytes: base64Decode(base64) };
  if (data === undefined) return {};
  // One event that a client cannot decode would end every stream at it, for ever.
  if (isDeeperThan(data, MAX_SENT_DEPTH))
    return { dataBytes: new TextEncoder().encode(JSON.stringify(data)) };
  return { data: encodeValue(data) };
}

/**
 * What a stream says while nothing happens, so that both ends know that the other is there, and the client where to
 * go on from.
 */
export function encodePosition(channel: string, cursor: string, nowMs: number): EventMessage {
  return {
    id: `position-${cursor}`,
    source: "/everywire",
    type: "everywire.position",
    time: new Date(nowMs).toISOString(),
    subject: channel,
    datacontenttype: "application/json",
    data: encodeValue({ cursor }),
  };
}

export function encodeReceipt(result: PublishResult): MessageInitShape<typeof PublishResponseSchema> {
  const { id, sequence, duplicate } = result;
  return { id, duplicate, ...(sequence === undefined ? {} : { sequence }) };
}

export function encodeUser(user: User): MessageInitShape<typeof UserSchema> {
  const { id, name, email, address, tags, createdAt } = user;
  return {
    id,
    name,
    email,
    tags,
    createdAt: timestampFromDate(new Date(createdAt)),
    ...(address === undefined ? {} : { address: withoutUndefined(address) }),
  };
}

/** The schemas give optional fields as `undefined`, which is not the same as absent to the generated types. */
function withoutUndefined(address: NonNullable<User["address"]>) {
  return Object.fromEntries(Object.entries(address).filter(([, value]) => value !== undefined));
}
