import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { within } from "../../deadline.ts";
import type { Lab } from "../chapter.ts";
import type { Contender, Interleaving, Standing } from "../interleave.ts";
import { interleave } from "../interleave.ts";
import { countSyncs } from "../syncs.ts";
import type { FloorDoor, Load } from "./doors.ts";
import { FLOOR_DOORS } from "./doors.ts";
import type { DoorFigures, FloorFigures } from "./figures.ts";
import type { SideServer, Sides } from "./sides.ts";
import { startSides } from "./sides.ts";

const FULL = { rounds: 4, roundMs: 450, warmUpMs: 300 };
const QUICK = { rounds: 1, roundMs: 200, warmUpMs: 0 };
const STARTED = 0.03;
const WATCHED_MS = 150;
const WATCHED_DEADLINE_MS = 10_000;

/** @param only names of doors; all where it is left out */
export async function measureFloor(lab: Lab, only?: readonly string[]): Promise<FloorFigures> {
  const scale = lab.isQuick ? QUICK : FULL;
  lab.progress(0, "starting Everywire and the bare worker");
  const sides = await startSides();
  const doors: DoorFigures[] = [];
  try {
    const wanted = FLOOR_DOORS.filter(({ name }) => only?.includes(name) ?? true);
    for (const [index, door] of wanted.entries()) {
      lab.signal.throwIfAborted();
      const toProgress = (part: number) => STARTED + ((index + part) / wanted.length) * (1 - STARTED);
      lab.progress(toProgress(0), door.title);
      const options = {
        ...scale,
        signal: lab.signal,
        onTurn: (part: number) => lab.progress(toProgress(part), door.title),
      };
      doors.push(await measureDoor(door, sides, options));
    }
  } finally {
    await sides.stop();
  }
  lab.progress(1, "done");
  return { doors };
}

async function measureDoor(door: FloorDoor, sides: Sides, options: Interleaving): Promise<DoorFigures> {
  const { name, title, label, unit, how, isUnderLoad, offered } = door;
  const told = { name, title, label, unit, how, isUnderLoad, ...(offered === undefined ? {} : { offered }) };
  let loads: { readonly ours: Load; readonly bare: Load };
  try {
    loads = await door.open(sides);
  } catch (thrown) {
    const failure = thrown instanceof Error ? thrown.message : String(thrown);
    return {
      ...told,
      ours: { name: "Everywire", rounds: [], failure },
      floor: { name: "floor", rounds: [] },
    };
  }
  try {
    const [ours, floor] = await interleave(
      [toContender("Everywire", sides.ours, loads.ours), toContender("floor", sides.bare, loads.bare)],
      options,
    );
    const syncs = door.isWriting === true ? await watchSyncs(sides, loads) : undefined;
    return {
      ...told,
      ours: ours as Standing,
      floor: floor as Standing,
      ...(syncs === undefined ? {} : { syncs }),
    };
  } finally {
    loads.ours.close?.();
    loads.bare.close?.();
  }
}

async function watchSyncs(
  sides: Sides,
  { ours, bare }: { readonly ours: Load; readonly bare: Load },
): Promise<DoorFigures["syncs"]> {
  const directory = await mkdtemp(join(tmpdir(), "everywire-syncs-"));
  const count = (server: SideServer, load: Load) =>
    within(
      "A watched stretch",
      WATCHED_DEADLINE_MS,
      countSyncs([server.pid], directory, () => load.run(WATCHED_MS)),
    );
  try {
    return { ours: await count(sides.ours, ours), floor: await count(sides.bare, bare) };
  } catch {
    // No strace, or it may not watch: the table has no figure then, and nothing else depends on it.
    return undefined;
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

function toContender(name: string, server: SideServer, load: Load): Contender {
  return { name, processIds: () => [server.pid], run: (durationMs) => load.run(durationMs) };
}
