import { describe, expect, it } from "vitest";
import type { FeedFrameRecord } from "../../wire/feed-frame.ts";
import { decodeFeedFrame, encodeFeedRecord } from "../../wire/feed-frame.ts";

const records: readonly FeedFrameRecord[] = [
  { kind: "position", cursor: "0mwptregv7zq-0000000000" },
  { kind: "gap", cursor: "0mwptregv7zq-0000000001", type: "everywire.gap", json: '{"a":1}' },
  {
    kind: "event",
    cursor: "0mwptregv7zq-0000000002",
    type: "a type with spaces",
    json: '{"data":"line\\nfeed"}',
  },
  { kind: "ephemeral", type: "chat.typing", json: "{}" },
  { kind: "ping", ref: "17" },
];

describe("feed frames", () => {
  it.each(records)("come back as they went: $kind", (record) => {
    expect(decodeFeedFrame(encodeFeedRecord(record))).toEqual([record]);
  });
  it("carry several records", () => {
    expect(decodeFeedFrame(records.map(encodeFeedRecord).join("\n"))).toEqual(records);
  });
  it("are not read where they are not ours", () => {
    expect(() => decodeFeedFrame('{"op":"ping"}')).toThrowError("Not a feed frame.");
  });
});
