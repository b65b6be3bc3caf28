import { fromJson, toJson } from "@bufbuild/protobuf";
import { ValueSchema } from "@bufbuild/protobuf/wkt";
import type { Transport } from "@connectrpc/connect";
import { createClient } from "@connectrpc/connect";
import { ChannelService } from "../../proto/gen/everywire/v1/channel_service_pb.ts";
import type { OnEvent, Publish, Read } from "./client.ts";
import { resume } from "./resume.ts";

/** `ChannelService` over any of the protocols that have a transport of Connect's. */
export function createChannelClient(toTransport: (url: string) => Transport) {
  const publish: Publish = async (url, channel, data) => {
    const client = createClient(ChannelService, toTransport(url));
    await client.publish({ channel, type: "note", data: fromJson(ValueSchema, data as never) });
  };
  const open: Read = async (url, channel, after, onEvent) => {
    const client = createClient(ChannelService, toTransport(url));
    for await (const { type, sequence, data } of client.subscribe({ channel, after })) {
      // A position says where a quiet reader stands.
      if (type !== "everywire.position") onEvent({ type, sequence, data: data && toJson(ValueSchema, data) });
    }
  };
  const read: Read = (url, channel, after, onEvent: OnEvent) =>
    resume(after, onEvent, (cursor, onNext) => open(url, channel, cursor, onNext));
  return { publish, open, read };
}
