import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, expect, it } from "vitest";
import { buildIfStale } from "../../scripts/build.ts";
import { serve } from "../../scripts/serve.ts";

const MESSAGES = 150;
const CONSUMERS = 4;
const KILLS = 2;
const CHANNEL = "demo/recovery";

interface Message {
  readonly leaseId: string;
  readonly sequence: string;
}

let stateDirectory: string;
beforeAll(async () => {
  await buildIfStale();
  stateDirectory = await mkdtemp(join(tmpdir(), "everywire-work-"));
}, 60_000);
afterAll(() => rm(stateDirectory, { recursive: true, force: true }));

const start = () =>
  serve({ port: 0, stateDirectory, environment: { RATE_LIMITS: "off", ANONYMOUS_CHANNELS: "demo/**" } });

it("hands out every message until it is settled, and none that is, when the runtime is killed again and again", async () => {
  let served = await start();
  const post = async <T>(path: string, body: unknown): Promise<T> => {
    const response = await fetch(served.url + path, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
    });
    if (!response.ok) throw new Error(`${response.status}`);
    return (await response.json()) as T;
  };
  const events = Array.from({ length: 50 }, (_, n) => ({ type: "task", data: n }));
  for (let sent = 0; sent < MESSAGES; sent += events.length) await post(`/channels/${CHANNEL}`, events);

  const settled = new Set<string>();
  const consume = async () => {
    for (;;) {
      const request = { max: 2, visibilityTimeout: 1, wait: 2 };
      const { messages } = await post<{ messages: Message[] }>(`/queue/${CHANNEL}/lease`, request);
      if (messages.length === 0) return;
      for (const { sequence } of messages)
        expect(settled.has(sequence), "a settled message came again").toBe(false);
      await delay(5 + Math.random() * 10);
      const leaseIds = messages.map(({ leaseId }) => leaseId);
      const { acked } = await post<{ acked: string[] }>(`/queue/${CHANNEL}/ack`, { leaseIds });
      for (const { leaseId, sequence } of messages) if (acked.includes(leaseId)) settled.add(sequence);
    }
  };
  for (let kill = 0; kill < KILLS; kill += 1) {
    const consumers = Array.from({ length: CONSUMERS }, () => consume().catch((thrown: unknown) => thrown));
    await delay(60 + Math.random() * 150);
    await served.kill();
    const ends = await Promise.all(consumers);
    for (const end of ends) expect(String(end)).not.toContain("settled");
    served = await start();
  }
  try {
    const before = settled.size;
    expect(before).toBeGreaterThan(0);
    expect(before).toBeLessThan(MESSAGES);
    await Promise.all(Array.from({ length: CONSUMERS }, consume));
    // An ack that was stored and not answered settles a message that no consumer knows of.
    expect(settled.size).toBeGreaterThanOrEqual(MESSAGES - KILLS * CONSUMERS * 2);
    const status = (await (await fetch(`${served.url}/queue/${CHANNEL}`)).json()) as Record<string, unknown>;
    expect(status).toMatchObject({ leased: 0, waiting: 0, deadLetters: 0 });
    expect(status.settledThrough).toBe(status.position);
  } finally {
    await served.stop();
  }
}, 60_000);
