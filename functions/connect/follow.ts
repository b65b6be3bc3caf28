import type { ChannelName } from "../../core/channel-name.ts";
import type { OperationContext } from "../../core/context.ts";
import type { After } from "../../core/cursor.ts";
import { EverywireError } from "../../core/error.ts";
import { followEvents } from "../../core/operations/follow-events.ts";
import type { FeedRecord } from "../../core/ports.ts";

/** What CONTRACT §2 promises for streams, whatever the operator sets. */
const MAX_HEARTBEAT_SECONDS = 15;
/** setTimeout overflows beyond this; a token that lasts longer than 24 days outlives any connection. */
const MAX_TIMER_MS = 2 ** 31 - 1;

type Heard = IteratorResult<readonly FeedRecord[]> | "heartbeat";

/**
 * Follows a channel until the signal is aborted or the caller's token ends. The first records say where the reader
 * stands; while nothing comes, a position comes for a heartbeat.
 *
 * @throws EverywireError as `followEvents`; `unauthenticated` where the token ends; what a subscription is cut
 *   with; or the signal's reason
 */
export async function* followChannel(
  context: OperationContext,
  source: { readonly channel: ChannelName; readonly after: After },
  signal: AbortSignal,
): AsyncGenerator<readonly FeedRecord[], void, undefined> {
  const { identity, limits, nowMs } = context;
  const subscription = await followEvents(context, source.channel, source.after);
  const heartbeatMs = Math.min(limits.HEARTBEAT_SECONDS, MAX_HEARTBEAT_SECONDS) * 1000;
  let hasExpired = false;
  let expiry: ReturnType<typeof setTimeout> | undefined;
  // Closing ends the iteration below, whatever it waits for.
  const close = () => {
    if (expiry !== undefined) clearTimeout(expiry);
    subscription.close();
  };
  const expiresInMs =
    identity.kind === "user" && identity.expiresAtMs !== undefined ? identity.expiresAtMs - nowMs : undefined;
  if (expiresInMs !== undefined && expiresInMs <= MAX_TIMER_MS) {
    expiry = setTimeout(() => {
      hasExpired = true;
      close();
    }, expiresInMs);
  }
  signal.addEventListener("abort", close, { once: true });
  if (signal.aborted) close();
  const iterator = subscription[Symbol.asyncIterator]();
  let cursor: string | undefined;
  try {
    let pending = iterator.next();
    for (;;) {
      const heard: Heard = await within(pending, heartbeatMs);
      if (heard === "heartbeat") {
        if (cursor !== undefined) yield [{ kind: "position", cursor }];
        continue;
      }
      if (heard.done === true) break;
      cursor = lastCursor(heard.value) ?? cursor;
      yield heard.value;
      pending = iterator.next();
    }
    if (hasExpired) throw new EverywireError("unauthenticated", "The token has expired.");
    signal.throwIfAborted();
  } finally {
    signal.removeEventListener("abort", close);
    close();
  }
}

function lastCursor(records: readonly FeedRecord[]): string | undefined {
  return records.findLast((record) => record.kind !== "ephemeral")?.cursor;
}

async function within(
  pending: Promise<IteratorResult<readonly FeedRecord[]>>,
  timeoutMs: number,
): Promise<Heard> {
  const timeout = Promise.withResolvers<"heartbeat">();
  const timer = setTimeout(() => timeout.resolve("heartbeat"), timeoutMs);
  try {
    return await Promise.race([pending, timeout.promise]);
  } finally {
    clearTimeout(timer);
  }
}
