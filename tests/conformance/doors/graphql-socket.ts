import { CloseCode, createClient } from "graphql-ws";
import { WebSocket } from "ws";
import type { DoorDriver, Published, PublishedEvent, Reader, ReceivedEvent, Target } from "../door-driver.ts";
import { DoorError } from "../door-driver.ts";
import type { GraphqlAnswer } from "../graphql-operations.ts";
import { cursorAfter, EVENTS, PUBLISH, toDoorError, toPublished, toReceived } from "../graphql-operations.ts";
import { toUrl } from "../http-exchange.ts";
import { Received } from "../received-events.ts";

/** Opens a connection with graphql-ws's client; the token goes in `connection_init`. */
export function connect(target: Target) {
  const sockets: WebSocket[] = [];
  const pongs = new Received<unknown>();
  const subscribed = Promise.withResolvers<void>();
  class WatchedSocket extends WebSocket {
    constructor(url: string, protocols: string[]) {
      super(url, protocols);
      sockets.push(this);
    }

    override send(...args: unknown[]): void {
      Reflect.apply(super.send, this, args);
      if (String(args[0]).includes('"type":"subscribe"')) subscribed.resolve();
    }
  }
  const client = createClient({
    url: toUrl(target, "/graphql").replace(/^http/, "ws"),
    webSocketImpl: WatchedSocket,
    lazy: true,
    retryAttempts: 0,
    ...(target.token === undefined ? {} : { connectionParams: { authorization: `Bearer ${target.token}` } }),
    on: { pong: (_received, payload) => pongs.push(payload) },
  });
  return {
    client,
    /** Resolves when the operation that was sent has begun. */
    async settle(): Promise<void> {
      await subscribed.promise;
      sockets[0]?.send(JSON.stringify({ type: "ping", payload: { from: "test" } }));
      await pongs.next();
    },
    terminate(): void {
      for (const socket of sockets) socket.terminate();
    },
  };
}

/** What graphql-ws gives where something went wrong: errors of the operation, or the end of the connection. */
function toError(thrown: unknown): Error {
  if (Array.isArray(thrown)) return toDoorError(thrown[0]);
  const { code, reason } = thrown as { code?: number; reason?: string };
  if (code === CloseCode.Unauthorized) return new DoorError("unauthenticated", reason ?? "");
  return thrown instanceof Error ? thrown : new Error(`closed: ${code} ${reason}`);
}

/** The same operations as `graphql`, over graphql-transport-ws. */
export const graphqlSocket: DoorDriver = {
  name: "graphql-socket",
  door: "graphql",

  async publish(target: Target, channel: string, event: PublishedEvent): Promise<Published> {
    const { client } = connect(target);
    try {
      const results = client.iterate({ query: PUBLISH, variables: { channel, ...event } });
      const { value } = await results.next();
      return toPublished(value as GraphqlAnswer);
    } catch (thrown) {
      throw thrown instanceof DoorError ? thrown : toError(thrown);
    } finally {
      await client.dispose();
    }
  },

  async read(target: Target, channel: string, after?: string): Promise<Reader> {
    const connection = connect(target);
    const received = new Received<ReceivedEvent>();
    const refused = Promise.withResolvers<never>();
    const fail = (error: Error) => {
      refused.reject(error);
      received.end(error);
    };
    // It is awaited only until the reader is live; what goes wrong later is told by `received`.
    refused.promise.catch(() => {});
    connection.client.subscribe(
      { query: EVENTS, variables: { channel, after } },
      {
        next(answer) {
          try {
            received.push(toReceived(answer as GraphqlAnswer));
          } catch (error) {
            fail(error as Error);
          }
        },
        error: (thrown) => fail(toError(thrown)),
        complete: () => fail(new Error("The subscription ended.")),
      },
    );
    await Promise.race([connection.settle(), refused.promise]);
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
        connection.terminate();
      },
    };
  },
};
