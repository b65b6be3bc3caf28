import { env, evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { expect, it, vi } from "vitest";
import type { ChannelName } from "../../core/channel-name.ts";
import { EARLIEST } from "../../core/cursor.ts";
import { DEFAULT_LIMITS } from "../../core/limits.ts";
import type { MqttOpening } from "../../core/mqtt-session.ts";
import { createChannels } from "../../services/channels.ts";
import { createMqttSessions } from "../../services/mqtt-sessions.ts";
import { splitPackets } from "../../wire/mqtt-frame.ts";
import type { PublishPacket } from "../../wire/mqtt-publish.ts";
import { decodePublish, encodePublish } from "../../wire/mqtt-publish.ts";

const channels = createChannels(env, DEFAULT_LIMITS);
const sessions = createMqttSessions(env.MQTT_SESSION);
const UTF8 = new TextEncoder();

const base: MqttOpening = {
  identity: { kind: "anonymous", address: "" },
  version: 4,
  clientId: "c",
  isIdAssigned: false,
  isCleanStart: false,
  expirySeconds: 600,
  receiveMaximum: 65_535,
  maximumPacketBytes: undefined,
  topicAliasMaximum: 0,
  wantsReasons: false,
  serverKeepAliveSeconds: undefined,
  will: undefined,
};

let names = 0;
const newName = () => {
  names += 1;
  return `session-${names}`;
};

/** Opens a session as the function does, and gathers the packets that come. */
async function open(name: string, more: Partial<MqttOpening> = {}) {
  const socket = await sessions.open(name, { ...base, ...more });
  const packets: Uint8Array[] = [];
  socket.addEventListener("message", ({ data }) => {
    if (data instanceof ArrayBuffer) packets.push(...splitPackets(new Uint8Array(data)));
  });
  const next = (type: number) =>
    vi.waitFor(() => {
      const index = packets.findIndex(([header = 0]) => header >> 4 === type);
      if (index === -1) throw new Error(`No packet of type ${type} yet.`);
      return packets.splice(index, 1)[0] as Uint8Array;
    });
  await next(2);
  const subscribe = async (filter: string, qos: number) => {
    const text = UTF8.encode(filter);
    socket.send(Uint8Array.of(0x82, text.length + 5, 0, 1, 0, text.length, ...text, qos));
    await next(9);
  };
  const message = async () => decodePublish(await next(3), 4);
  return { socket, packets, next, subscribe, message };
}

const publish = (topic: string, text: string, more: Partial<PublishPacket> = {}) =>
  encodePublish(
    {
      topic,
      qos: 2,
      isRetained: false,
      isDuplicate: false,
      packetId: 7,
      properties: {},
      payload: UTF8.encode(text),
      ...more,
    },
    4,
  );
const append = (name: string, data: string) =>
  channels.append(name as ChannelName, {
    events: [
      { type: "mqtt.message", json: JSON.stringify({ type: "mqtt.message", data }), dedupeKey: undefined },
    ],
    rateKey: undefined,
  });
const textOf = ({ payload }: PublishPacket) => new TextDecoder().decode(payload);

it("goes on after it has slept: with its connection, its subscriptions and what is on its way", async () => {
  const name = newName();
  const topic = `${name}/a`;
  const client = await open(name);
  await client.subscribe(topic, 1);
  await append(topic, "one");
  const first = await client.message();
  expect(textOf(first)).toBe("one");
  await evictDurableObject(env.MQTT_SESSION.getByName(name));
  await append(topic, "two");
  const second = await client.message();
  expect(textOf(second)).toBe("two");
  // The identifier of the first is still its own.
  expect(second.packetId).not.toBe(first.packetId);
  client.socket.close(1000);
  const back = await open(name);
  const again = [await back.message(), await back.message()];
  expect(again.map((packet) => [textOf(packet), packet.isDuplicate, packet.packetId])).toEqual([
    ["one", true, first.packetId],
    ["two", true, second.packetId],
  ]);
  back.socket.close(1000);
});

it("goes on after it has slept where the session ends with its connection, and has written nothing", async () => {
  const name = newName();
  const topic = `${name}/a`;
  const stub = env.MQTT_SESSION.getByName(name);
  const client = await open(name, { expirySeconds: 0, isCleanStart: true });
  await append(topic, "before");
  await client.subscribe(topic, 1);
  const acknowledge = ({ packetId = 0 }: PublishPacket) =>
    client.socket.send(Uint8Array.of(0x40, 2, packetId >> 8, packetId & 0xff));
  for (const text of ["one", "two"]) {
    await append(topic, text);
    const message = await client.message();
    expect(textOf(message)).toBe(text);
    acknowledge(message);
  }
  await evictDurableObject(stub);
  await append(topic, "three");
  const third = await client.message();
  expect(textOf(third)).toBe("three");
  acknowledge(third);
  // Two messages of one identifier, with a sleep in between, are two.
  client.socket.send(publish(`${name}/b`, "first"));
  await client.next(5);
  client.socket.send(Uint8Array.of(0x62, 2, 0, 7));
  await client.next(7);
  await evictDurableObject(stub);
  client.socket.send(publish(`${name}/b`, "second"));
  await client.next(5);
  const { events } = await channels.read(`${name}/b` as ChannelName, { after: EARLIEST, limit: 10 });
  expect(events).toHaveLength(2);
  const tables = await runInDurableObject(stub, (_, { storage }) =>
    storage.sql.exec("SELECT name FROM sqlite_master").toArray(),
  );
  expect(tables).toEqual([]);
  expect(client.packets).toEqual([]);
  client.socket.close(1000);
});

it("keeps a session that ends with its connection in SQLite where it is too large for memory", async () => {
  const name = newName();
  const client = await open(name, { expirySeconds: 0, isCleanStart: true });
  for (let n = 0; n < 30; n += 1) await client.subscribe(`${name}/${n}/${"x".repeat(60)}`, 1);
  await evictDurableObject(env.MQTT_SESSION.getByName(name));
  await append(`${name}/29/${"x".repeat(60)}`, "there");
  expect(textOf(await client.message())).toBe("there");
  client.socket.close(1000);
});

it("stores a QoS 2 message once, though it comes again after an eviction, and after a new connection", async () => {
  const name = newName();
  const topic = `${name}/a`;
  const client = await open(name);
  client.socket.send(publish(topic, "once"));
  await client.next(5);
  await evictDurableObject(env.MQTT_SESSION.getByName(name));
  client.socket.send(publish(topic, "once", { isDuplicate: true }));
  await client.next(5);
  client.socket.close(1000);
  const back = await open(name);
  back.socket.send(publish(topic, "once", { isDuplicate: true }));
  await back.next(5);
  back.socket.send(Uint8Array.of(0x62, 2, 0, 7));
  await back.next(7);
  back.socket.send(publish(topic, "another"));
  await back.next(5);
  const { events } = await channels.read(topic as ChannelName, { after: EARLIEST, limit: 10 });
  expect(events.map(({ json }) => (JSON.parse(json) as { data: string }).data)).toEqual(["once", "another"]);
  back.socket.close(1000);
});

it("copies nothing while the client is away, and goes on from its cursor", async () => {
  const name = newName();
  const topic = `${name}/a`;
  const client = await open(name);
  await client.subscribe(topic, 1);
  client.socket.close(1000);
  for (let n = 1; n <= 300; n += 1) await append(topic, String(n));
  await evictDurableObject(env.MQTT_SESSION.getByName(name));
  const back = await open(name);
  for (let n = 1; n <= 300; n += 1) {
    const packet = await back.message();
    expect(textOf(packet)).toBe(String(n));
    const id = packet.packetId ?? 0;
    back.socket.send(Uint8Array.of(0x40, 2, id >> 8, id & 0xff));
  }
  back.socket.close(1000);
});

it("publishes the will and ends, by the alarm, when its time is over", async () => {
  const name = newName();
  const topic = `${name}/will`;
  const will = {
    topic,
    qos: 1,
    isRetained: false,
    payload: btoa("gone"),
    delaySeconds: 600,
    isText: undefined,
    expirySeconds: undefined,
    contentType: undefined,
    responseTopic: undefined,
    correlationData: undefined,
    userProperties: undefined,
  } as const;
  const client = await open(name, { version: 5, expirySeconds: 1, will });
  client.socket.close(1000);
  const stub = env.MQTT_SESSION.getByName(name);
  await vi.waitFor(
    async () => {
      await runDurableObjectAlarm(stub);
      const { events } = await channels.read(topic as ChannelName, { after: EARLIEST, limit: 10 });
      expect(events.map(({ json }) => (JSON.parse(json) as { data: string }).data)).toEqual(["gone"]);
    },
    { timeout: 5000, interval: 200 },
  );
});
