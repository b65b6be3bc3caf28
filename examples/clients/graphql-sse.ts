import { createClient } from "graphql-sse";
import type { Event, OnEvent, Read } from "./client.ts";

const EVENTS =
  "subscription ($channel: String!, $after: String) { events(channel: $channel, after: $after) { type sequence data } }";

function subscribe(
  url: string,
  variables: { channel: string; after: string },
  onEvent: OnEvent,
): Promise<void> {
  const client = createClient({ url: `${url}/graphql`, retryAttempts: Number.POSITIVE_INFINITY });
  return new Promise((resolve, reject) => {
    client.subscribe<{ events: Event }>(
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
