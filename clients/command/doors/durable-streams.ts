import type { EverywireError } from "../../typescript/error.ts";
import type { CloudEvent } from "../../typescript/event.ts";
import { request } from "../http.ts";
import type { Target } from "../target.ts";
import type { ReadDoor, ReadRequest } from "./door.ts";
import { readEventStream } from "./event-stream.ts";
import { parseObject } from "./json-line.ts";

/** The words that this wire has for ours. */
const OFFSETS: Readonly<Record<string, string>> = { earliest: "-1", latest: "now" };

/** `GET /v1/stream/{channel}?offset=&live=sse` (functions/durable-streams). The server ends each after a minute. */
export const read: ReadDoor = async function* (target, options) {
  const { signal, onLive } = options;
  let offset = OFFSETS[options.after] ?? options.after;
  let isLive = false;
  while (!signal.aborted) {
    const response = await open(target, options, offset);
    if (response.body === null) return;
    // Reading on begins at the next offset, which "now" is not.
    const start = response.headers.get("stream-next-offset");
    for await (const { event, data } of readEventStream(response.body)) {
      if (data === undefined) continue;
      if (event === "control") {
        const { streamNextOffset, streamClosed } = parseObject(data);
        if (typeof streamNextOffset === "string") offset = streamNextOffset;
        if (!isLive) onLive(offset === "-1" ? undefined : offset);
        isLive = true;
        if (streamClosed === true) return;
      } else if (event === "data") {
        for (const message of JSON.parse(data) as readonly CloudEvent[]) yield message;
      }
    }
    if (offset === "now" && start !== null) offset = start;
    if (!isLive) onLive(undefined);
    isLive = true;
  }
};

/** Where there is no stream this wire says 404; whoever may come first creates it. */
async function open(target: Target, { channel, signal }: ReadRequest, offset: string): Promise<Response> {
  const path = `/v1/stream/${channel}`;
  const ask = () =>
    request(target, path, {
      query: { offset, live: "sse" },
      headers: { accept: "text/event-stream" },
      signal,
    });
  try {
    return await ask();
  } catch (thrown) {
    if ((thrown as EverywireError).code !== "not_found") throw thrown;
  }
  await request(target, path, {
    method: "PUT",
    headers: { "content-type": "application/cloudevents+json" },
    signal,
  });
  return ask();
}
