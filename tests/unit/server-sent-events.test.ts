import { describe, expect, it } from "vitest";
import {
  encodeComment,
  encodeLastEventId,
  encodeRetry,
  encodeServerSentEvent,
} from "../../wire/server-sent-events.ts";

describe("a server-sent event", () => {
  it.each([
    [encodeServerSentEvent({ id: "1", event: "t", data: "{}" }), "id: 1\nevent: t\ndata: {}\n\n"],
    [encodeServerSentEvent({ event: "t", data: "{}" }), "event: t\ndata: {}\n\n"],
    [encodeLastEventId("1"), "id: 1\n\n"],
    [encodeRetry(1500), "retry: 1500\n\n"],
    [encodeComment("heartbeat"), ": heartbeat\n\n"],
  ])("is written %j", (written, expected) => {
    expect(written).toBe(expected);
  });
});
