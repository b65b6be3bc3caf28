import type { DoorDriver, Reader, ReceivedEvent, Target } from "../door-driver.ts";
import { DEFAULT_TIMEOUT_MS } from "../door-driver.ts";
import { assertOk, toHeaders, toUrl } from "../http-exchange.ts";

interface Answer {
  readonly events: readonly Record<string, unknown>[];
  readonly next: string;
  readonly timeout: boolean;
}

/** `GET /poll/{channel}`: one request after the other, each from where the one before ended. */
export const longPoll: DoorDriver = {
  name: "long-poll",

  async read(target: Target, channel: string, after?: string): Promise<Reader> {
    const connection = new AbortController();
    const poll = async (from: string | undefined, timeoutSeconds: number): Promise<Answer> => {
      const url = toUrl(target, `/poll/${channel}`, {
        after: from,
        timeout: String(timeoutSeconds),
        limit: "50",
      });
      const response = await fetch(url, { headers: toHeaders(target), signal: connection.signal });
      return (await (await assertOk(response)).json()) as Answer;
    };
    // The first poll does not wait: it makes the reader live, by telling where it stands.
    let answer = await poll(after, 0);
    let cursor = answer.events.length === 0 ? answer.next : after;
    let index = 0;
    return {
      get cursor() {
        return cursor;
      },
      async next(timeoutMs = DEFAULT_TIMEOUT_MS): Promise<ReceivedEvent> {
        const deadlineMs = Date.now() + timeoutMs;
        for (;;) {
          const event = answer.events[index];
          if (event !== undefined) {
            index += 1;
            const sequence = event.sequence as string | undefined;
            cursor = sequence ?? (event.data as { resumedAt?: string }).resumedAt ?? cursor;
            return { sequence, event };
          }
          const leftSeconds = Math.ceil((deadlineMs - Date.now()) / 1000);
          if (leftSeconds <= 0) throw new Error(`Nothing came in ${timeoutMs} ms.`);
          answer = await poll(answer.next, Math.min(leftSeconds, 60));
          index = 0;
        }
      },
      async cut() {
        connection.abort();
      },
    };
  },
};
