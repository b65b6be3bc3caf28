import { setTimeout as delay } from "node:timers/promises";
import { within } from "../../deadline.ts";
import { MqttClient } from "../../mqtt-client.ts";
import type { DurabilityFigures } from "./figures.ts";
import type { MqttDoor, RunningPeer } from "./peer.ts";

/** Written and acknowledged before the kill. */
const EVENTS = 200;
const QUIET_MS = 500;
const PUBLISHING_MS = 20_000;
const RESTART_MS = 60_000;

interface Trial {
  readonly what: string;
  readonly promise: string;
  write(count: number): Promise<void>;
  count(): Promise<number>;
}

/**
 * Writes events that are all acknowledged, ends every process of the subject by SIGKILL, starts it again, and counts what
 * can be read. That is a crash of the program; what a power cut would leave is not shown by it, as the system's memory
 * outlives a process.
 *
 * @returns one for each way to write that the subject has
 */
export async function measureDurability(
  name: string,
  peer: RunningPeer,
): Promise<readonly DurabilityFigures[]> {
  const trials = toTrials(peer);
  const results: DurabilityFigures[] = [];
  if (trials.length === 0) return results;
  const told = (trial: Trial, more: Partial<DurabilityFigures>) =>
    results.push({ name, what: trial.what, promise: trial.promise, ...more });
  try {
    for (const trial of trials) await within(`${name}'s writing`, PUBLISHING_MS, trial.write(EVENTS));
    await peer.kill();
    await within(`${name}'s start`, RESTART_MS, peer.restart());
  } catch (thrown) {
    for (const trial of trials) told(trial, { failure: messageOf(thrown) });
    return results;
  }
  for (const trial of trials) {
    try {
      const left = await within(`${name}'s count`, PUBLISHING_MS, trial.count());
      told(trial, { acknowledged: EVENTS, left });
    } catch (thrown) {
      told(trial, { acknowledged: EVENTS, failure: messageOf(thrown) });
    }
  }
  return results;
}

function toTrials({ doors: { publish, mqtt } }: RunningPeer): readonly Trial[] {
  const trials: Trial[] = [];
  if (publish !== undefined) {
    trials.push({
      what: "publish",
      promise: publish.promise,
      write: (count) => publish.write(count),
      count: () => publish.countWritten(),
    });
  }
  if (mqtt !== undefined) {
    trials.push({
      what: "MQTT, retained at QoS 1",
      promise: mqtt.promise,
      write: (count) => writeRetained(mqtt, count),
      count: () => countRetained(mqtt),
    });
  }
  return trials;
}

async function writeRetained({ port }: MqttDoor, count: number): Promise<void> {
  const client = await MqttClient.connect(port);
  for (let message = 1; message <= count; message += 1) {
    const acknowledged = Promise.withResolvers<void>();
    client.onPacket = ({ cmd }) => {
      if (cmd === "puback") acknowledged.resolve();
    };
    const topic = `demo/kept/${message}`;
    client.send({
      cmd: "publish",
      topic,
      payload: "kept",
      qos: 1,
      messageId: message,
      dup: false,
      retain: true,
    });
    await acknowledged.promise;
  }
  client.close();
}

/** Retained messages come right after the subscription; when none came for a while, those were all. */
async function countRetained({ port }: MqttDoor): Promise<number> {
  const client = await MqttClient.connect(port);
  const seen = new Set<string>();
  client.onPacket = (packet) => {
    if (packet.cmd === "publish") seen.add(packet.topic);
  };
  await client.subscribe("demo/kept/+", 0);
  for (let before = -1; before !== seen.size; ) {
    before = seen.size;
    await delay(QUIET_MS);
  }
  client.close();
  return seen.size;
}

function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
