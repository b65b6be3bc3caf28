import { setTimeout as delay } from "node:timers/promises";
import { parseNumber } from "../arguments.ts";
import type { RunCommand } from "../command.ts";
import { EXIT } from "../exit-code.ts";
import { findPorts } from "../find-ports.ts";
import { request } from "../http.ts";
import { Lane } from "../race/lane.ts";
import { pickDoors } from "../race/pick-doors.ts";
import { Screen } from "../race/screen.ts";
import { Publisher } from "../race/starter.ts";
import { renderTable } from "../race/table.ts";
import { toTarget } from "../target.ts";

const OPEN_TIMEOUT_MS = 10_000;
/** How long the last event is waited for, on whatever door. */
const LAST_WAIT_MS = 5000;
const REDRAW_MS = 150;
const DEFAULT_COUNT = 50;

/** One publish, every door: when does it arrive where? */
export const run: RunCommand = async ({ words, environment, output, signal }) => {
  const given = toTarget(words, environment);
  const rate = parseNumber(words, "rate", { min: 0.1, max: 50, isWhole: false }) ?? 5;
  const size = parseNumber(words, "size", { min: 1, max: 65_536 }) ?? 128;
  const wanted = parseNumber(words, "count", { min: 1, max: 1_000_000 });
  // In a terminal it goes on until it was watched enough.
  const count = wanted ?? (output.isLive ? Number.POSITIVE_INFINITY : DEFAULT_COUNT);
  await request(given, "/health", { signal });
  const target = await findPorts(given, signal);

  const over = new AbortController();
  const reading = AbortSignal.any([signal, over.signal]);
  const publisher = new Publisher(target, words.get("channel"), size, signal);
  const lanes = pickDoors(words.list("via")).map(
    (door) => new Lane(door, publisher, { isCounted: !words.has("direct"), signal: reading }),
  );
  const screen = output.isLive ? new Screen(output) : undefined;
  const reports = () => lanes.map((lane) => lane.report());
  const draw = () => {
    const title = `${publisher.published} published to ${publisher.channel}, ${publisher.dataBytes} bytes each. Ctrl-C ends.`;
    screen?.draw([...renderTable(reports(), publisher.published, output), "", output.style("dim", title)]);
  };
  const drawing = setInterval(draw, REDRAW_MS);
  try {
    await Promise.all(lanes.map((lane) => lane.open(target, OPEN_TIMEOUT_MS)));
    for (let sent = 0; sent < count && !signal.aborted; sent += 1) {
      const startedMs = performance.now();
      await publisher.send();
      const restMs = 1000 / rate - (performance.now() - startedMs);
      if (restMs > 0) await delay(restMs, undefined, { signal });
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    clearInterval(drawing);
  }
  const isWhole = (lane: Lane) => lane.state === "failed" || lane.received >= publisher.published;
  const deadlineMs = performance.now() + LAST_WAIT_MS;
  while (!signal.aborted && !lanes.every(isWhole) && performance.now() < deadlineMs) await delay(20);
  const result = reports();
  draw();
  over.abort();
  for (const lane of lanes) lane.stop();

  const { channel, published, dataBytes } = publisher;
  if (output.isJson) output.json({ channel, published, dataBytes, doors: result });
  else if (screen === undefined) for (const line of renderTable(result, published, output)) output.line(line);
  if (signal.aborted) return wanted === undefined && output.isLive ? EXIT.ok : EXIT.interrupted;
  const live = lanes.filter(({ state }) => state !== "failed");
  if (live.length === 0) return EXIT.unreachable;
  // A door that was asked for by name and did not open is a failure; one that merely is not there is a line in the table.
  const isComplete = words.list("via").length === 0 || live.length === lanes.length;
  return isComplete && live.every(isWhole) ? EXIT.ok : EXIT.failed;
};
