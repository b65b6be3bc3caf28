import { delay } from "../backoff.ts";
import { EverywireError } from "../error.ts";
import type { CloudEvent } from "../event.ts";
import type { Http } from "../http.ts";
import type { Transport } from "../transport.ts";

interface PollPage {
  readonly events: readonly CloudEvent[];
  readonly next: string;
}

const FROM_UTF8 = new TextDecoder();
/** Below the 30 s after which some proxies drop a silent request. */
const MAX_WAIT_SECONDS = 25;
/** How much longer than it asked for an answer may take. */
const SLACK_MS = 10_000;
/** Between two polls that brought nothing and took no time: a server, or something on the way, does not let them wait. */
const MIN_EMPTY_POLL_MS = 1000;

/**
 * Long polling (functions/long-poll): a read that waits for the next event. It passes wherever a request passes. Where
 * something on the way cuts requests that wait, they wait for less.
 */
export function createLongPoll(http: Http): Transport {
  let waitSeconds = MAX_WAIT_SECONDS;
  return {
    name: "long-poll",
    unavailable: undefined,
    minOpenMs: 0,
    maxSilenceMs: MAX_WAIT_SECONDS * 1000 + SLACK_MS,
    open({ channel, after }, sink) {
      const cut = new AbortController();
      const { signal } = cut;
      const run = async () => {
        let next = after;
        // The first does not wait: it brings what was missed, and shows that the way is clear.
        for (let seconds = 0; !signal.aborted; seconds = waitSeconds) {
          const held = sink.room();
          if (held !== undefined) await held;
          if (signal.aborted) return;
          const startedMs = Date.now();
          const page = await poll(channel, next, seconds, signal);
          if (signal.aborted) return;
          sink.onOpen();
          for (const event of page.events) {
            sink.onEvent(event);
            if (signal.aborted) return;
          }
          next = page.next;
          sink.onPosition(next);
          const tookMs = Date.now() - startedMs;
          if (seconds > 0 && page.events.length === 0 && tookMs < MIN_EMPTY_POLL_MS) {
            await delay(MIN_EMPTY_POLL_MS - tookMs, signal);
          }
        }
      };
      const poll = async (
        name: string,
        from: string,
        seconds: number,
        abort: AbortSignal,
      ): Promise<PollPage> => {
        const late = new AbortController();
        const timer = setTimeout(() => late.abort(), seconds * 1000 + SLACK_MS);
        const onAbort = () => late.abort();
        abort.addEventListener("abort", onAbort);
        try {
          const query = { after: from, timeout: seconds, limit: 500 };
          const response = await http.request(`/poll/${name}`, { query, signal: late.signal });
          const bytes = await response.arrayBuffer();
          sink.onBytes(bytes.byteLength);
          return JSON.parse(FROM_UTF8.decode(bytes)) as PollPage;
        } catch (thrown) {
          const error = EverywireError.from(thrown);
          if (!error.isTold && seconds > 0) waitSeconds = Math.max(1, Math.floor(waitSeconds / 2));
          throw error;
        } finally {
          clearTimeout(timer);
          abort.removeEventListener("abort", onAbort);
        }
      };
      run().catch((thrown) => {
        if (signal.aborted) return;
        cut.abort();
        sink.onEnd(EverywireError.from(thrown));
      });
      return { close: () => cut.abort() };
    },
  };
}
