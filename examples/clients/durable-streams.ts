import { DurableStream, stream } from "@durable-streams/client";
import type { Event, Publish, Read } from "./client.ts";

const toAddress = (url: string, channel: string) => `${url}/v1/stream/${channel}`;

export const publish: Publish = async (url, channel, data) => {
  const address = toAddress(url, channel);
  // Finds it, or makes it: this wire appends to nothing that is not there.
  const made = await fetch(address, {
    method: "PUT",
    headers: { "content-type": "application/cloudevents+json" },
  });
  if (!made.ok) throw new Error(await made.text());
  const handle = new DurableStream({ url: address, contentType: "application/json" });
  await handle.append(JSON.stringify({ type: "note", data }));
};

export const read: Read = async (url, channel, after, onEvent) => {
  const offset = after === "earliest" ? "-1" : after;
  const response = await stream<Event>({ url: toAddress(url, channel), offset, live: "sse" });
  response.subscribeJson(({ items }) => items.forEach(onEvent));
  await response.closed;
};
