import { toJson } from "@bufbuild/protobuf";
import { ValueSchema } from "@bufbuild/protobuf/wkt";
import type { Transport } from "@connectrpc/connect";
import { createClient } from "@connectrpc/connect";
import { ChannelService } from "../../proto/gen/everywire/v1/channel_service_pb.ts";
import type { LaneRequest, LaneSink } from "./wire.ts";

export { createConnectTransport, createGrpcWebTransport } from "@connectrpc/connect-web";

/** `everywire.v1.ChannelService/Subscribe`, over either of connect-web's transports. */
export async function takeEvents(
  transport: Transport,
  { channel, after }: LaneRequest,
  sink: LaneSink,
  signal: AbortSignal,
): Promise<void> {
  const events = createClient(ChannelService, transport).subscribe(
    { channel, after },
    { signal, onHeader: () => sink.onLive() },
  );
  for await (const { type, sequence, data } of events) {
    // Where reading stands while nothing happens: a heartbeat, and no event of the channel.
    if (type === "everywire.position") continue;
    sink.onEvent({ type, sequence, data: data === undefined ? undefined : toJson(ValueSchema, data) });
  }
}
