import { toError } from "../../shell/server.ts";
import type { LaneEvent, LaneWire } from "../wire.ts";
import { withToken } from "../wire.ts";

interface PollAnswer {
  readonly events: readonly LaneEvent[];
  readonly next: string;
}

/** Asks again as soon as it was answered. */
export const longPoll: LaneWire = {
  name: "long-poll",
  title: "Long polling",
  family: "poll",
  path: "GET /poll/{channel}",
  client: "fetch, in a loop",
  counted: "the bodies; the headers of each answer, about 700 bytes, a page cannot count",
  holdsConnection: true,

  async run({ origin, channel, after, token }, sink, signal) {
    let cursor = after;
    // It says nothing until something happens, so it is taken to be live once it has asked.
    for (sink.onLive(); ; ) {
      const url = withToken(`${origin}/poll/${channel}?after=${cursor}&timeout=25`, token);
      const response = await fetch(url, { signal, cache: "no-store" });
      if (response.status === 429) {
        await response.body?.cancel();
        await pause(Number(response.headers.get("retry-after") ?? 1) * 1000, signal);
        continue;
      }
      if (!response.ok) throw await toError(response);
      const bytes = await response.arrayBuffer();
      sink.onBytes(bytes.byteLength);
      const { events, next } = JSON.parse(new TextDecoder().decode(bytes)) as PollAnswer;
      for (const event of events) sink.onEvent(event);
      cursor = next;
    }
  },
};

function pause(forMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, forMs);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      reject(signal.reason);
    });
  });
}
