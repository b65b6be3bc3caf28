import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buildIfStale } from "../../../scripts/build.ts";
import { serve } from "../../../scripts/serve.ts";
import type { Chapter, Lab } from "../chapter.ts";
import type { Bench } from "./bench.ts";
import { attempt } from "./bench.ts";
import { describeDoors } from "./describe.ts";
import type { MeasuredDoor } from "./doors.ts";
import { DOORS, doorOf } from "./doors.ts";
import type { DoorFigures, Measured, OneDoor, Scale } from "./figures.ts";
import { known } from "./figures.ts";
import { toGroups } from "./groups.ts";
import { startLabServer } from "./lab-server.ts";
import { LoadProcess } from "./load-process.ts";
import { EventData } from "./mark.ts";
import { BACKLOG, measureDoor, measurePublishOnly } from "./measure-door.ts";
import type { Losses } from "./measure-loss.ts";
import { measureLoss } from "./measure-loss.ts";
import { FULL, QUICK } from "./scale.ts";
import type { Beside, BesideByDoor } from "./side-by-side.ts";
import { runSideBySide } from "./side-by-side.ts";

/** Events of one batch, and channels are filled by batches. */
const BATCH_EVENTS = 100;
const SLOW_WARM_UP_MS = 500;
/** Of the chapter's time, that of the doors one by one, and until packets are lost. */
const ALONE_PART = 0.7;
const BESIDE_PART = 0.92;

/** Our own doors, from outside. `COMPARE_DOORS=sse,websocket` takes only those. */
export const doors: Chapter<DoorFigures> = {
  name: "doors",
  title: "Every door, the same work",
  budgetSeconds: 390,
  measure,
  describe: describeDoors,
};

async function measure(lab: Lab): Promise<DoorFigures> {
  const scale = lab.isQuick ? QUICK : FULL;
  const names = (process.env.COMPARE_DOORS ?? "").split(",").filter((name) => name !== "");
  const wanted = names.length === 0 ? DOORS : names.map(doorOf);
  await buildIfStale();
  const state = await mkdtemp(join(tmpdir(), "everywire-compare-state-"));
  try {
    lab.progress(0, "fills a channel");
    await fillBacklog(state, scale);
    const measured: OneDoor[] = [];
    let publishOnlyCpuUs: number | undefined;
    for (const [index, door] of wanted.entries()) {
      const step = (part: number, what: string) =>
        lab.progress(((index + part) / wanted.length) * ALONE_PART, `${door.title}, ${what}`);
      step(0, "starts its server");
      const one = await attempt(lab, () =>
        withBench(lab, door, { scale, state, step }, async (bench) => {
          if (index === 0) publishOnlyCpuUs = await measurePublishOnly(bench);
          return measureDoor(bench, door);
        }),
      );
      measured.push("missing" in one ? toFailed(door, one.missing) : one);
    }
    const slow = await measureSlow(lab, wanted, { scale, state });
    const reading = wanted.filter((door) => door.read !== undefined);
    const losses = await measureLoss(reading, {
      scale,
      signal: lab.signal,
      onDone: (done) => lab.progress(lossPart(done / reading.length), "loses packets"),
    });
    const doors = measured.map((door) => addElsewhere(door, slow, losses));
    return { scale, doors, publishOnlyCpuUs };
  } finally {
    await rm(state, { recursive: true, force: true });
  }
}

function lossPart(part: number): number {
  return BESIDE_PART + (1 - BESIDE_PART) * part;
}

/** Doors side by side at a slow rate, which takes long for each alone. */
async function measureSlow(
  lab: Lab,
  doors: readonly MeasuredDoor[],
  prepared: Omit<Prepared, "step">,
): Promise<BesideByDoor> {
  const { scale } = prepared;
  const groups = toGroups(
    doors.filter((door) => door.read !== undefined),
    scale.sideBySide,
  );
  const all = new Map<string, Measured<Beside>>();
  const step = () => undefined;
  const withGateway = groups.flat().find((door) => door.isGateway === true) ?? groups[0]?.[0];
  if (withGateway === undefined) return all;
  const pace = { perSecond: scale.slowPerSecond, durationMs: scale.slowMs };
  await withBench(lab, withGateway, { ...prepared, step }, async (bench) => {
    for (const [index, group] of groups.entries()) {
      const done = ALONE_PART + ((BESIDE_PART - ALONE_PART) * index) / groups.length;
      lab.progress(done, `${group.map(({ title }) => title).join(", ")}, side by side`);
      await runSideBySide(bench, group, { ...pace, durationMs: Math.min(SLOW_WARM_UP_MS, scale.slowMs) });
      for (const [name, beside] of await runSideBySide(bench, group, pace)) all.set(name, beside);
    }
  });
  return all;
}

/** Puts in what was measured side by side. */
function addElsewhere(door: OneDoor, slow: BesideByDoor, losses: Losses): OneDoor {
  const read = known(door.read);
  if (read === undefined) return door;
  const beside = slow.get(door.name);
  return {
    ...door,
    read: {
      ...read,
      ...(beside === undefined ? {} : { slow: "missing" in beside ? beside : beside.latencies }),
      loss: losses[door.name] ?? read.loss,
    },
  };
}

interface Prepared {
  readonly scale: Scale;
  readonly state: string;
  step(part: number, what: string): void;
}

/** A server and processes of its own for each door: none pays for what another left behind. */
async function withBench<T>(
  lab: Lab,
  door: MeasuredDoor,
  { scale, state, step }: Prepared,
  work: (bench: Bench) => Promise<T>,
): Promise<T> {
  const server = await startLabServer({ withGateway: door.isGateway === true, stateDirectory: state });
  const readers = new LoadProcess();
  const publisher = new LoadProcess();
  const stopLoad = () => {
    readers.stop();
    publisher.stop();
  };
  // What is under way then fails at once, and everything is put away.
  lab.signal.addEventListener("abort", stopLoad, { once: true });
  try {
    return await work({ server, scale, readers, publisher, signal: lab.signal, step });
  } finally {
    lab.signal.removeEventListener("abort", stopLoad);
    stopLoad();
    await server.stop();
  }
}

function toFailed({ name, title, read, publish }: MeasuredDoor, missing: string): OneDoor {
  return {
    name,
    title,
    read: read === undefined ? undefined : { missing },
    publish: publish === undefined ? undefined : { missing },
  };
}

/** Makes the state that every server begins with: a channel whose events a reader has missed. */
async function fillBacklog(stateDirectory: string, { backlogEvents, dataBytes }: Scale): Promise<void> {
  const environment = { RATE_LIMITS: "off", ANONYMOUS_CHANNELS: "demo/**" };
  const served = await serve({ port: 0, stateDirectory, environment });
  try {
    const data = new EventData(dataBytes);
    for (let sent = 0; sent < backlogEvents; sent += BATCH_EVENTS) {
      const batch = Array.from({ length: BATCH_EVENTS }, () => `{"type":"lab","data":${data.next()}}`);
      const response = await fetch(`${served.url}/channels/${BACKLOG}`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: `[${batch.join(",")}]`,
      });
      if (!response.ok) throw new Error(`A batch was answered ${response.status}: ${await response.text()}`);
      await response.body?.cancel();
    }
  } finally {
    await served.stop();
  }
}
