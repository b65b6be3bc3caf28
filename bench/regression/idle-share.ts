import { residentBytesOf } from "../process-usage.ts";
import type { ReaderKind } from "../readers.ts";
import { openReaders } from "../readers.ts";
import type { Server } from "../servers.ts";

/** What an idle reader holds of the server's resident memory, in KiB. */
export interface IdleShare {
  readonly sse: number;
  readonly webSocket: number;
}

const READERS = 250;
/** For the answers to the last of them to be written. */
const SETTLE_MS = 200;

/**
 * Opens readers on a server that has done nothing else: memory that an earlier load left behind would count as theirs.
 *
 * @returns undefined where there is no /proc
 */
export async function measureIdleShare({ url, pid }: Server): Promise<IdleShare | undefined> {
  const open = async (kind: ReaderKind, door: string): Promise<number | undefined> => {
    const before = residentBytesOf(pid);
    await openReaders(kind, `${url}/${door}/demo/idle`, READERS, () => undefined);
    await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
    const after = residentBytesOf(pid);
    return before === undefined || after === undefined ? undefined : (after - before) / 1024 / READERS;
  };
  // One reader of each kind first, so that what is loaded once does not count.
  await openReaders("SSE", `${url}/sse/demo/idle`, 1, () => undefined);
  await openReaders("WebSocket", `${url}/ws/demo/idle`, 1, () => undefined);
  const sse = await open("SSE", "sse");
  const webSocket = await open("WebSocket", "ws");
  return sse === undefined || webSocket === undefined ? undefined : { sse, webSocket };
}
