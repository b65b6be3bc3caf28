import { parseArgs } from "node:util";
import { medianOf } from "../interleave.ts";
import { measurePeers } from "./measure.ts";

/** `node bench/compare/peers/run-alone.ts [--quick] [--works a,b] [--subjects A,B]`: the chapter by itself, as plain lines. */
const { values } = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    works: { type: "string" },
    subjects: { type: "string" },
  },
});
const stopped = new AbortController();
process.once("SIGINT", () => stopped.abort());
const startedMs = performance.now();
let label = "";
const figures = await measurePeers(
  {
    isQuick: values.quick,
    signal: stopped.signal,
    progress: (_, now) => {
      const [what = ""] = now.split(":");
      if (what !== label) console.log(`${Math.round((performance.now() - startedMs) / 1000)} s ${what}`);
      label = what;
    },
  },
  {
    ...(values.works === undefined ? {} : { works: values.works.split(",") }),
    ...(values.subjects === undefined ? {} : { subjects: values.subjects.split(",") }),
  },
);
for (const { name, missing } of figures.subjects) if (missing) console.log(`MISSING ${name}: ${missing}`);
for (const { title, standings } of figures.works) {
  console.log(`\n${title}`);
  for (const { name, rounds, failure } of standings) {
    const [perSecond, cpuUs, p50Ms, p99Ms] = (["perSecond", "cpuUs", "p50Ms", "p99Ms"] as const).map(
      (field) => medianOf(rounds, field),
    );
    console.log(
      `  ${name.padEnd(32)} ${perSecond?.toFixed(0)}/s ${cpuUs?.toFixed(1)} us p50 ${p50Ms?.toFixed(2)} p99 ${p99Ms?.toFixed(2)} ${failure ?? ""}`,
    );
  }
}
for (const line of figures.durability) console.log(JSON.stringify(line));
for (const line of figures.idle) console.log(JSON.stringify(line));
console.log(`${Math.round((performance.now() - startedMs) / 1000)} s`);
process.exit();
