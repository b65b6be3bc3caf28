import { QstashError } from "@upstash/qstash";
import { EverywireError } from "../core/error.ts";

/** A queue that is silent must not keep a request for ever. What became of the call is then not known. */
const DEADLINE_MS = 10_000;

/** Calls the queue. @throws EverywireError in place of whatever its client threw */
export async function asAnswered<T>(call: () => Promise<T>): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const deadline = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new EverywireError("unavailable", "The queue does not answer.", { retryAfterMs: 5000 })),
      DEADLINE_MS,
    );
  });
  try {
    return await Promise.race([call(), deadline]);
  } catch (thrown) {
    throw toEverywireError(thrown);
  } finally {
    clearTimeout(timer);
  }
}

/** The same for something that may not be there: undefined then. */
export async function asAnsweredOrMissing<T>(
  call: () => Promise<T>,
): Promise<(T extends void ? true : T) | undefined> {
  try {
    return ((await asAnswered(call)) ?? true) as T extends void ? true : T;
  } catch (thrown) {
    if (thrown instanceof EverywireError && thrown.code === "not_found") return undefined;
    throw thrown;
  }
}

/** The queue's own texts stay in the log: they may name addresses and accounts. */
function toEverywireError(thrown: unknown): EverywireError {
  if (thrown instanceof EverywireError) return thrown;
  const cause = thrown;
  const status = thrown instanceof QstashError ? thrown.status : undefined;
  switch (status) {
    case 400:
    case 422:
      console.warn("queue: refused", thrown);
      return new EverywireError(
        "invalid_argument",
        "The queue refuses this: look at its delay, its retries and its URLs, which must be within the queue's own limits.",
        { cause },
      );
    case 404:
      return new EverywireError("not_found", "The queue does not know this.", { cause });
    case 413:
      return new EverywireError("payload_too_large", "This is too large for the queue.", { cause });
    case 429:
      return new EverywireError("rate_limited", "The queue takes no more for now.", {
        cause,
        retryAfterMs: 1000,
      });
    case 401:
    case 403:
      console.error("queue: the token is not accepted", thrown);
      return new EverywireError("unavailable", "The queue does not let us in.", { cause });
    default:
      console.error("queue: not reached", thrown);
      return new EverywireError("unavailable", "The queue cannot be reached.", { cause, retryAfterMs: 5000 });
  }
}
