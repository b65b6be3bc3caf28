import { EVENT_BODY, PUBLISH_HEADERS } from "./everywire-client.ts";
import type { RequestParts } from "./http-connection.ts";
import { HttpConnection, toRequestText } from "./http-connection.ts";
import { openFilesOf, residentBytesOf } from "./process-usage.ts";
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
  /** From when they left to when the server had closed all of their connections. */
  readonly goneAfterMs: number;
}

const DEADLINE_MS = 30_000;
/** An SSE reader's leaving shows at the second heartbeat that cannot be written, so after 20 s at the latest. */
const LEAVING_MS = 25_000;
/** Files that may stay open beside the readers' connections. */
const SPARE_FILES = 50;

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
  const files = openFilesOf(pid);
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
  const leftMs = performance.now();
  await allGone(pid, files);
  const goneAfterMs = performance.now() - leftMs;
  const left = residentBytesOf(pid);
  const lastAfterMs = lastMs - sentMs;
  return { round, eventStreams, sockets, received, lastAfterMs, before, open, afterEvent, left, goneAfterMs };
}

/** Waits until the server has as many files open as before, or for as long as that may take. */
async function allGone(pid: number, filesBefore: number | undefined): Promise<void> {
  const endMs = performance.now() + LEAVING_MS;
  while (performance.now() < endMs) {
    await pause(200);
    const files = openFilesOf(pid);
    if (files !== undefined && filesBefore !== undefined && files <= filesBefore + SPARE_FILES) return;
  }
}

function pause(durationMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, durationMs));
}
