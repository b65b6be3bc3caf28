import type { ErrorCode } from "../../../core/error.ts";
import type { DoorDriver, Reader, ReceivedEvent, Target } from "../door-driver.ts";
import { DoorError } from "../door-driver.ts";
import { assertOk, toHeaders, toUrl } from "../http-exchange.ts";
import { Received } from "../received-events.ts";

/** One dispatched block of an event stream, or a block that only had an id or a comment. */
export interface Block {
  readonly id: string | undefined;
  readonly event: string | undefined;
  readonly data: string | undefined;
  readonly comments: readonly string[];
}

/** Reads the blocks of an event stream (WHATWG HTML §9.2.6) from a raw response, without an EventSource's comforts. */
export async function* readBlocks(body: ReadableStream<Uint8Array>): AsyncGenerator<Block> {
  let text = "";
  const decoder = new TextDecoder();
  for await (const bytes of body) {
    text += decoder.decode(bytes, { stream: true });
    for (let end = text.indexOf("\n\n"); end !== -1; end = text.indexOf("\n\n")) {
      yield parseBlock(text.slice(0, end));
      text = text.slice(end + 2);
    }
  }
}

function parseBlock(text: string): Block {
  const fields = new Map<string, string>();
  const comments: string[] = [];
  for (const line of text.split("\n")) {
    const colon = line.indexOf(":");
    const value = line.slice(colon + 1).replace(/^ /, "");
    if (colon === 0) comments.push(value);
    else fields.set(line.slice(0, colon), value);
  }
  return { id: fields.get("id"), event: fields.get("event"), data: fields.get("data"), comments };
}

/** `GET /sse/{channel}` with `fetch`, which shows errors and can be cut; `sse.test.ts` uses a real EventSource too. */
export const sse: DoorDriver = {
  name: "sse",

  async read(target: Target, channel: string, after?: string): Promise<Reader> {
    const connection = new AbortController();
    const headers = after === undefined ? {} : { "last-event-id": after };
    const response = await fetch(toUrl(target, `/sse/${channel}`), {
      headers: toHeaders(target, { accept: "text/event-stream", ...headers }),
      signal: connection.signal,
    });
    const { body } = await assertOk(response);
    if (body === null) throw new Error("The stream has no body.");
    const received = new Received<ReceivedEvent & { readonly id: string | undefined }>();
    // A reader at "latest" that was cut before its first event resumes from the position that came first.
    let cursor = after;
    let hasReceived = false;
    const live = Promise.withResolvers<void>();
    const pump = async () => {
      for await (const { id, event, data } of readBlocks(body)) {
        if (id !== undefined) live.resolve();
        if (data === undefined) {
          if (id !== undefined && !hasReceived) cursor = id;
          continue;
        }
        const parsed = JSON.parse(data) as Record<string, unknown>;
        if (event === "everywire.error") {
          received.end(new DoorError(parsed.code as ErrorCode, String(parsed.message)));
          return;
        }
        hasReceived = true;
        received.push({ id, sequence: parsed.sequence as string | undefined, event: parsed });
      }
    };
    pump()
      .then(() => received.end(new Error("The stream ended.")))
      .catch((error: unknown) => received.end(error instanceof Error ? error : new Error(String(error))))
      .finally(live.resolve);
    await live.promise;
    return {
      get cursor() {
        return cursor;
      },
      async next(timeoutMs) {
        const { id, ...event } = await received.next(timeoutMs);
        if (id !== undefined) cursor = id;
        return event;
      },
      async cut() {
        connection.abort();
      },
    };
  },
};
