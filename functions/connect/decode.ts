import { base64Encode } from "@bufbuild/protobuf/wire";
import type { OperationContext } from "../../core/context.ts";
import { EverywireError } from "../../core/error.ts";
import type { NewEvent, PublishDefaults } from "../../core/event.ts";
import { parsePlainEvent } from "../../core/event.ts";
import { toDefaultSource } from "../../core/identity.ts";
import type { PublishRequest } from "../../proto/gen/everywire/v1/channel_service_pb.ts";
import { decodeValue } from "./value.ts";

/** What PublishRequest, PublishStreamRequest and ChatRequest have in common. */
export type EventFields = Omit<PublishRequest, "$typeName" | "channel">;

/**
 * The event that a message holds. A text that is empty is one that was not set.
 *
 * @throws EverywireError `invalid_argument`
 */
export function decodeEvent(message: EventFields, defaults: PublishDefaults): NewEvent {
  const { type, data, id, source, dataBase64, dataBytes, datacontenttype, dataschema, time } = message;
  if (dataBase64 !== undefined && dataBytes !== undefined) {
    throw new EverywireError("invalid_argument", "An event has one kind of data.");
  }
  const base64 = dataBytes === undefined ? dataBase64 : base64Encode(dataBytes);
  const extensions = Object.entries(message.extensions).map(([name, value]) => [
    name,
    decodeValue(value, name),
  ]);
  return parsePlainEvent(
    {
      ...Object.fromEntries(extensions),
      type,
      ...(data === undefined ? {} : { data: decodeValue(data, "data") }),
      ...(base64 === undefined ? {} : { data_base64: base64 }),
      ...(id === "" ? {} : { id }),
      ...(source === "" ? {} : { source }),
      ...(datacontenttype === "" ? {} : { datacontenttype }),
      ...(dataschema === "" ? {} : { dataschema }),
      ...(time === "" ? {} : { time }),
    },
    defaults,
  );
}

/** What an event gets that its publisher did not give. */
export function defaultsOf({ identity, nowMs }: OperationContext): PublishDefaults {
  return { source: toDefaultSource(identity), nowMs };
}
