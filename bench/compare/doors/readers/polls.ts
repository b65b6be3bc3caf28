import { setTimeout as delay } from "node:timers/promises";
import { toRequestText } from "../../../http-connection.ts";
import { ByteConnection } from "../byte-connection.ts";
import type { HttpMessage } from "../http-messages.ts";
import { HttpMessages, statusOf } from "../http-messages.ts";
import type { Place } from "../place.ts";
import type { OpenReader, Reader, ReadRequest } from "../reader.ts";

/** Between two polls that brought nothing: what plain polling is commonly set to. */
export const POLL_INTERVAL_MS = 500;
const PAGE_EVENTS = 1000;
const LEASED_EVENTS = 100;
const WAIT_SECONDS = 30;
const JSON_HEADERS = { "content-type": "application/json" };

/** A connection with one request under way. */
class Asking {
  readonly connection: ByteConnection;
  #answered = Promise.withResolvers<HttpMessage>();

  constructor(connection: ByteConnection, { onBytes }: ReadRequest) {
    this.connection = connection;
    const messages = new HttpMessages((message) => this.#answered.resolve(message));
    connection.onData = (chunk) => {
      onBytes(chunk);
      messages.push(chunk);
    };
    connection.onEnd = (why) => this.#answered.reject(new Error(why));
  }

  /** Gives the answer's body. @throws Error where it is no success, or the connection is lost */
  async ask(request: string): Promise<string> {
    this.#answered = Promise.withResolvers();
    this.connection.write(request);
    const message = await this.#answered.promise;
    if (statusOf(message) !== 200) throw new Error(`A poll was answered ${message.head}${message.body}`);
    return message.body;
  }
}

/** Runs one poll after the other until it is closed. The first has been answered when this resolves. */
async function poll(
  place: Place,
  request: ReadRequest,
  toRound: (asking: Asking, leaving: AbortSignal) => Promise<() => Promise<void>>,
): Promise<Reader> {
  const leaving = new AbortController();
  const connection = await ByteConnection.open(place.httpPort, place.host, place.readerHost);
  const round = await toRound(new Asking(connection, request), leaving.signal);
  const run = async () => {
    while (!leaving.signal.aborted) await round();
  };
  run().catch((thrown: unknown) => {
    if (!leaving.signal.aborted) request.onEnd(thrown instanceof Error ? thrown.message : String(thrown));
  });
  return {
    get traffic() {
      return connection.traffic;
    },
    close: () => {
      leaving.abort();
      connection.close();
    },
  };
}

function nextOf(body: string): string {
  // At the end, behind the events, whose data are ours and have no such member.
  return /.*"next":"([^"]+)"/.exec(body)?.[1] ?? "latest";
}

/** `GET /channels/{channel}?after=` every {@link POLL_INTERVAL_MS}. */
export const readHttp: OpenReader = (place, request) =>
  poll(place, request, async (asking, leaving) => {
    const ask = (after: string) =>
      asking.ask(
        toRequestText({
          method: "GET",
          url: `${place.url}/channels/${request.channel}?after=${after}&limit=${PAGE_EVENTS}`,
        }),
      );
    let body = await ask(request.after);
    return async () => {
      if (body.includes('"upToDate":true')) await delay(POLL_INTERVAL_MS, undefined, { signal: leaving });
      body = await ask(nextOf(body));
    };
  });

/** `GET /poll/{channel}?after=`, again as soon as one is answered. */
export const readLongPoll: OpenReader = (place, request) =>
  poll(place, request, async (asking) => {
    const ask = (after: string, seconds: number) =>
      asking.ask(
        toRequestText({
          method: "GET",
          url: `${place.url}/poll/${request.channel}?after=${after}&timeout=${seconds}&limit=${PAGE_EVENTS}`,
        }),
      );
    // Without waiting: it says where the channel stands.
    let next = nextOf(await ask(request.after, 0));
    return async () => {
      next = nextOf(await ask(next, WAIT_SECONDS));
    };
  });

/** `POST /queue/{channel}/lease` and `/ack`: one of the consumers who share a channel's work. */
export const readQueue: OpenReader = (place, request) =>
  poll(place, request, async (asking) => {
    const ask = (operation: string, body: object) =>
      asking.ask(
        toRequestText({
          method: "POST",
          url: `${place.url}/queue/${request.channel}/${operation}`,
          headers: JSON_HEADERS,
          body: JSON.stringify(body),
        }),
      );
    const lease = async (wait: number) => {
      const body = await ask("lease", { max: LEASED_EVENTS, wait });
      const leaseIds = Array.from(body.matchAll(/"leaseId":"([^"]+)"/g), ([, id]) => id);
      if (leaseIds.length > 0) await ask("ack", { leaseIds });
    };
    await lease(0);
    return () => lease(WAIT_SECONDS);
  });
