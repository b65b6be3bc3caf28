import { EVENT_BODY, PUBLISH_HEADERS } from "./everywire-client.ts";
import type { RequestParts } from "./http-connection.ts";
import { HttpConnection, toRequestText } from "./http-connection.ts";
import { residentBytesOf } from "./process-usage.ts";
import { openReaders } from "./readers.ts";
import type { Server } from "./servers.ts";

/** What so many idle readers of one channel cost, and how one event reached them. */
export interface IdleReaders {
  readonly round: number;
  readonly eventStreams: number;
  readonly sockets: number;
  readonly received: number;
  /** From the publish to the last of them. */
  readonly lastAfterMs: number;
  /** Resident memory of the server, in bytes; undefined where there is no /proc. */
  readonly before: number | undefined;
  readonly open: number | undefined;
  readonly afterEvent: number | undefined;
  readonly left: number | undefined;
}

const DEADLINE_MS = 30_000;
/** How long the server has to notice that its readers are gone: the second failed heartbeat shows the last of them. */
const LEAVING_MS = 2500;

/** Opens the readers, publishes one event, and lets them leave; several times over, to see what stays behind. */
export async function measureIdleReaders(
  server: Server,
  counts: { readonly eventStreams: number; readonly sockets: number },
  rounds: number,
): Promise<readonly IdleReaders[]> {
  const results: IdleReaders[] = [];
  for (let round = 1; round <= rounds; round += 1) results.push(await measureRound(server, counts, round));
  return results;
}

async function measureRound(
  server: Server,
  { eventStreams, sockets }: { readonly eventStreams: number; readonly sockets: number },
  round: number,
): Promise<IdleReaders> {
  const { url, pid } = server;
  const publish: RequestParts = {
    method: "POST",
    url: `${url}/channels/demo/idle`,
    headers: PUBLISH_HEADERS,
    body: EVENT_BODY,
  };
  const before = residentBytesOf(pid);
  const all = Promise.withResolvers<void>();
  let received = 0;
  let lastMs = 0;
  const onEvent = () => {
    received += 1;
    lastMs = performance.now();
    if (received === eventStreams + sockets) all.resolve();
  };
  const readers = [
    ...(await openReaders("SSE", `${url}/sse/demo/idle`, eventStreams, onEvent)),
    ...(await openReaders("WebSocket", `${url}/ws/demo/idle`, sockets, onEvent)),
  ];
  await pause(500);
  const open = residentBytesOf(pid);
  const publisher = await HttpConnection.open(url);
  const sentMs = performance.now();
  await publisher.send(toRequestText(publish));
  // Whoever has nothing by then counts as missing; the table shows it.
  await Promise.race([all.promise, pause(DEADLINE_MS)]);
  publisher.close();
  const afterEvent = residentBytesOf(pid);
  for (const reader of readers) reader.leave();
  await pause(LEAVING_MS);
  const left = residentBytesOf(pid);
  const lastAfterMs = lastMs - sentMs;
  return { round, eventStreams, sockets, received, lastAfterMs, before, open, afterEvent, left };
}

function pause(durationMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, durationMs));
}
