import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, expect, it } from "vitest";
import { buildIfStale } from "../../scripts/build.ts";
import type { Served } from "../../scripts/serve.ts";
import { serve } from "../../scripts/serve.ts";
import { RawMqttClient } from "../conformance/mqtt-raw-client.ts";

const KILLS = 2;
/** Unacknowledged at once. */
const WINDOW = 50;
const MESSAGES = Number(process.env.MQTT_RECOVERY_MESSAGES ?? 2000);

let stateDirectory: string;
beforeAll(async () => {
  await buildIfStale();
  stateDirectory = await mkdtemp(join(tmpdir(), "everywire-mqtt-recovery-"));
}, 60_000);
afterAll(() => rm(stateDirectory, { recursive: true, force: true }));

const start = () =>
  serve({ port: 0, stateDirectory, environment: { RATE_LIMITS: "off", ANONYMOUS_CHANNELS: "demo/**" } });
const lasting = (clientId: string) => ({
  clientId,
  clean: false,
  properties: { sessionExpiryInterval: 600 },
});

/** A publisher as MQTT wants it: what was not acknowledged is sent again, in order, with the same identifier. */
class Publisher {
  readonly #qos: 1 | 2;
  readonly #topic: string;
  readonly #clientId: string;
  /** Message number -> packet identifier, and whether it was received (QoS 2). */
  readonly #unacknowledged = new Map<number, { readonly packetId: number; isReceived: boolean }>();
  #next = 0;
  readonly #freeIds = Array.from({ length: WINDOW }, (_, index) => index + 1);
  isDone = false;

  constructor(qos: 1 | 2, topic: string) {
    this.#qos = qos;
    this.#topic = topic;
    this.#clientId = `publisher-${qos}`;
  }

  /** Publishes until all is acknowledged, or the server is gone. */
  async run(port: number): Promise<void> {
    const client = await RawMqttClient.connect(port, lasting(this.#clientId));
    for (const [n, { packetId, isReceived }] of this.#unacknowledged) {
      if (isReceived) client.send({ cmd: "pubrel", messageId: packetId });
      else this.#send(client, n, packetId, true);
    }
    try {
      while (this.#unacknowledged.size > 0 || this.#next < MESSAGES) {
        while (this.#unacknowledged.size < WINDOW && this.#next < MESSAGES) {
          const packetId = this.#freeIds.shift() ?? 0;
          this.#unacknowledged.set(this.#next, { packetId, isReceived: false });
          this.#send(client, this.#next, packetId, false);
          this.#next += 1;
        }
        this.#onAnswer(client, await client.packets.next(30_000));
      }
      this.isDone = true;
      await client.disconnect();
    } catch {
      // Killed: the next connection goes on from here.
    }
  }

  #send(client: RawMqttClient, n: number, messageId: number, dup: boolean): void {
    client.send({
      cmd: "publish",
      topic: this.#topic,
      payload: String(n),
      qos: this.#qos,
      messageId,
      dup,
      retain: false,
    });
  }

  #onAnswer(client: RawMqttClient, packet: { readonly cmd: string; readonly messageId?: number }): void {
    const entry = [...this.#unacknowledged].find(([, { packetId }]) => packetId === packet.messageId);
    if (entry === undefined) return;
    const [n, state] = entry;
    if (packet.cmd === "pubrec") {
      state.isReceived = true;
      client.send({ cmd: "pubrel", messageId: state.packetId });
    } else if (packet.cmd === "puback" || packet.cmd === "pubcomp") {
      this.#unacknowledged.delete(n);
      this.#freeIds.push(state.packetId);
    }
  }
}

/** A subscriber that takes what comes until the server is gone. */
async function collect(served: Served, received: Map<string, number>, done: () => boolean): Promise<void> {
  const client = await RawMqttClient.connect(served.tcpPorts.MQTT_PORT, lasting("subscriber"));
  await client.subscribe("demo/recovery/+", { qos: 2 });
  try {
    while (!done()) {
      const { topic, payload } = await client.messages.next(30_000);
      const text = `${topic.at(-1)} ${payload}`;
      received.set(text, (received.get(text) ?? 0) + 1);
    }
    await client.disconnect();
  } catch {
    // Killed.
  }
}

it("loses nothing at QoS 1 and repeats nothing at QoS 2 when the runtime is killed twice", async () => {
  const publishers = [new Publisher(1, "demo/recovery/1"), new Publisher(2, "demo/recovery/2")];
  const received = new Map<string, number>();
  const isAllThere = () => received.size >= 2 * MESSAGES;
  for (let kill = 0; kill <= KILLS; kill += 1) {
    const served = await start();
    const port = served.tcpPorts.MQTT_PORT;
    const collecting = collect(served, received, isAllThere);
    const publishing = publishers.map((publisher) => publisher.run(port));
    if (kill < KILLS) {
      await delay(700);
      await served.kill();
      await Promise.all([...publishing, collecting]);
      continue;
    }
    await Promise.all([...publishing, collecting]);
    expect(publishers.every(({ isDone }) => isDone)).toBe(true);
    const wanted = Array.from({ length: MESSAGES }, (_, n) => n);
    const stored = await Promise.all([1, 2].map((qos) => readAll(served, `demo/recovery/${qos}`)));
    await served.stop();
    // QoS 1: each at least once, and for the first time in order. QoS 2: exactly so.
    expect([...new Set(stored[0])]).toEqual(wanted);
    expect(stored[1]).toEqual(wanted);
    expect(isAllThere()).toBe(true);
  }
}, 180_000);

async function readAll(served: Served, channel: string): Promise<number[]> {
  const numbers: number[] = [];
  let after = "earliest";
  for (;;) {
    const response = await fetch(`${served.url}/channels/${channel}?after=${after}&limit=1000`);
    const page = (await response.json()) as { events: { data: string }[]; next: string; upToDate: boolean };
    numbers.push(...page.events.map(({ data }) => Number(data)));
    if (page.upToDate) return numbers;
    after = page.next;
  }
}

it("publishes the will of a client whose connection died with the runtime", async () => {
  const first = await start();
  const will = { topic: "demo/wills", payload: Buffer.from("gone"), qos: 1 as const, retain: true };
  await RawMqttClient.connect(first.tcpPorts.MQTT_PORT, { ...lasting("mortal"), will });
  await first.kill();
  const second = await start();
  const back = await RawMqttClient.connect(second.tcpPorts.MQTT_PORT, lasting("mortal"));
  expect(back.connack.sessionPresent).toBe(true);
  await back.subscribe("demo/wills");
  expect(await back.text()).toBe("gone");
  await second.stop();
});
