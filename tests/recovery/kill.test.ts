import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, expect, it } from "vitest";
import { buildIfStale } from "../../scripts/build.ts";
import type { RunningGateway } from "../../scripts/gateway.ts";
import { startGateway } from "../../scripts/gateway.ts";
import type { Served } from "../../scripts/serve.ts";
import { serve } from "../../scripts/serve.ts";
import type { CuttableProxy } from "../conformance/cuttable-proxy.ts";
import { createCuttableProxy } from "../conformance/cuttable-proxy.ts";
import type { PublishedEvent, Target } from "../conformance/door-driver.ts";
import { connect } from "../conformance/doors/websocket.ts";
import { publishers, readers } from "../conformance/doors.ts";
import { toTargetGateway } from "../conformance/serve-target.ts";

/** Kills in a row; each is at a random moment under load. More is for a longer run (AGENTS.md). */
const KILLS = Number(process.env.RECOVERY_KILLS ?? 4);
const WRITERS_PER_DOOR = 1;
const CHANNEL = "demo/recovery";

let stateDirectory: string;
beforeAll(async () => {
  await buildIfStale();
  stateDirectory = await mkdtemp(join(tmpdir(), "everywire-recovery-"));
}, 60_000);
afterAll(async () => {
  await gateway?.stop();
  await proxy?.stop();
  await rm(stateDirectory, { recursive: true, force: true });
});

/** Both stay while the Worker behind them is killed, and comes back on another port. */
let gateway: RunningGateway | undefined;
let proxy: CuttableProxy | undefined;
async function start(): Promise<Served & Target> {
  const served = await serve({
    port: 0,
    stateDirectory,
    environment: {
      RATE_LIMITS: "off",
      ANONYMOUS_CHANNELS: "demo/**",
      // For the door that needs an owner, and calls a receiver of this test.
      DEV_AUTH: "true",
      ALLOW_PRIVATE_WEBHOOKS: "true",
    },
  });
  proxy ??= await createCuttableProxy(served.url);
  proxy.retarget(served.url);
  gateway ??= await startGateway({ url: proxy.url, stateDirectory, onLog: () => {} });
  return { ...served, gateway: toTargetGateway(gateway, stateDirectory) };
}

/** Acknowledged events, by id, and the order in which each writer was answered. */
interface Ledger {
  readonly acknowledged: Map<string, string>;
  readonly written: Map<string, string[]>;
  readonly unanswered: PublishedEvent[];
}

/** Publishes one event after the other until the server is gone; what was not answered is kept for a retry. */
async function write(
  served: Target,
  door: (typeof publishers)[number],
  writer: string,
  ledger: Ledger,
): Promise<void> {
  const written = ledger.written.get(writer) ?? [];
  ledger.written.set(writer, written);
  for (let n = written.length; ; n += 1) {
    const event = { type: "recovery", id: `${writer}-${n}`, source: "/recovery", data: { writer, n } };
    try {
      const { sequence } = await door.publish(served, CHANNEL, event);
      ledger.acknowledged.set(event.id, sequence);
      written.push(event.id);
    } catch {
      ledger.unanswered.push(event);
      written.push(event.id);
      return;
    }
  }
}

/** A socket that publishes without waiting for each ack: more is under way when the kill comes. */
async function flood(served: Served, writer: string, ledger: Ledger): Promise<void> {
  const written = ledger.written.get(writer) ?? [];
  ledger.written.set(writer, written);
  const connection = await connect({ url: served.url }, CHANNEL).catch(() => undefined);
  // Killed before it was open: on a busy machine the many writers come first.
  if (connection === undefined) return;
  const { socket, operations } = connection;
  const pending = new Map<string, PublishedEvent>();
  const timer = setInterval(() => {
    const event = {
      type: "recovery",
      id: `${writer}-${written.length}`,
      source: "/recovery",
      data: { writer, n: written.length },
    };
    written.push(event.id);
    pending.set(event.id, event);
    socket.send(JSON.stringify({ ...event, ack: event.id }), () => undefined);
  }, 5);
  try {
    for (;;) {
      const frame = await operations.next(60_000);
      ledger.acknowledged.set(String(frame.ref), String(frame.sequence));
      pending.delete(String(frame.ref));
    }
  } catch {
    clearInterval(timer);
    ledger.unanswered.push(...pending.values());
  }
}

it("loses and repeats nothing that was acknowledged when the runtime is killed under load", async () => {
  const ledger: Ledger = { acknowledged: new Map(), written: new Map(), unanswered: [] };
  for (let kill = 0; kill < KILLS; kill += 1) {
    const served = await start();
    const writers = publishers.flatMap((door) =>
      Array.from({ length: WRITERS_PER_DOOR }, (_, index) =>
        write(served, door, `${kill}-${door.name}-${index}`, ledger),
      ),
    );
    const flooding = flood(served, `${kill}-flood`, ledger);
    await delay(500 + Math.random() * 1500);
    await served.kill();
    await Promise.all([...writers, flooding]);
  }

  const served = await start();
  try {
    expect(ledger.acknowledged.size).toBeGreaterThan(100);
    // A client that was not answered publishes again: the ids say whether the first attempt had been stored.
    for (const event of ledger.unanswered) {
      const answer = await publishers[0]?.publish(served, CHANNEL, event);
      if (answer !== undefined && event.id !== undefined) ledger.acknowledged.set(event.id, answer.sequence);
    }
    for (const door of readers) {
      const reader = await door.read(served, CHANNEL, "earliest");
      const ids: string[] = [];
      const sequences: string[] = [];
      while (ids.length < ledger.acknowledged.size) {
        const { sequence = "", event } = await reader.next();
        ids.push(String(event.id));
        sequences.push(sequence);
        // Every acknowledged event has the sequence that its publisher was told.
        expect(ledger.acknowledged.get(String(event.id)), `${door.name}: ${String(event.id)}`).toBe(sequence);
      }
      await expect(reader.next(300), `${door.name} gives more than was published`).rejects.toThrow(
        /Nothing came/,
      );
      await reader.cut();
      expect(new Set(ids).size, `${door.name} repeats`).toBe(ids.length);
      expect([...sequences].sort(), `${door.name} is out of order`).toEqual(sequences);
      assertWriterOrder(ids, ledger);
    }
  } finally {
    await served.stop();
  }
}, 180_000);

/** What one writer was answered one after the other stands in the log one after the other. */
function assertWriterOrder(ids: readonly string[], ledger: Ledger): void {
  const retried = new Set(ledger.unanswered.map(({ id }) => id));
  const place = new Map(ids.map((id, index) => [id, index]));
  for (const [writer, written] of ledger.written) {
    const places = written.filter((id) => !retried.has(id)).map((id) => place.get(id) ?? Number.NaN);
    expect(
      [...places].sort((a, b) => a - b),
      writer,
    ).toEqual(places);
  }
}
