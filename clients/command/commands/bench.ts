import { readFile, writeFile } from "node:fs/promises";
import { cpus, release, totalmem, type } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { Figures, ViaFigures } from "../../../guide/figures.ts";
import { EverywireError } from "../../typescript/error.ts";
import { parseNumber } from "../arguments.ts";
import type { RunCommand } from "../command.ts";
import { POLL_INTERVAL_MS } from "../doors/http.ts";
import type { DoorEntry } from "../doors.ts";
import { EXIT } from "../exit-code.ts";
import { findPorts } from "../find-ports.ts";
import { request } from "../http.ts";
import { pad } from "../output.ts";
import { Progress } from "../progress.ts";
import type { LaneReport } from "../race/lane.ts";
import { Lane, round } from "../race/lane.ts";
import { pickDoors } from "../race/pick-doors.ts";
import { Publisher } from "../race/starter.ts";
import { percentile } from "../race/statistics.ts";
import { ROOT } from "../root.ts";
import type { Target } from "../target.ts";
import { toTarget } from "../target.ts";

const OPEN_TIMEOUT_MS = 10_000;
const ARRIVAL_TIMEOUT_MS = 10_000;
/** Before anything counts: code is compiled, connections are warm. */
const WARM_UP = 5;
/** Events for the count of bytes, which hardly varies. */
const COUNTED = 20;
/** One in so many rounds is kept, the quickest: what else runs on a machine disturbs, and never helps. */
const KEPT_SHARE = 4;
/** A door that polls takes long for each event. */
const POLLED_SHARE = 10;
const METHOD =
  "Each door alone, one event at a time: published over HTTP when the one before had arrived and a short random pause was over. Times are from before the publish was sent to the event's arrival in the reader, so they contain the write to disk. Bytes are both directions above TCP (or in datagrams) while events came, counted by a relay in a second run.";

/** Measures every door, and writes the figures that the guide shows. */
export const run: RunCommand = async ({ words, environment, output, signal }) => {
  const given = toTarget(words, environment);
  const count = parseNumber(words, "count", { min: 1, max: 100_000 }) ?? 200;
  const size = parseNumber(words, "size", { min: 1, max: 65_536 }) ?? 128;
  const rounds = parseNumber(words, "rounds", { min: 1, max: 100 }) ?? 1;
  await request(given, "/health", { signal });
  const target = await findPorts(given, signal);
  const doors = pickDoors(words.list("via"));
  const progress = new Progress(output);
  const measured = new Map<string, Round[]>();
  const bytes = new Map<string, number | null>();
  const failed: { readonly door: string; readonly error: string }[] = [];
  let dataBytes = 0;
  const total = doors.length * rounds * count;
  let done = 0;
  for (let turn = 0; turn < rounds; turn += 1) {
    for (const door of doors) {
      if (failed.some((known) => known.door === door.name)) continue;
      const events = door.name === "http" ? Math.ceil(count / POLLED_SHARE) : count;
      const onDone = (n: number) =>
        progress.update(done + Math.round((n / events) * count), total, door.name);
      try {
        const timed = await measure(target, door, { events, size, isCounted: false, signal, onDone });
        dataBytes = timed.dataBytes;
        measured.set(door.name, [...(measured.get(door.name) ?? []), timed]);
        if (!bytes.has(door.name)) bytes.set(door.name, await countBytes(target, door, { size, signal }));
      } catch (thrown) {
        if (signal.aborted) return EXIT.interrupted;
        failed.push({ door: door.name, error: EverywireError.from(thrown).message });
      }
      done += count;
    }
  }
  const found = Array.from(
    measured,
    ([door, all]) => [door, toFigures(all, bytes.get(door) ?? null, door === "http")] as const,
  );
  const vias: Record<string, ViaFigures> = Object.fromEntries(found);
  progress.end();
  const figures: Figures = {
    measuredAt: new Date().toISOString(),
    machine: describeMachine(),
    versions: await findVersions(target, signal),
    method: describeMethod(rounds, words.get("note")),
    dataBytes,
    vias,
  };
  const file = words.get("write");
  if (file !== undefined) await writeFile(file, `${JSON.stringify(figures, undefined, 2)}\n`);
  if (output.isJson) output.json({ ...figures, failed });
  else {
    const columns = (cells: readonly string[]) =>
      cells.map((cell, at) => pad(cell, at === 0 ? 16 : 11, at === 0 ? "left" : "right")).join(" ");
    output.line(
      output.style("dim", columns(["door", "p50 ms", "p99 ms", "connect ms", "bytes/event", "events"])),
    );
    const sorted = Object.entries(vias).toSorted(([, a], [, b]) => a.p50Ms - b.p50Ms);
    for (const [name, via] of sorted) {
      const numbers = [via.p50Ms.toFixed(2), via.p99Ms.toFixed(2), via.connectMs.toFixed(1)];
      output.line(columns([name, ...numbers, String(via.bytesPerEvent), String(via.events)]));
    }
    for (const { door, error } of failed) output.note(`${door}: ${error}`);
    if (file !== undefined) output.note(`Written to ${file}.`);
  }
  if (Object.keys(vias).length === 0) return EXIT.unreachable;
  return failed.length > 0 && words.list("via").length > 0 ? EXIT.failed : EXIT.ok;
};

