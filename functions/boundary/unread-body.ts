/** What is read of a body that nobody wants: about what a client sends before it looks for an answer. */
const MAX_DRAINED_BYTES = 32 * 1024 * 1024;
const MAX_DRAINED_MS = 20_000;
/** Who has said how long the body is will send all of it, if slowly. */
const LONG_PAUSE_MS = 2000;
/** Whoever else pauses may be waiting for our answer: a stream that stays open, or `Expect: 100-continue`. */
const SHORT_PAUSE_MS = 100;

/**
 * Reads and throws away what is left of a body before a refusal is sent. workerd closes the connection under a client that
 * still sends, and the answer is lost with it; many clients look for one only when they have sent everything, and a proxy
 * between may be in the middle of sending. Resolves at the end of the body, when nothing comes for a while, or when it
 * has been enough.
 *
 * Answering at once and reading meanwhile would be quicker; but a client that then leaves, as it should, is told to the log
 * by workerd as a Worker that hangs.
 */
export async function drain({ body, headers }: Request): Promise<void> {
  if (body === null || body.locked) return;
  const isWaiting = !headers.has("content-length") || headers.has("expect");
  const pauseMs = isWaiting ? SHORT_PAUSE_MS : LONG_PAUSE_MS;
  const endsAtMs = Date.now() + MAX_DRAINED_MS;
  const reader = body.getReader();
  try {
    for (let length = 0; length < MAX_DRAINED_BYTES && Date.now() < endsAtMs; ) {
      const result = await withinMs(pauseMs, reader.read());
      if (result === undefined || result.done) return;
      length += result.value.byteLength;
    }
  } catch {
    // The client has left, or it was read in another way.
  } finally {
    reader.cancel().catch(() => {});
  }
}

async function withinMs<T>(ms: number, work: Promise<T>): Promise<T | undefined> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(resolve, ms, undefined);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
