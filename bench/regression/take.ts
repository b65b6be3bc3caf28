import { within } from "../deadline.ts";
import { envelopeBytes } from "../everywire-client.ts";
import type { Server } from "../servers.ts";
import { startBare } from "../servers.ts";
import type { HotPath, Load, Subject } from "./hot-paths.ts";
import { prepareSubject } from "./hot-paths.ts";
import { measureIdleShare } from "./idle-share.ts";
import type { Turn } from "./measure.ts";
import { measureTurn } from "./measure.ts";
import { serveTree } from "./trees.ts";
import type { FigureSamples, Finding } from "./verdict.ts";
import { toFinding } from "./verdict.ts";

export interface Scale {
  /** Starts of the servers: two of the same commit differ by more than two rounds of one. */
  readonly blocks: number;
  readonly roundsPerBlock: number;
  readonly turnMs: number;
  /** Pairs of fresh servers whose idle readers are counted. */
  readonly idlePairs: number;
}

export interface Taking {
  /** Directories of trees that are built. */
  readonly ours: string;
  readonly theirs: string | undefined;
  readonly paths: readonly HotPath[];
  readonly withIdle: boolean;
  readonly scale: Scale;
  readonly signal: AbortSignal;
  say(line: string): void;
}

const TURN_GRACE_MS = 30_000;
const STOP_DEADLINE_MS = 20_000;

/** The turns of one path so far. */
interface Turns {
  readonly ours: Turn[];
  readonly theirs: Turn[];
  readonly bare: Turn[];
}

/** Measures the paths on both trees and on a bare workerd, in turns. */
export async function takeFindings(taking: Taking): Promise<readonly Finding[]> {
  const turns = new Map<HotPath, Turns>(
    taking.paths.map((path) => [path, { ours: [], theirs: [], bare: [] }]),
  );
  for (let block = 0; block < taking.scale.blocks && turns.size > 0; block += 1)
    await takeBlock(taking, turns, block);
  const samples: FigureSamples[] = [];
  for (const [{ name, title }, { ours, theirs, bare }] of turns) {
    const about = { path: name, title };
    const cpu = (list: readonly Turn[]) => list.flatMap(({ cpuUs }) => cpuUs ?? []);
    const rate = (list: readonly Turn[]) => list.map(({ perSecond }) => perSecond);
    samples.push(
      { ...about, unit: "us of CPU", ours: cpu(ours), theirs: cpu(theirs), bare: cpu(bare) },
      { ...about, unit: "per second", ours: rate(ours), theirs: rate(theirs), bare: rate(bare) },
    );
  }
  if (taking.withIdle) samples.push(...(await takeIdle(taking)));
  return samples.flatMap((sample) => toFinding(sample) ?? []);
}

/** Servers of their own for some rounds of every path. */
async function takeBlock(taking: Taking, turns: ReadonlyMap<HotPath, Turns>, block: number): Promise<void> {
  const servers: Server[] = [];
  const start = async (directory: string): Promise<Subject> => {
    const server = await serveTree(directory);
    servers.push(server);
    return prepareSubject(server);
  };
  try {
    const ours = await start(taking.ours);
    const theirs = taking.theirs === undefined ? undefined : await start(taking.theirs);
    const bare = await startBare({
      record: ours.product,
      envelopeBytes: await envelopeBytes(ours.server.url),
    });
    servers.push(bare);
    for (const [path, kept] of turns) {
      taking.say(`${path.title}, start ${block + 1} of ${taking.scale.blocks}`);
      await takePath(taking, path, { ours, theirs, bare }, kept);
    }
  } finally {
    const stopping = Promise.all(servers.map((server) => server.stop()));
    await within("Stopping the servers", STOP_DEADLINE_MS, stopping);
  }
}

interface Contenders {
  readonly ours: Subject;
  readonly theirs: Subject | undefined;
  readonly bare: Server;
}

async function takePath(
  { scale, signal, say }: Taking,
  path: HotPath,
  { ours, theirs, bare }: Contenders,
  kept: Turns,
): Promise<void> {
  const loads: Load[] = [];
  const open = async (load: Promise<Load>): Promise<Load> => {
    const opened = await load;
    loads.push(opened);
    return opened;
  };
  const take = (server: Server, load: Load) =>
    within(path.title, scale.turnMs + TURN_GRACE_MS, measureTurn(server.pid, load, scale.turnMs));
  try {
    const our = await open(path.open(ours));
    const their =
      theirs === undefined
        ? undefined
        : await open(path.open(theirs)).catch((error: unknown) => {
            say(
              `${path.title} is not in the other commit: ${error instanceof Error ? error.message : error}`,
            );
          });
    const bareLoad = await open(path.openBare(bare));
    await take(ours.server, our);
    if (theirs !== undefined && their !== undefined) await take(theirs.server, their);
    for (let round = 0; round < scale.roundsPerBlock; round += 1) {
      signal.throwIfAborted();
      // Who comes first changes, so that neither is always the one that follows the other.
      const order = [
        async () => kept.ours.push(await take(ours.server, our)),
        async () =>
          theirs !== undefined && their !== undefined && kept.theirs.push(await take(theirs.server, their)),
      ];
      for (const turn of round % 2 === 0 ? order : order.toReversed()) await turn();
      // The reference says what the machine does today, and no decision rests on it: a few turns are enough.
      if (round % 3 === 0) kept.bare.push(await take(bare, bareLoad));
    }
  } finally {
    for (const load of loads) load.close();
  }
}

async function takeIdle({ ours, theirs, scale, signal, say }: Taking): Promise<readonly FigureSamples[]> {
  const kept = { sse: toKept(), webSocket: toKept() };
  for (let pair = 0; pair < scale.idlePairs; pair += 1) {
    signal.throwIfAborted();
    say(`Idle readers, pair ${pair + 1} of ${scale.idlePairs}`);
    const servers = await Promise.all([ours, ...(theirs === undefined ? [] : [theirs])].map(serveTree));
    try {
      for (const [index, server] of servers.entries()) {
        const share = await measureIdleShare(server);
        if (share === undefined) continue;
        const side = index === 0 ? "ours" : "theirs";
        kept.sse[side].push(share.sse);
        kept.webSocket[side].push(share.webSocket);
      }
    } finally {
      await within("Stopping", STOP_DEADLINE_MS, Promise.all(servers.map((server) => server.stop())));
    }
  }
  return [
    { path: "idle", title: "An idle SSE reader", unit: "KiB", ...kept.sse, bare: [] },
    { path: "idle", title: "An idle WebSocket reader", unit: "KiB", ...kept.webSocket, bare: [] },
  ];
}

function toKept(): { readonly ours: number[]; readonly theirs: number[] } {
  return { ours: [], theirs: [] };
}
