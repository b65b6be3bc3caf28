import type { ServiceImpl } from "@connectrpc/connect";
import { parseChannelName } from "../../core/channel-name.ts";
import { parseAfter } from "../../core/cursor.ts";
import { encodeGapEvent } from "../../core/event.ts";
import { publishEvent } from "../../core/operations/publish-event.ts";
import { readEvents } from "../../core/operations/read-events.ts";
import type { ChannelService } from "../../proto/gen/everywire/v1/channel_service_pb.ts";
import { callOf } from "./call.ts";
import { chat } from "./chat.ts";
import { decodeEvent, defaultsOf } from "./decode.ts";
import { encodeEvent, encodePosition, encodeReceipt } from "./encode.ts";
import { followChannel } from "./follow.ts";
import { publishStream } from "./publish-stream.ts";

/** Where a reader stood when it went live. */
const CURSOR_HEADER = "everywire-cursor";

export const channelService: ServiceImpl<typeof ChannelService> = {
  async publish(request, context) {
    const operation = callOf(context).operation();
    const channel = parseChannelName(request.channel);
    return encodeReceipt(await publishEvent(operation, channel, decodeEvent(request, defaultsOf(operation))));
  },

  publishStream,

  async read({ channel: name, after, limit }, context) {
    const operation = callOf(context).operation();
    const channel = parseChannelName(name);
    const page = await readEvents(operation, channel, {
      after: parseAfter(after),
      ...(limit === 0 ? {} : { limit }),
    });
    const events = page.events.map(({ json }) => encodeEvent(json));
    if (page.gap !== undefined)
      events.unshift(encodeEvent(encodeGapEvent(channel, page.gap, operation.nowMs)));
    return { events, next: page.next, upToDate: page.upToDate };
  },

  async *subscribe(request, context) {
    const channel = parseChannelName(request.channel);
    const source = { channel, after: parseAfter(request.after) };
    let isLive = false;
    let count = 0;
    for await (const records of followChannel(callOf(context).operation(), source, context.signal)) {
      if (!isLive) {
        const [first] = records;
        if (first?.kind === "position") context.responseHeader.set(CURSOR_HEADER, first.cursor);
        callOf(context).sendHeaders(context.responseHeader);
      }
      for (const record of records) {
        if (record.kind !== "position") yield encodeEvent(record.json);
        // The first position is in the headers.
        else if (isLive) yield encodePosition(channel, record.cursor, Date.now());
        if (record.kind === "event") count += 1;
        if (request.limit > 0 && count >= request.limit) return;
        isLive = true;
      }
    }
  },

  chat,
};
