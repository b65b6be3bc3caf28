import { createClient, NetworkError } from "graphql-sse";
import type { DoorDriver, Published, PublishedEvent, Reader, ReceivedEvent, Target } from "../door-driver.ts";
import type { GraphqlAnswer } from "../graphql-operations.ts";
import {
  assertNoErrors,
  cursorAfter,
  EVENTS,
  PUBLISH,
  toPublished,
  toReceived,
} from "../graphql-operations.ts";
import { toHeaders, toUrl } from "../http-exchange.ts";
import { Received } from "../received-events.ts";

/** Sends an operation as GraphQL over HTTP. */
export async function request(
  target: Target,
  query: string,
  variables?: Readonly<Record<string, unknown>>,
): Promise<GraphqlAnswer> {
  const response = await fetch(toUrl(target, "/graphql"), {
    method: "POST",
    headers: toHeaders(target, {
      accept: "application/graphql-response+json, application/json;q=0.9",
      "content-type": "application/json",
    }),
    body: JSON.stringify({ query, variables }),
  });
  return (await response.json()) as GraphqlAnswer;
}

/** `mutation publish` by POST, and `subscription events` with graphql-sse's client in distinct connections mode. */
export const graphql: DoorDriver = {
  name: "graphql",

  async publish(target: Target, channel: string, event: PublishedEvent): Promise<Published> {
    return toPublished(await request(target, PUBLISH, { channel, ...event }));
  },

  async read(target: Target, channel: string, after?: string): Promise<Reader> {
    const live = Promise.withResolvers<void>();
    const received = new Received<ReceivedEvent>();
    const client = createClient({
      url: toUrl(target, "/graphql"),
      headers: toHeaders(target),
      retryAttempts: 0,
      // The client does not show comments, and `live` is how the stream says that nothing is missed from here on.
      fetchFn: async (url: string, init: RequestInit) => onceLive(await fetch(url, init), live.resolve),
    });
    const fail = (error: Error) => {
      live.reject(error);
      received.end(error);
    };
    client.subscribe(
      { query: EVENTS, variables: { channel, after } },
      {
        next(answer) {
          try {
            received.push(toReceived(answer as GraphqlAnswer));
          } catch (error) {
            fail(error as Error);
          }
        },
        error(thrown) {
          // Refused before there was a stream: the client gives the answer as it came.
          const response = thrown instanceof NetworkError ? (thrown.response as unknown) : undefined;
          if (response instanceof Response)
            response
              .json()
              .then((answer) => assertNoErrors(answer as GraphqlAnswer))
              .catch(fail);
          else fail(thrown instanceof Error ? thrown : new Error(String(thrown)));
        },
        complete: () => fail(new Error("The stream ended.")),
      },
    );
    await live.promise;
    let cursor = after;
    return {
      get cursor() {
        return cursor;
      },
      async next(timeoutMs) {
        const event = await received.next(timeoutMs);
        cursor = cursorAfter(event) ?? cursor;
        return event;
      },
      async cut() {
        client.dispose();
      },
    };
  },
};

/** The response with its body passed on, and a call when the comment `live` has come by. */
function onceLive(response: Response, onLive: () => void): Response {
  if (response.body === null || !response.ok) return response;
  const watch = new TransformStream<Uint8Array, Uint8Array>({
    transform(chunk, controller) {
      controller.enqueue(chunk);
      if (
        Buffer.from(chunk).toString().startsWith(":live\n") ||
        Buffer.from(chunk).toString().startsWith(": live\n")
      )
        onLive();
    },
  });
  return new Response(response.body.pipeThrough(watch), response);
}
