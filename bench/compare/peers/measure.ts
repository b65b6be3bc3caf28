import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Lab } from "../chapter.ts";
import type { Contender } from "../interleave.ts";
import { interleave } from "../interleave.ts";
import { measureDurability } from "./durability.ts";
import type { DurabilityFigures, IdleFigures, PeersFigures, SubjectFigures, WorkFigures } from "./figures.ts";
import { measureIdle } from "./idle.ts";
import { installPeers } from "./install.ts";
import type { Peer, RunningPeer } from "./peer.ts";
import { NOT_TO_BE_HAD, SUBJECTS } from "./subjects.ts";
import type { PreparedWork, Work } from "./works.ts";
import { WORKS } from "./works.ts";

interface Scale {
  readonly rounds: number;
  readonly roundMs: number;
  readonly warmUpMs: number;
  readonly idleReaders: number;
}

const FULL: Scale = { rounds: 3, roundMs: 600, warmUpMs: 400, idleReaders: 500 };
const QUICK: Scale = { rounds: 1, roundMs: 200, warmUpMs: 0, idleReaders: 50 };

/** Parts of the whole, for the display: starting, idle readers, the works, durability. */
const PARTS = { start: 0.06, idle: 0.16, works: 0.92 };

interface Started {
  readonly peer: Peer;
  readonly directory: string;
  readonly running: RunningPeer;
}

/** @param only names of works and of subjects to take; all where it is left out */
export async function measurePeers(lab: Lab, only?: Only): Promise<PeersFigures> {
  const scale = lab.isQuick ? QUICK : FULL;
  const directory = await mkdtemp(join(tmpdir(), "everywire-peers-"));
  const subjects: SubjectFigures[] = [];
  const started: Started[] = [];
  try {
    lab.progress(0, "starting the peers");
    const wanted = SUBJECTS.filter(({ name }) => isWanted(name, only?.subjects));
    const needsNpm = wanted.some(({ needs }) => needs.some(({ isFromPeersPackage }) => isFromPeersPackage));
    const installFailure = needsNpm ? await installPeers() : undefined;
    // One after the other takes half a minute; at once, a few seconds longer than the slowest.
    const starts = await Promise.all(
      wanted.map((peer, index) => startOne(peer, join(directory, String(index)), installFailure)),
    );
    for (const { peer, running, directory: own, missing } of starts) {
      subjects.push({ name: peer.name, setup: peer.setup, ...(missing === undefined ? {} : { missing }) });
      if (running !== undefined) started.push({ peer, running, directory: own });
    }
    lab.signal.throwIfAborted();
    const isFanOutAsked = WORKS.some(({ name }) => name.startsWith("fan-out") && isWanted(name, only?.works));
    const idle = isFanOutAsked ? await measureIdleOfAll(started, scale, lab) : [];
    const works = await measureWorks(started, scale, lab, only);
    lab.progress(PARTS.works, "what survives kill -9");
    const isAsked = works.some(({ promises }) => promises !== undefined);
    const durability = isAsked ? await measureDurabilityOfAll(started) : [];
    for (const { name, reason } of NOT_TO_BE_HAD) subjects.push({ name, setup: "", missing: reason });
    lab.progress(1, "done");
    return { subjects, works, durability, idle };
  } finally {
    await Promise.allSettled(started.map(({ running }) => running.stop()));
    await rm(directory, { recursive: true, force: true, maxRetries: 5 });
  }
}

export interface Only {
  readonly works?: readonly string[];
  readonly subjects?: readonly string[];
}

function isWanted(name: string, only: readonly string[] | undefined): boolean {
  return only === undefined || only.includes(name);
}

async function startOne(
  peer: Peer,
  directory: string,
  installFailure: string | undefined,
): Promise<{ peer: Peer; directory: string; running?: RunningPeer; missing?: string }> {
  const absent = peer.needs.find(({ file }) => !existsSync(file));
  if (absent !== undefined) {
    const why = absent.isFromPeersPackage ? installFailure : undefined;
    return {
      peer,
      directory,
      missing: `${absent.from} is not installed${why === undefined ? "" : ` (${why})`}`,
    };
  }
  try {
    await mkdir(directory);
    return { peer, directory, running: await peer.start(directory) };
  } catch (thrown) {
    return { peer, directory, missing: thrown instanceof Error ? thrown.message : String(thrown) };
  }
}

async function measureIdleOfAll(
  started: readonly Started[],
  scale: Scale,
  lab: Lab,
): Promise<readonly IdleFigures[]> {
  const results: IdleFigures[] = [];
  for (const [index, { peer, running }] of started.entries()) {
    lab.signal.throwIfAborted();
    const part = index / started.length;
    lab.progress(PARTS.start + part * (PARTS.idle - PARTS.start), `idle readers: ${peer.name}`);
    results.push(...(await measureIdle(peer.name, running, scale.idleReaders)));
  }
  return results;
}

async function measureWorks(
  started: readonly Started[],
  scale: Scale,
  lab: Lab,
  only: Only | undefined,
): Promise<readonly WorkFigures[]> {
  const wanted = WORKS.filter(({ name }) => isWanted(name, only?.works));
  const results: WorkFigures[] = [];
  const size = (PARTS.works - PARTS.idle) / wanted.length;
  for (const [index, work] of wanted.entries()) {
    lab.signal.throwIfAborted();
    const begin = PARTS.idle + index * size;
    results.push(
      await measureWork(work, started, scale, lab.signal, (part, name) =>
        lab.progress(begin + part * size, `${work.title}: ${name}`),
      ),
    );
  }
  return results;
}

async function measureWork(
  work: Work,
  started: readonly Started[],
  scale: Scale,
  signal: AbortSignal,
  onTurn: (part: number, name: string) => void,
): Promise<WorkFigures> {
  const contenders: Contender[] = [];
  const prepared: PreparedWork[] = [];
  const promises: Record<string, string> = {};
  const failures: { name: string; failure: string }[] = [];
  try {
    for (const { peer, running } of started) {
      try {
        const load = await work.prepare(running.doors);
        if (load === undefined) continue;
        prepared.push(load);
        if (load.promise !== undefined) promises[peer.name] = load.promise;
        contenders.push({
          name: peer.name,
          processIds: () => running.processIds(),
          run: (durationMs) => load.run(durationMs),
          abandon: async () => {
            load.close?.();
            // What it has taken and not done would go on beside the others.
            await running.kill();
            await running.restart();
          },
        });
      } catch (thrown) {
        failures.push({
          name: peer.name,
          failure: thrown instanceof Error ? thrown.message : String(thrown),
        });
      }
    }
    const standings = await interleave(contenders, { ...scale, signal, onTurn });
    const { name, title, unit, how, offered } = work;
    return {
      name,
      title,
      unit,
      how,
      standings: [...standings, ...failures.map((failed) => ({ ...failed, rounds: [] }))],
      ...(Object.keys(promises).length === 0 ? {} : { promises }),
      ...(offered === undefined ? {} : { offered }),
    };
  } finally {
    for (const load of prepared) load.close?.();
  }
}

/** All at once: what is counted does not depend on how fast it was. */
async function measureDurabilityOfAll(started: readonly Started[]): Promise<readonly DurabilityFigures[]> {
  const results = await Promise.all(
    started.map(({ peer, running, directory: own }) => measureDurability(peer.name, running, own)),
  );
  return results.flat();
}
