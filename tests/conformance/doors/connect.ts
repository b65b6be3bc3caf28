import { create, fromJson } from "@bufbuild/protobuf";
import { WireType } from "@bufbuild/protobuf/wire";
import { ValueSchema } from "@bufbuild/protobuf/wkt";
import type { Transport } from "@connectrpc/connect";
import { createClient } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-web";
import type { PublishRequest } from "../../../proto/gen/everywire/v1/channel_service_pb.ts";
import { ChannelService, PublishRequestSchema } from "../../../proto/gen/everywire/v1/channel_service_pb.ts";
import type { DoorDriver, Published, PublishedEvent, Reader, ReceivedEvent, Target } from "../door-driver.ts";
import { Received } from "../received-events.ts";
import { toCloudEvent, toDoorError, toTransportOptions } from "./connect-target.ts";

const TYPE_FIELD = PublishRequestSchema.field.type.number;

/** `Publish` and `Subscribe`, with a transport of connect-web. */
export function createConnectDriver(name: string, toTransport: (target: Target) => Transport): DoorDriver {
  return {
    name,
    door: "connect",

    async publish(target: Target, channel: string, event: PublishedEvent): Promise<Published> {
      const client = createClient(ChannelService, toTransport(target));
      try {
        const response = await client.publish(toPublishRequest(channel, event));
        return { id: response.id, sequence: response.sequence, duplicate: response.duplicate === true };
      } catch (thrown) {
        throw toDoorError(thrown);
      }
    },

    async read(target: Target, channel: string, after?: string): Promise<Reader> {
      const client = createClient(ChannelService, toTransport(target));
      const connection = new AbortController();
      const received = new Received<ReceivedEvent>();
      const live = Promise.withResolvers<Headers>();
      const events = client.subscribe(
        { channel, after: after ?? "" },
        { signal: connection.signal, onHeader: live.resolve },
      );
      const receive = async () => {
        for await (const message of events) {
          if (message.type === "everywire.position") continue;
          received.push({ sequence: message.sequence || undefined, event: toCloudEvent(message) });
        }
        throw new Error("The stream ended.");
      };
      receive().catch((thrown: unknown) => {
        if (connection.signal.aborted) return received.end(new Error("The reader was cut."));
        live.reject(toDoorError(thrown));
        received.end(toDoorError(thrown));
      });
      // A refusal has headers too: they come before the end of the stream, which says what is wrong.
      const position = (await live.promise).get("everywire-cursor");
      if (position === null) await received.next();
      let cursor = position ?? after;
      return {
        get cursor() {
          return cursor;
        },
        async next(timeoutMs) {
          const taken = await received.next(timeoutMs);
          cursor = taken.sequence ?? (taken.event.data as { resumedAt?: string }).resumedAt ?? cursor;
          return taken;
        },
        async cut() {
          connection.abort();
        },
      };
    },
  };
}

export function toPublishRequest(channel: string, event: PublishedEvent): PublishRequest {
  const { data, data_base64: dataBase64, id, source } = event;
  const request = create(PublishRequestSchema, {
    channel,
    ...(data === undefined ? {} : { data: fromJson(ValueSchema, data as never) }),
    ...(dataBase64 === undefined ? {} : { dataBase64 }),
    ...(id === undefined ? {} : { id }),
    ...(source === undefined ? {} : { source }),
  });
  setType(request, event.type);
  return request;
}

/** A type that is no text is sent as a number in the field's place: the client's own types would make it a text. */
function setType(request: PublishRequest, type: unknown): void {
  if (typeof type === "string") request.type = type;
  else if (typeof type === "number") {
    request.$unknown = [{ no: TYPE_FIELD, wireType: WireType.Varint, data: Uint8Array.of(type) }];
  }
}

export const connect = createConnectDriver("connect", (target) =>
  createConnectTransport({ ...toTransportOptions(target), useBinaryFormat: false }),
);
