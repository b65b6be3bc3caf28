import { encodeComment, encodeServerSentEvent } from "../../wire/server-sent-events.ts";

export interface EventStreamOptions {
  readonly heartbeatMs: number;
  /** A result as JSON. */
  readonly encode: (result: unknown) => string;
}

/** Heartbeats that a reader may leave untaken before it is given up; with 10 s between them, half a minute. */
const MAX_MISSED_HEARTBEATS = 3;
const UTF8 = new TextEncoder();

/**
 * Results as an event stream (graphql-sse `PROTOCOL.md`, "Distinct connections mode"): `next` for each, then `complete`.
 * It is 200 whatever happened, since a reader of an event stream sees no body otherwise. A stream that is live begins with the
 * comment `live`; one that was refused begins with the result that says why.
 *
 * It is pulled by its consumer, one result at a time, so a reader that is slow slows its source down, and the source is
 * what cuts it. A reader that takes nothing at all is cut here.
 */
export function createEventStreamResponse(
  results: unknown,
  { heartbeatMs, encode }: EventStreamOptions,
): Response {
  const iterator = isAsyncIterable(results) ? results[Symbol.asyncIterator]() : undefined;
  let heartbeat: ReturnType<typeof setInterval> | undefined;
  let missed = 0;
  const stop = () => {
    clearInterval(heartbeat);
    // Not awaited: a source may only end when what it waits for has come.
    iterator?.return?.().catch(() => {});
  };
  const toText = (result: unknown) => encodeServerSentEvent({ event: "next", data: encode(result) });
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      if (iterator === undefined) {
        controller.enqueue(UTF8.encode(toText(results) + COMPLETE));
        controller.close();
        return;
      }
      controller.enqueue(UTF8.encode(encodeComment("live")));
      heartbeat = setInterval(() => {
        if ((controller.desiredSize ?? 0) > 0) controller.enqueue(UTF8.encode(encodeComment("heartbeat")));
        else missed += 1;
        if (missed < MAX_MISSED_HEARTBEATS) return;
        stop();
        controller.error(new Error("The reader takes nothing."));
      }, heartbeatMs);
    },
    async pull(controller) {
      missed = 0;
      if (iterator === undefined) return;
      try {
        const { done, value } = await iterator.next();
        if (!done) {
          controller.enqueue(UTF8.encode(toText(value)));
          return;
        }
        stop();
        controller.enqueue(UTF8.encode(COMPLETE));
        controller.close();
      } catch (error) {
        stop();
        controller.error(error);
      }
    },
    cancel: stop,
  });
  return new Response(body, { headers: { "content-type": "text/event-stream; charset=utf-8" } });
}

const COMPLETE = "event: complete\ndata:\n\n";

function isAsyncIterable(value: unknown): value is AsyncIterable<unknown> {
  return typeof value === "object" && value !== null && Symbol.asyncIterator in value;
}

/**
 * Whether an event stream is what a client gets: the only form for a subscription, and for anything else what it names and
 * nothing that comes before it.
 */
export function wantsEventStream(
  accept: string | null,
  result: { readonly isStream: boolean; readonly isSubscription: boolean },
): boolean {
  const ranges = (accept ?? "*/*")
    .toLowerCase()
    .split(",")
    .map((range) => range.split(";", 1)[0]?.trim() ?? "");
  const accepts = (...types: readonly string[]) =>
    ranges.some((range) =>
      types.some((type) => range === type || range === "*/*" || range === `${type.split("/", 1)[0]}/*`),
    );
  if (!accepts("text/event-stream")) return false;
  if (result.isSubscription && result.isStream) return true;
  if (accepts("multipart/mixed")) return false;
  return result.isStream || !accepts("application/json", "application/graphql-response+json");
}