/** Bytes hardly vary, so a few events tell them. A poll that brings nothing costs as well, and so needs its time. */
async function countBytes(
  target: Target,
  door: DoorEntry,
  { size, signal }: { readonly size: number; readonly signal: AbortSignal },
): Promise<number | null> {
  const options = { events: COUNTED, size, isCounted: true, signal, onDone: () => {} };
  return (await measure(target, door, options)).report.bytesPerEvent;
}

/** One measurement of one door. */
interface Round {
  readonly latenciesMs: readonly number[];
  readonly report: LaneReport;
  readonly dataBytes: number;
}

/** What the quickest quarter of the rounds say together. */
function toFigures(rounds: readonly Round[], bytesPerEvent: number | null, isPolled: boolean): ViaFigures {
  const p50 = ({ report }: Round) => report.p50Ms ?? Number.POSITIVE_INFINITY;
  // What a poll takes is a matter of luck, and its quickest rounds are the lucky ones: of that all are kept.
  const share = isPolled ? 1 : KEPT_SHARE;
  const kept = rounds.toSorted((a, b) => p50(a) - p50(b)).slice(0, Math.ceil(rounds.length / share));
  const latenciesMs = kept.flatMap((round) => round.latenciesMs);
  const connectMs = kept.flatMap(({ report }) => report.connectMs ?? []);
  return {
    p50Ms: round(percentile(latenciesMs, 50)) ?? 0,
    p99Ms: round(percentile(latenciesMs, 99)) ?? 0,
    connectMs: round(percentile(connectMs, 50)) ?? 0,
    bytesPerEvent: bytesPerEvent ?? 0,
    events: latenciesMs.length,
  };
}

interface MeasureOptions {
  readonly events: number;
  readonly size: number;
  readonly isCounted: boolean;
  readonly signal: AbortSignal;
  onDone(events: number): void;
}

/** One door alone, in a closed loop: the next event is sent when the one before has arrived. @throws EverywireError */
async function measure(target: Target, door: DoorEntry, options: MeasureOptions): Promise<Round> {
  const { events, size, isCounted, signal, onDone } = options;
  const over = new AbortController();
  const publisher = new Publisher(target, undefined, size, signal);
  let arrived = Promise.withResolvers<void>();
  const lane = new Lane(door, publisher, {
    isCounted,
    signal: AbortSignal.any([signal, over.signal]),
    onArrival: () => arrived.resolve(),
  });
  // A poller that is always asked at the same moment would always take the same time.
  const pauseMs = door.name === "http" ? POLL_INTERVAL_MS : 4;
  const sendOne = async () => {
    arrived = Promise.withResolvers<void>();
    await delay(Math.random() * pauseMs, undefined, { signal });
    await publisher.send();
    const late = new AbortController();
    const tooLate = delay(ARRIVAL_TIMEOUT_MS, undefined, { signal: late.signal }).then(
      () => {
        throw new EverywireError(
          "deadline_exceeded",
          `An event had not arrived after ${ARRIVAL_TIMEOUT_MS / 1000} s.`,
        );
      },
      () => undefined,
    );
    await Promise.race([arrived.promise, tooLate]);
    late.abort();
  };
  try {
    await lane.open(target, OPEN_TIMEOUT_MS);
    if (lane.error !== undefined) throw lane.error;
    const warmUp = Math.min(WARM_UP, events);
    for (let n = 0; n < warmUp; n += 1) await sendOne();
    lane.reset();
    for (let n = 0; n < events; n += 1) {
      await sendOne();
      onDone(n + 1);
    }
    return { latenciesMs: lane.latenciesMs, report: lane.report(), dataBytes: publisher.dataBytes };
  } finally {
    over.abort();
    lane.stop();
  }
}

function describeMethod(rounds: number, note: string | undefined): string {
  const best = `Of ${rounds} rounds that took turns, each door's quickest quarter (of http, which polls, all): what else runs on a machine disturbs, and never helps.`;
  return [METHOD, ...(rounds === 1 ? [] : [best]), ...(note === undefined ? [] : [note])].join(" ");
}

/** What it ran on, without what would tell whose machine it is. */
function describeMachine(): string {
  const cores = cpus();
  const model = cores[0]?.model.trim() ?? "unknown processor";
  const gibibytes = Math.round(totalmem() / 2 ** 30);
  return `${model}, ${cores.length} cores, ${gibibytes} GiB, ${type()} ${release()}; server and reader on the same machine`;
}

async function findVersions(target: Target, signal: AbortSignal): Promise<Record<string, string>> {
  const response = await request(target, "/capabilities", { signal });
  const { version } = (await response.json()) as { readonly version: string };
  const versions: Record<string, string> = { everywire: version, node: process.versions.node };
  for (const name of ["workerd", "miniflare"]) {
    try {
      const text = await readFile(join(ROOT, "node_modules", name, "package.json"), "utf8");
      versions[name] = (JSON.parse(text) as { readonly version: string }).version;
    } catch {
      // The server is elsewhere, and nothing is installed here.
    }
  }
  return versions;
}
