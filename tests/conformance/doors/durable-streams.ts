import type { StreamResponse } from "@durable-streams/client";
import { DurableStream, DurableStreamError, FetchError, stream } from "@durable-streams/client";
import type { ErrorCode } from "../../../core/error.ts";
import type { DoorDriver, Published, PublishedEvent, Reader, ReceivedEvent, Target } from "../door-driver.ts";
import { DoorError } from "../door-driver.ts";
import { assertOk, toHeaders, toUrl } from "../http-exchange.ts";
import { Received } from "../received-events.ts";

/** The protocol's own client, once for each of its live modes. It retries for ever unless told otherwise. */
const ONCE = { initialDelay: 1, maxDelay: 1, multiplier: 1, maxRetries: 0 };
/** The words that this wire has for `earliest` and `latest`. */
const WORDS: Readonly<Record<string, string>> = { earliest: "-1", latest: "now" };

export const durableStreams: DoorDriver = { name: "durable-streams", publish, read: readerOf("sse") };

export const durableStreamsByPoll: DoorDriver = {
  name: "durable-streams by long poll",
  door: "durable-streams",
  read: readerOf("long-poll"),
};

/** Appends a plain event to a channel of events. What became of it is in headers, which the client does not show. */
async function publish(target: Target, channel: string, event: PublishedEvent): Promise<Published> {
  const url = toUrl(target, `/v1/stream/${channel}`);
  let answered: Headers | undefined;
  const handle = new DurableStream({
    url,
    contentType: "application/json",
    headers: toHeaders(target),
    backoffOptions: ONCE,
    fetch: async (...request) => {
      const response = await fetch(...request);
      answered = response.headers;
      return response;
    },
  });
  await withStream(target, channel, () => handle.append(JSON.stringify(event)));
  const id = decodeURIComponent(answered?.get("everywire-id") ?? "");
  const sequence = answered?.get("everywire-sequence") ?? "";
  return { id, sequence, duplicate: answered?.get("everywire-duplicate") === "true" };
}

function readerOf(live: "sse" | "long-poll") {
  return async (target: Target, channel: string, after?: string): Promise<Reader> => {
    const url = toUrl(target, `/v1/stream/${channel}`);
    // The suite's bad cursors have one that is this wire's word for the beginning. As `after`, which the door takes
    // as every other one does, it is as bad here as there.
    if (after === "-1") await assertOk(await fetch(`${url}?after=-1`, { headers: toHeaders(target) }));
    const offset = after === undefined ? "now" : (WORDS[after] ?? after);
    const headers = toHeaders(target);
    const open = () =>
      stream<Record<string, unknown>>({
        url,
        offset,
        live,
        headers,
        backoffOptions: ONCE,
        warnOnHttp: false,
      });
    const response = await withStream(target, channel, open);
    return toReader(response, offset === "now" ? response.offset : after);
  };
}

function toReader(response: StreamResponse<Record<string, unknown>>, start: string | undefined): Reader {
  const received = new Received<ReceivedEvent>();
  let cursor = start;
  response.subscribeJson(({ items }) => {
    for (const event of items) received.push({ event, sequence: event.sequence as string | undefined });
  });
  response.closed.then(
    () => received.end(new Error("The stream ended.")),
    (error: unknown) => received.end(toDoorError(error)),
  );
  return {
    get cursor() {
      return cursor;
    },
    async next(timeoutMs) {
      const next = await received.next(timeoutMs);
      cursor = next.sequence ?? (next.event.data as { resumedAt?: string }).resumedAt ?? cursor;
      return next;
    },
    async cut() {
      response.cancel();
    },
  };
}

/**
 * Where there is no stream, this wire answers 404, to readers too. Whoever may come first creates it, which changes
 * nothing where somebody else did: as a channel of events, which is what every other door makes.
 */
async function withStream<T>(target: Target, channel: string, use: () => Promise<T>): Promise<T> {
  try {
    return await use();
  } catch (error) {
    const known = toDoorError(error);
    if (!(known instanceof DoorError) || known.code !== "not_found") throw known;
  }
  const response = await fetch(toUrl(target, `/v1/stream/${channel}`), {
    method: "PUT",
    headers: toHeaders(target, { "content-type": "application/cloudevents+json" }),
  });
  await assertOk(response);
  return use().catch((error: unknown) => {
    throw toDoorError(error);
  });
}

function toDoorError(error: unknown): Error {
  const body =
    error instanceof FetchError ? error.json : error instanceof DurableStreamError ? error.details : error;
  const told = (body as { error?: { code?: ErrorCode; message?: string } } | undefined)?.error;
  if (told?.code !== undefined) return new DoorError(told.code, told.message ?? "");
  return error instanceof Error ? error : new Error(String(error));
}
