import { Credentials } from "./credentials.ts";
import type { CloudEvent } from "./event.ts";
import { Http } from "./http.ts";
import type { ConnectOptions } from "./options.ts";

export interface PollOptions extends Pick<ConnectOptions, "token" | "fetch"> {
  /** A cursor, `earliest`, or `latest` (the default). */
  readonly after?: string | undefined;
  /** How long to wait where there is nothing, 0 to 60; 25 by default. */
  readonly timeoutSeconds?: number | undefined;
  readonly limit?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface Polled {
  readonly events: readonly CloudEvent[];
  /** What to pass as `after` the next time, also where nothing came. */
  readonly next: string;
  /** Whether the time ran out. */
  readonly timeout: boolean;
}

const SLACK_MS = 10_000;
const DEFAULT_TIMEOUT_SECONDS = 25;

/**
 * Asks once for what comes behind a cursor, and waits for it: for scripts and jobs that run now and then. A reader that
 * goes on is `connect(url, { transports: ["long-poll"] })`.
 *
 * @example const { events, next } = await poll("http://127.0.0.1:8787", "demo/hello", { after: "earliest" });
 * @throws EverywireError
 */
export function poll(url: string, channel: string, options: PollOptions = {}): Promise<Polled> {
  const { after, timeoutSeconds = DEFAULT_TIMEOUT_SECONDS, limit, signal, token, fetch } = options;
  const http = new Http(url, new Credentials(token), fetch);
  return http.json<Polled>(`/poll/${channel}`, {
    query: { after, timeout: timeoutSeconds, limit },
    timeoutMs: timeoutSeconds * 1000 + SLACK_MS,
    ...(signal === undefined ? {} : { signal }),
  });
}
