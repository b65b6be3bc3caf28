import { createClient } from "graphql-ws";
import type { Event, OnEvent, Publish, Read } from "./client.ts";

const PUBLISH =
  'mutation ($channel: String!, $data: JSON) { publish(channel: $channel, type: "note", data: $data) { sequence } }';
const EVENTS =
  "subscription ($channel: String!, $after: String) { events(channel: $channel, after: $after) { type sequence data } }";

const toClient = (url: string) =>
  createClient({
    url: `${url.replace(/^http/, "ws")}/graphql`,
    retryAttempts: Number.POSITIVE_INFINITY,
    shouldRetry: () => true,
  });

export const publish: Publish = async (url, channel, data) => {
  const client = toClient(url);
  for await (const { errors } of client.iterate({ query: PUBLISH, variables: { channel, data } }))
    if (errors !== undefined) throw new Error(errors[0]?.message);
  await client.dispose();
};

function subscribe(
  url: string,
  variables: { channel: string; after: string },
  onEvent: OnEvent,
): Promise<void> {
  return new Promise((resolve, reject) => {
    toClient(url).subscribe<{ events: Event }>(
      { query: EVENTS, variables },
      {
        next: ({ data }) => data && onEvent(data.events),
        error: reject,
        complete: resolve,
      },
    );
  });
}

export const open: Read = (url, channel, after, onEvent) => subscribe(url, { channel, after }, onEvent);

/** The library connects again and sends the operation again, as it is then: so the cursor in it is moved. */
export const read: Read = (url, channel, after, onEvent) => {
  const variables = { channel, after };
  return subscribe(url, variables, (event) => {
    variables.after = event.sequence ?? variables.after;
    onEvent(event);
  });
};
