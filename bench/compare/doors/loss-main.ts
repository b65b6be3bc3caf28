/**
 * Run in a network namespace of its own (measure-loss.ts): starts a server there, runs doors side by side without loss and with it, and
 * prints what came of it as one line of JSON. Packets are dropped by the kernel, on their way out to the readers alone, which connect
 * from an address of their own: what is between the gateway and the Worker, and what a publisher is told, is not touched.
 */
import { execFileSync } from "node:child_process";
import type { Bench } from "./bench.ts";
import { doorOf } from "./doors.ts";
import type { LossFigure, Measured, Scale } from "./figures.ts";
import { toGroups } from "./groups.ts";
import { startLabServer } from "./lab-server.ts";
import { LoadProcess } from "./load-process.ts";
import type { BesideByDoor } from "./side-by-side.ts";
import { runSideBySide } from "./side-by-side.ts";

const READER_HOST = "127.0.0.2";
const PERMILLE = 1000;
const WARM_UP = { perSecond: 50, durationMs: 300 };

const [names = "", scaleText = "{}"] = process.argv.slice(2);
const scale = JSON.parse(scaleText) as Scale;

/** Programs of the network are where only root looks. */
const PATHS = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` };

execFileSync("ip", ["link", "set", "lo", "up"], { env: PATHS });
const doors = names.split(",").map(doorOf);
const server = await startLabServer({ withGateway: doors.some((door) => door.isGateway === true) });
const { gateway } = server.place;
const bench: Bench = {
  server: { ...server, place: { ...server.place, readerHost: READER_HOST } },
  scale,
  readers: new LoadProcess(),
  publisher: new LoadProcess(),
  signal: new AbortController().signal,
  step: () => undefined,
};
const pace = { perSecond: scale.lossPerSecond, durationMs: scale.lossMs };
const losses: Record<string, Measured<LossFigure>> = {};
for (const group of toGroups(doors, scale.sideBySide)) {
  await runSideBySide(bench, group, WARM_UP);
  const without = await runSideBySide(bench, group, pace);
  // Subscribing is not what is measured, so packets are dropped once it is over.
  setLoss(scale.lossPart);
  const withLoss = await runSideBySide(bench, group, pace);
  setLoss(0);
  for (const { name } of group) losses[name] = compare(name, without, withLoss);
  console.log(JSON.stringify({ done: group.map(({ name }) => name) }));
}
console.log(JSON.stringify({ losses }));
bench.readers.stop();
bench.publisher.stop();
await server.stop();
process.exit();

/** Drops that part of what goes to readers; nothing where it is zero. */
function setLoss(part: number): void {
  const drop = `numgen random mod ${PERMILLE} < ${Math.round(part * PERMILLE)} counter drop`;
  // WebTransport's client cannot choose where it connects from; that port carries nothing else.
  const rules = [`ip daddr ${READER_HOST} ${drop}`, `udp sport ${gateway?.tlsPort ?? 0} ${drop}`];
  nft("add table inet lab; flush table inet lab");
  if (part === 0) return;
  nft("add chain inet lab out { type filter hook output priority 0; }");
  for (const rule of rules) nft(`add rule inet lab out ${rule}`);
}

function nft(commands: string): void {
  execFileSync("nft", [commands], { env: PATHS });
}

function compare(name: string, without: BesideByDoor, withLoss: BesideByDoor): Measured<LossFigure> {
  const before = without.get(name);
  const after = withLoss.get(name);
  if (before === undefined || after === undefined) return { missing: "It was not run." };
  if ("missing" in before) return before;
  if ("missing" in after) return after;
  return {
    withoutP50Ms: before.latencies.p50Ms,
    withP50Ms: after.latencies.p50Ms,
    withoutP99Ms: before.latencies.p99Ms,
    withP99Ms: after.latencies.p99Ms,
    meanLaterMs: (after.meanMs - before.meanMs) / scale.lossPart,
  };
}
