import type { CloudEvent, ConnectOptions } from "./index.ts";
import { EverywireError } from "./index.ts";

export interface PollOptions extends Pick<ConnectOptions, "token" | "fetch"> {
  /** A cursor, `earliest`, or `latest` (the default). */
  readonly after?: string | undefined;
  /** How long to wait where there is nothing, 0 to 60; 25 by default. */
  readonly timeoutSeconds?: number | undefined;
  /** Events at most. */
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

const DEFAULT_TIMEOUT_SECONDS = 25;

/**
 * Asks once for what comes behind a cursor, and waits for it: for scripts and jobs that run now and then. A reader that
 * goes on is `connect(url, { transports: ["long-poll"] })`.
 *
 * @example const { events, next } = await poll("http://127.0.0.1:8787", "demo/hello", { after: "earliest" });
 * @throws EverywireError
 */
export async function poll(url: string, channel: string, options: PollOptions = {}): Promise<Polled> {
  const { after, timeoutSeconds = DEFAULT_TIMEOUT_SECONDS, limit, signal, token: source, fetch } = options;
  const query = new URLSearchParams({ timeout: String(timeoutSeconds) });
  if (after !== undefined) query.set("after", after);
  if (limit !== undefined) query.set("limit", String(limit));
  try {
    const token = typeof source === "function" ? await source() : source;
    const send = fetch ?? globalThis.fetch;
    const response = await send(`${url.replace(/\/+$/, "")}/poll/${channel}?${query}`, {
      headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
      ...(signal === undefined ? {} : { signal }),
    });
    if (!response.ok) throw await EverywireError.fromResponse(response);
    return (await response.json()) as Polled;
  } catch (thrown) {
    throw EverywireError.from(thrown);
  }
}
