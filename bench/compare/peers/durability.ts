import { setTimeout as delay } from "node:timers/promises";
import { within } from "../../deadline.ts";
import { MqttClient } from "../../mqtt-client.ts";
import { MqttPublishing } from "../../mqtt-publishing.ts";
import type { Sample } from "../../rounds.ts";
import { countSyncs } from "../syncs.ts";
import type { DurabilityFigures } from "./figures.ts";
import { MQTT_TRIAL, PUBLISH_TRIAL } from "./figures.ts";
import type { MqttDoor, RunningPeer } from "./peer.ts";

/** Written and acknowledged before the kill. */
const EVENTS = 200;
const QUIET_MS = 500;
const IN_FLIGHT = 10;
const WATCHED_MS = 250;
const MANY_WRITERS = 32;
const PUBLISHING_MS = 20_000;
const RESTART_MS = 60_000;

interface Trial {
  readonly what: string;
  readonly promise: string;
  load(writers: number, durationMs: number): Promise<Sample>;
  write(count: number): Promise<void>;
  count(): Promise<number>;
}

/**
 * Writes events that are all acknowledged, ends every process of the subject by SIGKILL, starts it again, and counts what
 * can be read. That is a crash of the program; the system's memory outlives a process, so that what a power cut would leave
 * is not shown by it. For that, it counts how often data was asked to be on the disk, for each event.
 *
 * @param directory the subject's own
 * @returns one for each way to write that the subject has
 */
export async function measureDurability(
  name: string,
  peer: RunningPeer,
  directory: string,
): Promise<readonly DurabilityFigures[]> {
  const trials = toTrials(peer);
  const results: DurabilityFigures[] = [];
  if (trials.length === 0) return results;
  const syncs = new Map<Trial, Pick<DurabilityFigures, "syncs" | "noSyncs">>();
  for (const trial of trials) syncs.set(trial, await watchSyncs(name, trial, peer, directory));
  const told = (trial: Trial, more: Partial<DurabilityFigures>) =>
    results.push({ name, what: trial.what, promise: trial.promise, ...syncs.get(trial), ...more });
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

async function watchSyncs(
  name: string,
  trial: Trial,
  peer: RunningPeer,
  directory: string,
): Promise<Pick<DurabilityFigures, "syncs" | "noSyncs">> {
  const count = (writers: number) =>
    within(
      `${name}'s watched writing`,
      PUBLISHING_MS,
      countSyncs(peer.processIds(), directory, () => trial.load(writers, WATCHED_MS)),
    );
  try {
    return { syncs: { atOneWriter: await count(1), atManyWriters: await count(MANY_WRITERS) } };
  } catch (thrown) {
    return { noSyncs: messageOf(thrown) };
  }
}

function toTrials({ doors: { publish, mqtt } }: RunningPeer): readonly Trial[] {
  const trials: Trial[] = [];
  if (publish !== undefined) {
    trials.push({
      what: PUBLISH_TRIAL,
      promise: publish.promise,
      load: (writers, durationMs) => publish.run(writers, durationMs),
      write: (count) => publish.write(count),
      count: () => publish.countWritten(),
    });
  }
  if (mqtt !== undefined) {
    trials.push({
      what: MQTT_TRIAL,
      promise: mqtt.promise,
      async load(writers, durationMs) {
        const publishing = await MqttPublishing.open(mqtt.port, "demo/syncs", 1, writers);
        const sample = await publishing.run(durationMs);
        publishing.close();
        return sample;
      },
      write: (count) => writeToSession(mqtt, count),
      count: () => readSession(mqtt),
    });
  }
  return trials;
}

const TOPIC = "demo/kept";
const READER = { clientId: "kept-reader", clean: false };

/** Publishes at QoS 1 to a subscriber who is away, whose session is to be kept. */
async function writeToSession({ port }: MqttDoor, count: number): Promise<void> {
  const reader = await MqttClient.connect(port, READER);
  await reader.subscribe(TOPIC, 1);
  reader.send({ cmd: "disconnect" });
  await reader.closed;
  const acknowledged = Promise.withResolvers<void>();
  let sent = 0;
  let answered = 0;
  const send = (writer: MqttClient) => {
    if (sent === count) return;
    sent += 1;
    writer.publish(TOPIC, `kept ${sent}`, 1, sent);
  };
  const writer = await MqttClient.connect(port, {}, ({ cmd }, client) => {
    if (cmd !== "puback") return;
    answered += 1;
    if (answered === count) acknowledged.resolve();
    else send(client);
  });
  for (let first = 0; first < IN_FLIGHT; first += 1) send(writer);
  await acknowledged.promise;
  writer.close();
}

/** Comes back as that subscriber. When nothing came for a while, that was all. */
async function readSession({ port }: MqttDoor): Promise<number> {
  const seen = new Set<string>();
  const reader = await MqttClient.connect(port, READER, (packet, client) => {
    if (packet.cmd !== "publish") return;
    seen.add(String(packet.payload));
    client.send({ cmd: "puback", messageId: packet.messageId ?? 0 });
  });
  for (let before = -1; before !== seen.size; ) {
    before = seen.size;
    await delay(QUIET_MS);
  }
  reader.close();
  return seen.size;
}

function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
