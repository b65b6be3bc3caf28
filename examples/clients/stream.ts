import type { Publish, Read } from "./client.ts";
import { resume } from "./resume.ts";

export const publish: Publish = async (url, channel, data) => {
  const response = await fetch(`${url}/stream/${channel}`, {
    method: "POST",
    headers: { "content-type": "application/x-ndjson" },
    body: `${JSON.stringify({ type: "note", data })}\n`,
  });
  const ack = await response.text();
  if (!response.ok || JSON.parse(ack).sequence === undefined) throw new Error(ack);
};

export const open: Read = async (url, channel, after, onEvent) => {
  const response = await fetch(`${url}/stream/${channel}?after=${after}`);
  if (!response.ok || response.body === null) throw new Error(await response.text());
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (let chunk = await reader.read(); !chunk.done; chunk = await reader.read()) {
    const lines = (rest + chunk.value).split("\n");
    rest = lines.pop() ?? "";
    // An empty line is a heartbeat.
    for (const line of lines) if (line !== "") onEvent(JSON.parse(line));
  }
};

export const read: Read = (url, channel, after, onEvent) =>
  resume(after, onEvent, (cursor, onNext) => open(url, channel, cursor, onNext));
