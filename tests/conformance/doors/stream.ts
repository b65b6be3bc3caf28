import type { ErrorCode } from "../../../core/error.ts";
import type { DoorDriver, Published, PublishedEvent, Reader, ReceivedEvent, Target } from "../door-driver.ts";
import { DoorError } from "../door-driver.ts";
import { assertOk, toHeaders, toUrl } from "../http-exchange.ts";
import { Received } from "../received-events.ts";

export type Line = Readonly<Record<string, unknown>>;

/** Reads NDJSON; empty lines, which are heartbeats, are left out. @throws DoorError for an error of the whole stream */
export async function* readLines(body: ReadableStream<Uint8Array>): AsyncGenerator<Line> {
  let text = "";
  const decoder = new TextDecoder();
  for await (const bytes of body) {
    text += decoder.decode(bytes, { stream: true });
    const lines = text.split("\n");
    text = lines.pop() ?? "";
    for (const line of lines) {
      if (line === "") continue;
      const value = JSON.parse(line) as Line;
      const error = value.error as { code: ErrorCode; message: string } | undefined;
      if (error !== undefined && value.line === undefined) throw new DoorError(error.code, error.message);
      yield value;
    }
  }
}

/** `POST /stream/{channel}` with one line, and `GET /stream/{channel}`. */
export const stream: DoorDriver = {
  name: "stream",

  async publish(target: Target, channel: string, event: PublishedEvent): Promise<Published> {
    const response = await fetch(toUrl(target, `/stream/${channel}`), {
      method: "POST",
      headers: toHeaders(target, { "content-type": "application/x-ndjson" }),
      body: `${JSON.stringify(event)}\n`,
    });
    const { body } = await assertOk(response);
    if (body === null) throw new Error("The stream has no body.");
    for await (const { line: _, error, ...ack } of readLines(body)) {
      if (error === undefined) return ack as unknown as Published;
      const { code, message } = error as { code: ErrorCode; message: string };
      throw new DoorError(code, message);
    }
    throw new Error("The line was not answered.");
  },

  async read(target: Target, channel: string, after?: string): Promise<Reader> {
    const connection = new AbortController();
    const response = await fetch(toUrl(target, `/stream/${channel}`, { after }), {
      headers: toHeaders(target, { accept: "application/x-ndjson" }),
      signal: connection.signal,
    });
    const { body } = await assertOk(response);
    if (body === null) throw new Error("The stream has no body.");
    const received = new Received<ReceivedEvent>();
    let cursor = response.headers.get("everywire-cursor") ?? undefined;
    const pump = async () => {
      for await (const event of readLines(body))
        received.push({ sequence: event.sequence as string | undefined, event });
    };
    pump()
      .then(() => received.end(new Error("The stream ended.")))
      .catch((error: unknown) => received.end(error instanceof Error ? error : new Error(String(error))));
    return {
      get cursor() {
        return cursor;
      },
      async next(timeoutMs) {
        const event = await received.next(timeoutMs);
        cursor =
          event.sequence ?? (event.event.data as { resumedAt?: string } | undefined)?.resumedAt ?? cursor;
        return event;
      },
      async cut() {
        connection.abort();
      },
    };
  },
};
