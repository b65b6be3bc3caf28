import { setTimeout as delay } from "node:timers/promises";
import type { BroadcastKind } from "../../broadcast-readers.ts";
import { BroadcastReaders } from "../../broadcast-readers.ts";
import { residentBytesOfAll, treeOf } from "../../process-tree.ts";
import type { IdleFigures } from "./figures.ts";
import type { Broadcast, RunningPeer } from "./peer.ts";

/** Readers before the first look, so that what a server takes for its first ones does not count. */
const FIRST = 100;
const SETTLE_MS = 300;

/** What one more idle reader adds to the memory of a subject that has done nothing else since it started. */
export async function measureIdle(
  name: string,
  peer: RunningPeer,
  readers: number,
): Promise<readonly IdleFigures[]> {
  const { webSockets, eventStreams } = peer.doors;
  const results: IdleFigures[] = [];
  for (const [kind, wire, door] of [
    ["WebSocket", "webSocket", webSockets],
    ["SSE", "stream", eventStreams],
  ] as const) {
    if (door === undefined) continue;
    try {
      // Memory that other readers have left would be used again, and not show.
      if (results.length > 0) {
        await peer.kill();
        await peer.restart();
      }
      const kibEach = await measureOne(peer, wire, door, readers);
      results.push({ name, kind, readers, ...(kibEach === undefined ? {} : { kibEach }) });
    } catch (thrown) {
      const failure = thrown instanceof Error ? thrown.message : String(thrown);
      results.push({ name, kind, readers, failure });
    }
  }
  return results;
}

async function measureOne(
  peer: RunningPeer,
  wire: BroadcastKind,
  { readUrl, greeting }: Broadcast,
  readers: number,
): Promise<number | undefined> {
  const memory = async () => {
    await delay(SETTLE_MS);
    return residentBytesOfAll(treeOf(peer.processIds()));
  };
  const first = await BroadcastReaders.open(wire, readUrl, FIRST, { text: greeting });
  try {
    const before = await memory();
    const more = await BroadcastReaders.open(wire, readUrl, readers, { text: greeting });
    try {
      const after = await memory();
      return before === undefined || after === undefined ? undefined : (after - before) / 1024 / readers;
    } finally {
      more.close();
    }
  } finally {
    first.close();
  }
}
