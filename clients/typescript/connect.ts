import { EverywireClient } from "./client.ts";
import { Credentials } from "./credentials.ts";
import { EverywireError } from "./error.ts";
import { Http } from "./http.ts";
import { Ladder } from "./ladder.ts";
import { Log } from "./log.ts";
import type { ConnectOptions, Timing } from "./options.ts";
import type { Transport } from "./transport.ts";
import { TRANSPORT_NAMES } from "./transport.ts";
import { createLongPoll } from "./transports/long-poll.ts";
import { createNdjson } from "./transports/ndjson.ts";
import { createSse } from "./transports/sse.ts";
import { createWebSocket } from "./transports/websocket.ts";
import { createWebTransport } from "./transports/webtransport.ts";
import type { Client } from "./types.ts";

const DEFAULT_TIMING: Timing = {
  firstBytesMs: 2000,
  openMs: 10_000,
  // The server's heartbeats are at most 15 s apart (CONTRACT §2).
  silenceMs: 20_000,
  pingMs: 10_000,
  stableMs: 10_000,
  backoffMs: 250,
  maxBackoffMs: 30_000,
  retryUpwardsMs: 60_000,
};
const DEFAULT_MAX_QUEUED = 1000;

/**
 * A client of the server at a URL. Connects when something is subscribed to or published, over the best wire that works.
 *
 * @param url of the server, `https://everywire.example`
 * @throws EverywireError `invalid_argument` where no wire is left that could be used
 * @example
 * const client = connect("http://127.0.0.1:8787");
 * await client.publish("demo/hello", { type: "greeting", data: "hi" });
 * for await (const event of client.subscribe("demo/hello", { after: "earliest" })) console.log(event.data);
 */
export function connect(url: string, options: ConnectOptions = {}): Client {
  const timing = { ...DEFAULT_TIMING, ...options.timing };
  const credentials = new Credentials(options.token);
  const http = new Http(url, credentials, options.fetch);
  const webTransport = createWebTransport(credentials, options);
  const transports: readonly Transport[] = [
    webTransport,
    createWebSocket(http, options.WebSocket),
    createSse(http),
    createNdjson(http),
    createLongPoll(http),
  ];
  const wanted = options.transports ?? TRANSPORT_NAMES;
  const usable = wanted.flatMap((name) =>
    transports.filter((transport) => transport.name === name && transport.unavailable === undefined),
  );
  if (usable.length === 0) {
    throw new EverywireError("invalid_argument", "None of the wires that may be used can be used here.");
  }
  const ladder = new Ladder({
    transports: usable,
    blockMs: timing.retryUpwardsMs,
    storage: options.storage,
    storageKey: `everywire:${http.url}`,
  });
  return new EverywireClient({
    url: http.url,
    log: new Log(http, timing.openMs),
    ladder,
    transports,
    credentials,
    timing,
    maxQueued: options.maxQueuedPublishes ?? DEFAULT_MAX_QUEUED,
    webTransport,
  });
}
