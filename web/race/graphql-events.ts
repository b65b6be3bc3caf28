import type { LaneEvent, LaneSink } from "./wire.ts";

/** As much of an event as the lanes need. With GraphQL a client asks for what it wants. */
const QUERY = `subscription ($channel: String!, $after: String) {
  events(channel: $channel, after: $after) { id source type time subject sequence data }
}`;

export function toSubscription(channel: string, after: string) {
  return { query: QUERY, variables: { channel, after } };
}

interface Result {
  readonly data?: unknown;
  readonly errors?: readonly { readonly message: string }[] | undefined;
}

/** Hands on what a subscription gives. @throws Error where it was refused */
export async function takeResults(results: AsyncIterable<Result>, sink: LaneSink): Promise<void> {
  for await (const { data, errors } of results) {
    const [error] = errors ?? [];
    if (error !== undefined) throw new Error(error.message);
    sink.onEvent((data as { events: LaneEvent }).events);
  }
}
