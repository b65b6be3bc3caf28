import { readText, splitLines } from "../counting-fetch.ts";
import type { LaneEvent, LaneWire } from "../wire.ts";
import { withToken } from "../wire.ts";

/** Server-sent events, read by `fetch`: an EventSource would not say how many bytes came. */
export const sse: LaneWire = {
  name: "sse",
  title: "Server-sent events",
  family: "stream",
  path: "GET /sse/{channel}",
  client: "fetch, and a parser of text/event-stream",
  counted: "the body: comments, field names and the event",
  holdsConnection: true,

  async run({ origin, channel, after, token }, sink, signal) {
    const url = withToken(`${origin}/sse/${channel}?after=${after}`, token);
    const pieces = readText(url, sink, signal, { accept: "text/event-stream" });
    // Our events are one line of data each (wire/server-sent-events.ts): a data line is a whole event.
    for await (const line of splitLines(pieces)) {
      if (line.startsWith("data: ")) sink.onEvent(JSON.parse(line.slice(6)) as LaneEvent);
    }
  },
};
