/**
 * What relays cost where all objects share one thread: CPU of the runtime for each event with readers on the channel
 * itself, and on relays of different sizes, in turns of one run. `node bench/relays.ts [readers] [events each]`.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buildIfStale } from "../scripts/build.ts";
import { serve } from "../scripts/serve.ts";
import { BroadcastReaders } from "./broadcast-readers.ts";
import { EVENT_BODY, PUBLISH_HEADERS } from "./everywire-client.ts";
import { HttpConnection, toRequestText } from "./http-connection.ts";
import { cpuMsOf } from "./process-usage.ts";

const [readers = 200, events = 300] = process.argv.slice(2).map(Number);
const ROUNDS = 3;
const BATCH = 50;
const CHANNEL = "demo/bench/relays";

interface Subject {
  readonly name: string;
  readonly readers: number;
  /** Undefined where the channel keeps them. */
  readonly relays: number | undefined;
}

const SUBJECTS: readonly Subject[] = [
  { name: "nobody reads", readers: 0, relays: undefined },
  { name: "on the channel", readers, relays: undefined },
  { name: "on 2 relays", readers, relays: 2 },
  { name: "on 10 relays", readers, relays: 10 },
  { name: "2 readers on 2 relays", readers: 2, relays: 2 },
  { name: "10 readers on 10 relays", readers: 10, relays: 10 },
];

await buildIfStale();
const runs: Awaited<ReturnType<typeof open>>[] = [];
// One after the other, or two would find the same port free.
for (const subject of SUBJECTS) runs.push(await open(subject));
const ONE = { name: "one event a request", body: EVENT_BODY, count: 1 };
const MANY = {
  name: `${BATCH} events a request`,
  body: JSON.stringify(Array.from({ length: BATCH }, () => JSON.parse(EVENT_BODY))),
  count: BATCH,
};
for (const { name, body, count } of [ONE, MANY]) {
  for (let round = 0; round <= ROUNDS; round += 1) {
    // The first one warms up.
    for (const run of runs) await run.publish(body, count, round > 0);
  }
  console.log(`\n${name}: microseconds of CPU for each event, and for each delivery`);
  for (const { subject, takeMicros } of runs) {
    const micros = takeMicros();
    const each = subject.readers === 0 ? "" : (micros / subject.readers).toFixed(2).padStart(8);
    console.log(`  ${subject.name.padEnd(26)}${micros.toFixed(0).padStart(8)}${each}`);
  }
}
await Promise.all(runs.map(({ close }) => close()));

async function open(subject: Subject) {
  const stateDirectory = await mkdtemp(join(tmpdir(), "everywire-relays-"));
  const relays =
    subject.relays === undefined
      ? {}
      : { RELAY_AFTER: "0", RELAY_SOCKETS: String(subject.readers / subject.relays) };
  const served = await serve({
    port: 0,
    stateDirectory,
    environment: { RATE_LIMITS: "off", ANONYMOUS_CHANNELS: "demo/**", ...relays },
  });
  const url = `${served.url}/channels/${CHANNEL}`;
  const all = await BroadcastReaders.open("webSocket", `${served.url}/ws/${CHANNEL}`, subject.readers);
  const connection = await HttpConnection.open(served.url);
  let micros: number[] = [];
  return {
    subject,
    /** Publishes one request after the other, each when all readers have the one before. */
    async publish(body: string, count: number, isCounted: boolean): Promise<void> {
      const request = toRequestText({ method: "POST", url, headers: PUBLISH_HEADERS, body });
      const requests = Math.ceil(events / count);
      const pid = served.runtime.pid ?? 0;
      const beforeMs = cpuMsOf(pid) ?? 0;
      for (let n = 0; n < requests; n += 1) {
        const expected = all.received + count * subject.readers;
        const arrived = Promise.withResolvers<void>();
        all.onEvents = () => {
          if (all.received >= expected) arrived.resolve();
        };
        if (subject.readers === 0) arrived.resolve();
        const status = await connection.send(request);
        if (status !== 201) throw new Error(`A publish was answered ${status}.`);
        await arrived.promise;
      }
      if (isCounted) micros.push((((cpuMsOf(pid) ?? 0) - beforeMs) * 1000) / (requests * count));
    },
    /** The median round. */
    takeMicros(): number {
      const sorted = micros.toSorted((a, b) => a - b);
      micros = [];
      return sorted[Math.floor(sorted.length / 2)] ?? 0;
    },
    async close(): Promise<void> {
      connection.close();
      all.close();
      await served.stop();
      await rm(stateDirectory, { recursive: true, force: true });
    },
  };
}
