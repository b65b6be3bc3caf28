import type { Read } from "./client.ts";

/** An EventSource sends the last id again when it reconnects. It is built into browsers and Deno; Node has it behind `--experimental-eventsource`. */
export const read: Read = (url, channel, after, onEvent) =>
  new Promise((_, reject) => {
    const source = new EventSource(`${url}/sse/${channel}?after=${after}`);
    for (const type of ["note", "everywire.gap"])
      source.addEventListener(type, ({ data }) => onEvent(JSON.parse(data)));
    source.onerror = () => {
      if (source.readyState === EventSource.CLOSED) reject(new Error("The stream was refused."));
    };
  });
