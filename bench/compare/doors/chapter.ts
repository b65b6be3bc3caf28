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
import type { DoorFigures, OneDoor, Scale } from "./figures.ts";
import { startLabServer } from "./lab-server.ts";
import { LoadProcess } from "./load-process.ts";
import { EventData } from "./mark.ts";
import { BACKLOG, measureDoor, measurePublishOnly } from "./measure-door.ts";
import { FULL, QUICK } from "./scale.ts";

/** Events of one batch, and channels are filled by batches. */
const BATCH_EVENTS = 100;
/** Of the chapter's time, that of the doors one by one. */
const ALONE_PART = 0.7;

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
    return { scale, doors: measured, publishOnlyCpuUs };
  } finally {
    await rm(state, { recursive: true, force: true });
  }
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
  try {
    return await work({ server, scale, readers, publisher, signal: lab.signal, step });
  } finally {
    readers.stop();
    publisher.stop();
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
