import { setTimeout as delay } from "node:timers/promises";
import { EverywireError } from "../typescript/error.ts";
import type { CloudEvent } from "../typescript/event.ts";
import { Arrivals, cursorBehind } from "./doors/door.ts";
import { readLine } from "./doors/line-operations.ts";
import { openSocket } from "./doors/socket.ts";
import { isGlob, matchesGlob, prefixOf } from "./glob.ts";
import { request, toAddress } from "./http.ts";
import type { Target } from "./target.ts";

/** Between two looks for channels that are new. */
const LOOK_INTERVAL_MS = 1000;
/** MAX_SOCKET_SUBSCRIPTIONS of a server that was not set up otherwise. */
const CHANNELS_A_SOCKET = 64;

export interface ManyOptions {
  /** Names and globs. */
  readonly patterns: readonly string[];
  /** `earliest` or `latest`: cursors belong to one channel each. */
  readonly after: string;
  readonly signal: AbortSignal;
  onNote(text: string): void;
}

/**
 * Follows many channels at once, over as few connections as the server allows: the lines of the TCP door over WebSockets.
 * Channels that begin later and match are followed from their first event. Lost connections are opened again, each
 * channel from its own cursor.
 *
 * @throws EverywireError what the server refuses for good
 */
export async function* followMany(
  target: Target,
  options: ManyOptions,
): AsyncGenerator<CloudEvent, undefined> {
  const { patterns, signal, onNote } = options;
  const arrivals = new Arrivals();
  /** Where each channel that is followed stands. */
  const cursors = new Map<string, string>();
  const groups: string[][] = [];
  const onEvent = (event: CloudEvent) => {
    const behind = cursorBehind(event);
    const before = cursors.get(event.subject) ?? "";
    const isWord = before === "latest" || before === "earliest";
    if (behind !== undefined && !isWord && event.type !== "everywire.gap" && behind <= before) return;
    if (behind !== undefined) cursors.set(event.subject, behind);
    arrivals.push(event);
  };
  const add = (names: readonly string[], after: string) => {
    for (let start = 0; start < names.length; start += CHANNELS_A_SOCKET) {
      const group = names.slice(start, start + CHANNELS_A_SOCKET);
      for (const name of group) cursors.set(name, after);
      groups.push(group);
      const keep = keepGroup(target, group, cursors, { signal, onNote, onEvent });
      keep.catch((thrown) => arrivals.end(EverywireError.from(thrown)));
    }
  };
  const stop = () => arrivals.end();
  signal.addEventListener("abort", stop, { once: true });
  const names = new Set(patterns.filter((pattern) => !isGlob(pattern)));
  const globs = patterns.filter(isGlob);
  for (const name of await listMatching(target, globs, signal)) names.add(name);
  add([...names], options.after);
  if (globs.length > 0) {
    const look = async () => {
      while (!signal.aborted) {
        await delay(LOOK_INTERVAL_MS, undefined, { signal }).catch(() => undefined);
        if (signal.aborted) return;
        const found = await listMatching(target, globs, signal).catch((thrown) => {
          if (EverywireError.from(thrown).isTransient) return [];
          throw thrown;
        });
        const fresh = found.filter((name) => !cursors.has(name));
        // They were not there when this began, so all that is in them came since.
        if (fresh.length > 0) add(fresh, "earliest");
      }
    };
    look().catch((thrown) => signal.aborted || arrivals.end(EverywireError.from(thrown)));
  }
  yield* arrivals;
  return undefined;
}

/** The channels there are that match one of the globs, of those that one may read. */
async function listMatching(
  target: Target,
  globs: readonly string[],
  signal: AbortSignal,
): Promise<readonly string[]> {
  const found = new Set<string>();
  for (const glob of globs) {
    let after: string | undefined;
    do {
      const query = { prefix: prefixOf(glob), after, limit: 1000 };
      const response = await request(target, "/channels", { query, signal });
      const page = (await response.json()) as {
        readonly channels: readonly { readonly name: string }[];
        readonly next: string | null;
      };
      for (const { name } of page.channels) if (matchesGlob(name, glob)) found.add(name);
      after = page.next ?? undefined;
    } while (after !== undefined);
  }
  return [...found];
}

interface GroupHost {
  readonly signal: AbortSignal;
  onNote(text: string): void;
  onEvent(event: CloudEvent): void;
}

/** Keeps a connection for some channels, for as long as they are wanted. */
async function keepGroup(
  target: Target,
  group: readonly string[],
  cursors: ReadonlyMap<string, string>,
  { signal, onNote, onEvent }: GroupHost,
): Promise<void> {
  let wasLive = false;
  for (let failures = 0; !signal.aborted; failures += 1) {
    const ended = new Arrivals();
    const onMessage = (text: string, send: (text: string) => void) => {
      for (const part of text.split("\n")) {
        const meaning = readLine(part);
        if (meaning.kind === "event") onEvent(meaning.event);
        else if (meaning.kind === "ping") send(meaning.pong);
        else if (meaning.kind === "error") throw meaning.error;
        else if (meaning.kind === "answer" && !wasLive) {
          wasLive = true;
          onNote(`live on ${group.length} channel${group.length === 1 ? "" : "s"}`);
        }
        if (meaning.kind !== "nothing") failures = 0;
      }
    };
    try {
      const url = toAddress(target, "/tcp");
      const options = { arrivals: ended, signal, protocol: "everywire.lines", onMessage };
      await openSocket(target, url, options, (send) => {
        for (const channel of group) {
          send(
            `${JSON.stringify({ op: "subscribe", channel, after: cursors.get(channel), ref: channel })}\n`,
          );
        }
      });
      // Nothing is pushed to it: it tells when, and why, the connection has ended.
      for await (const _ of ended);
    } catch (thrown) {
      if (signal.aborted) return;
      const error = EverywireError.from(thrown);
      if (!error.isTransient || !wasLive) throw error;
      const delayMs = error.retryAfterMs ?? Math.min(10_000, 200 * 2 ** failures);
      onNote(`${error.message} Again in ${(delayMs / 1000).toFixed(1)} s.`);
      await delay(delayMs, undefined, { signal }).catch(() => undefined);
    }
  }
}
