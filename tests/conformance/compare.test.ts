import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterEach, beforeEach, expect, it } from "vitest";
import type { DoorFigures, OneDoor } from "../../bench/compare/doors/figures.ts";
import { known } from "../../bench/compare/doors/figures.ts";
import type { Kept } from "../../bench/compare/kept.ts";
import { ROOT } from "../../scripts/paths.ts";

const DOORS = ["sse", "mqtt-ws"];
const TIMEOUT_MS = 90_000;

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "everywire-comparison-"));
});

afterEach(() => rmSync(directory, { recursive: true }));

function startComparison() {
  return spawn(
    process.execPath,
    [join(ROOT, "bench", "compare", "run.ts"), "--quick", "--only", "doors", "--out", directory],
    {
      cwd: ROOT,
      env: { ...process.env, COMPARE_DOORS: DOORS.join(",") },
      stdio: ["ignore", "ignore", "pipe"],
      // A group of its own: what is left of it can then be seen.
      detached: true,
    },
  );
}

/** Whether any process of a group is left. */
function isGroupLeft(groupId: number): boolean {
  try {
    process.kill(-groupId, 0);
    return true;
  } catch {
    return false;
  }
}

it("compares doors on the real server and writes its report", { timeout: TIMEOUT_MS }, async () => {
  const run = startComparison();
  let said = "";
  run.stderr.on("data", (chunk: Buffer) => {
    said += String(chunk);
  });
  const [code] = await once(run, "exit");
  expect(code, said).toBe(0);

  const kept = JSON.parse(readFileSync(join(directory, "figures.json"), "utf8")) as Kept;
  const chapter = kept.chapters.doors as { readonly figures: DoorFigures };
  const { doors, scale } = chapter.figures;
  expect(doors.map(({ name }) => name)).toEqual(DOORS);
  for (const door of doors) assertMeasured(door, scale);

  const report = readFileSync(join(directory, "report.md"), "utf8");
  expect(report).toContain("A quick run, which proves that everything works");
  expect(report).toContain("## Which protocol for which work");
  for (const [, chart] of report.matchAll(/\]\(([a-z-]+\.svg)\)/g)) {
    expect(existsSync(join(directory, chart as string)), chart).toBe(true);
  }
  // The sizes are known by other means: the data, the envelope and the frames around it.
  const bytes = doors.map(({ read }) => known(known(read)?.bytes.at(-1))?.receivedBytes ?? 0);
  for (const count of bytes) {
    expect(count).toBeGreaterThan(65_536);
    expect(count).toBeLessThan(65_536 + 1000);
  }
});

function assertMeasured({ name, read, publish }: OneDoor, scale: DoorFigures["scale"]): void {
  const reading = known(read);
  if (reading === undefined) throw new Error(`${name}: ${JSON.stringify(read)}`);
  const { loss, ...measured } = reading;
  for (const [what, figure] of Object.entries(measured)) {
    for (const one of [figure].flat()) expect(one, `${name}, ${what}`).not.toHaveProperty("missing");
  }
  // Whether packets can be dropped is the machine's to say; then it says why not.
  if ("missing" in loss) expect(loss.missing).toMatch(/network namespace/);
  else expect(loss.withP50Ms).toBeGreaterThan(0);
  expect(known(reading.opening)?.connect?.count).toBe(scale.openings);
  expect(known(reading.steady)?.latencies.count).toBe((scale.steadyPerSecond * scale.steadyMs) / 1000);
  expect(known(reading.fanOuts.at(-1))?.subscribers).toBe(scale.fanOuts.at(-1));
  const publishing = known(publish);
  if (name === "sse") expect(publish).toBeUndefined();
  else expect(known(publishing?.alone)?.perSecond).toBeGreaterThan(0);
}

it("leaves nothing running and no report where it is interrupted", { timeout: TIMEOUT_MS }, async () => {
  const run = startComparison();
  const groupId = run.pid as number;
  const exited = once(run, "exit");
  // Servers and load are under way by then.
  const isUnderWay = Promise.withResolvers<void>();
  run.stderr.on("data", (chunk: Buffer) => String(chunk).includes("steady rate") && isUnderWay.resolve());
  await Promise.race([isUnderWay.promise, exited]);
  run.kill("SIGINT");
  const [code] = await exited;
  expect(code).toBe(130);
  expect(readdirSync(directory)).toEqual([]);
  const deadlineMs = Date.now() + 10_000;
  while (isGroupLeft(groupId) && Date.now() < deadlineMs) await delay(50);
  const left = isGroupLeft(groupId)
    ? spawnSync("ps", ["-o", "args", "-g", String(groupId)]).stdout.toString()
    : "";
  expect(left).toBe("");
});
