import type { ExplorerDoor, HttpCall, Inputs } from "../call.ts";
import { get, parseData, postJson, toHeaders, toPath } from "../call.ts";

const toEvent = (inputs: Inputs) => ({ type: inputs.type, data: parseData(inputs) });

export const http: ExplorerDoor = {
  name: "http",
  title: "HTTP",
  note: "A request, an answer. Reading asks for a page, and `next` is where the next one begins.",
  via: "http",
  calls: {
    publish: (inputs) => postJson(inputs, toPath("/channels", inputs), toEvent(inputs)),
    read: (inputs) => get(inputs, toPath("/channels", inputs, { after: inputs.after, limit: "10" })),
    presence: (inputs) => get(inputs, `/channels/${inputs.channel}/presence`),
  },
};

export const sse: ExplorerDoor = {
  name: "sse",
  title: "Server-sent events",
  note: "`id:` is the cursor, `event:` the type, `data:` the CloudEvent. A line that begins with a colon is a heartbeat.",
  via: "sse",
  calls: {
    subscribe: (inputs) =>
      get(inputs, toPath("/sse", inputs, { after: inputs.after }), true, { accept: "text/event-stream" }),
  },
};

export const longPoll: ExplorerDoor = {
  name: "long-poll",
  title: "Long polling",
  note: "The answer is held back until there is something, at most as long as `timeout` says. `latest` waits.",
  via: "long-poll",
  calls: {
    read: (inputs) => get(inputs, toPath("/poll", inputs, { after: inputs.after, timeout: "20" })),
  },
};

export const ndjson: ExplorerDoor = {
  name: "ndjson",
  title: "Streamable HTTP (NDJSON)",
  note: "One JSON text a line, both ways. Empty lines are heartbeats. Each line sent up is acknowledged by a line.",
  via: "ndjson",
  calls: {
    publish: (inputs) => ({
      kind: "http",
      method: "POST",
      path: toPath("/stream", inputs),
      headers: toHeaders(inputs, { "content-type": "application/x-ndjson" }),
      body: `${JSON.stringify(toEvent(inputs))}\n`,
      isStream: false,
    }),
    subscribe: (inputs) => get(inputs, toPath("/stream", inputs, { after: inputs.after }), true),
  },
};

/** The words that this wire has for the ends of a stream. */
const OFFSETS: Readonly<Record<string, string>> = { earliest: "-1", latest: "now" };
const toOffset = ({ after }: Inputs) => OFFSETS[after] ?? after;

export const durableStreams: ExplorerDoor = {
  name: "durable-streams",
  title: "Durable Streams",
  note: "Offsets are the cursors of every other door. A stream that nobody has made is 404: publish first.",
  via: "durable-streams",
  calls: {
    publish: (inputs): HttpCall => ({
      ...postJson(inputs, toPath("/v1/stream", inputs), toEvent(inputs)),
      headers: toHeaders(inputs, { "content-type": "application/cloudevents+json" }),
      body: JSON.stringify({
        specversion: "1.0",
        id: crypto.randomUUID(),
        source: "/explorer",
        ...toEvent(inputs),
      }),
    }),
    read: (inputs) => get(inputs, toPath("/v1/stream", inputs, { offset: toOffset(inputs) })),
    subscribe: (inputs) =>
      get(inputs, toPath("/v1/stream", inputs, { offset: toOffset(inputs), live: "sse" }), true),
  },
};

export const queue: ExplorerDoor = {
  name: "queue",
  title: "Queue",
  note: "202: the queue has it, and delivers it to the channel in two seconds, again and again until it arrives.",
  calls: {
    publish: (inputs) => postJson(inputs, toPath("/queue", inputs), { ...toEvent(inputs), delay: "2s" }),
  },
};
