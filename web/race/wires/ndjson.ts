import { readText, splitLines } from "../counting-fetch.ts";
import type { LaneEvent, LaneWire } from "../wire.ts";
import { withToken } from "../wire.ts";

export const ndjson: LaneWire = {
  name: "ndjson",
  title: "NDJSON stream",
  family: "stream",
  path: "GET /stream/{channel}",
  client: "fetch, split at line ends",
  counted: "the body: one line an event, and heartbeats",
  holdsConnection: true,

  async run({ origin, channel, after, token }, sink, signal) {
    const pieces = readText(withToken(`${origin}/stream/${channel}?after=${after}`, token), sink, signal);
    for await (const line of splitLines(pieces)) {
      if (line !== "") sink.onEvent(JSON.parse(line) as LaneEvent);
    }
  },
};
