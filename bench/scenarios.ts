import type { Prepared } from "./everywire-client.ts";
import { EVENT_BODY, PUBLISH_HEADERS } from "./everywire-client.ts";
import { FanOut } from "./fan-out.ts";
import type { RequestParts } from "./http-connection.ts";
import { loadHttp } from "./http-load.ts";
import type { ReaderKind } from "./readers.ts";
import type { Comparison, RoundOptions, Side } from "./rounds.ts";
import { compare } from "./rounds.ts";
import type { Server } from "./servers.ts";

/** The two servers that are compared. */
export interface Contenders {
  readonly everywire: Server;
  readonly bare: Server;
}

const CONNECTIONS = 16;
const FAN_OUT_READERS = 200;
/** Well below what either side can do, so that latency is of the delivery and not of a queue. */
const PACED_PER_SECOND = 25;

const HOW = {
  "closed loop": "closed loop",
  paced: `${PACED_PER_SECOND} events/s`,
  saturated: "all that 128 writers can publish; p50 and p99 of their answers",
};

/** A REST read of one record. */
export function compareReads(
  { everywire, bare }: Contenders,
  { token, productUrl }: Prepared,
  options: RoundOptions,
): Promise<Comparison> {
  const get = (url: string): RequestParts => ({
    method: "GET",
    url,
    headers: { authorization: `Bearer ${token}` },
  });
  return compare(
    `REST read of one record, ${CONNECTIONS} connections`,
    [
      httpSide("GET /api/v1/products/{id}", everywire, get(productUrl), CONNECTIONS),
      httpSide("bare: RPC and point read", bare, get(`${bare.url}/get/records`), CONNECTIONS),
      httpSide("bare: constant response", bare, get(`${bare.url}/constant`), CONNECTIONS),
    ],
    options,
  );
}

/** A publish of one event. */
export function comparePublishes(
  { everywire, bare }: Contenders,
  writers: number,
  options: RoundOptions,
): Promise<Comparison> {
  const title = `Publish of one event, ${writers === 1 ? "1 writer" : `${writers} writers`}`;
  const name = `bench-${writers}`;
  return compare(
    title,
    [
      httpSide(
        "POST /channels/{channel}",
        everywire,
        toPublish(`${everywire.url}/channels/demo/${name}`),
        writers,
      ),
      httpSide("bare: RPC and insert", bare, toPublish(`${bare.url}/append/${name}`), writers),
    ],
    options,
  );
}

/** One event to 200 readers, the durable insert included. */
export async function compareFanOut(
  { everywire, bare }: Contenders,
  kind: ReaderKind,
  pace: "closed loop" | "paced" | "saturated",
  options: RoundOptions,
): Promise<Comparison> {
  const name = `fan-${kind}-${pace}`.toLowerCase().replace(/\W+/g, "-");
  const door = kind === "SSE" ? "sse" : "ws";
  const ours = await FanOut.open(
    kind,
    `${everywire.url}/${door}/demo/${name}`,
    toPublish(`${everywire.url}/channels/demo/${name}`),
    FAN_OUT_READERS,
  );
  const theirs = await FanOut.open(
    // The bare loop has no frames of several events.
    kind === "SSE" ? kind : "WebSocket",
    `${bare.url}/read/${name}`,
    toPublish(`${bare.url}/append/${name}`),
    FAN_OUT_READERS,
  );
  const toSide = (side: string, server: Server, fanOut: FanOut): Side => ({
    name: side,
    pid: server.pid,
    run: (durationMs) => {
      if (pace === "paced") return fanOut.runPaced(durationMs, PACED_PER_SECOND);
      return pace === "saturated" ? fanOut.runSaturated(durationMs) : fanOut.runClosedLoop(durationMs);
    },
  });
  const what = kind === "SSE" ? "bare: streams held in the object" : "bare: broadcast loop";
  const how = HOW[pace];
  try {
    return await compare(
      `Fan-out of one event to ${FAN_OUT_READERS} ${kind} readers, ${how}`,
      [toSide(`/${door}/{channel}`, everywire, ours), toSide(what, bare, theirs)],
      options,
    );
  } finally {
    ours.close();
    theirs.close();
  }
}

function httpSide(name: string, server: Server, parts: RequestParts, concurrency: number): Side {
  return { name, pid: server.pid, run: (durationMs) => loadHttp(parts, concurrency, durationMs) };
}

function toPublish(url: string): RequestParts {
  return { method: "POST", url, headers: PUBLISH_HEADERS, body: EVENT_BODY };
}
