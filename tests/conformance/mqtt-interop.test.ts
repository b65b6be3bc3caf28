import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Version } from "./mqtt-raw-client.ts";
import { RawMqttClient } from "./mqtt-raw-client.ts";
import type { ServedTarget } from "./serve-target.ts";
import { serveTarget } from "./serve-target.ts";

/**
 * What eclipse/paho.mqtt.testing asks of a broker, asked by a client of our own. With `MQTT_TEST_PORT` it asks another
 * broker the same, such as Mosquitto, to see that a question is a fair one.
 */
let served: ServedTarget | undefined;
let port: number;
beforeAll(async () => {
  const other = process.env.MQTT_TEST_PORT;
  if (other === undefined) served = await serveTarget({ ANONYMOUS_CHANNELS: "**" });
  port = served?.tcpPorts.MQTT_PORT ?? Number(other);
}, 60_000);
afterAll(() => served?.stop());

const connect = (options: Parameters<typeof RawMqttClient.connect>[1] = {}) =>
  RawMqttClient.connect(port, options);
const newId = () => `client-${randomUUID()}`;
/** A space of topics that nobody else uses. */
const newArea = () => `demo/${randomUUID()}`;
/** A session that outlives its connection, in either version. */
const lasting = (version: Version, clientId: string, clean = false) =>
  version === 5
    ? { version, clientId, clean, properties: { sessionExpiryInterval: 600 } }
    : { version, clientId, clean };

describe.each([
  ["3.1.1", 4],
  ["5", 5],
] as const)("MQTT %s", (_name, version) => {
  it("delivers at QoS 0, 1 and 2", async () => {
    const topic = newArea();
    const client = await connect({ version });
    expect((await client.subscribe(topic)).granted).toEqual([2]);
    for (const qos of [0, 1, 2] as const) await client.publish(topic, `qos ${qos}`, { qos });
    for (const qos of [0, 1, 2]) {
      const message = await client.messages.next(5000);
      expect([message.topic, String(message.payload), message.qos, message.retain]).toEqual([
        topic,
        `qos ${qos}`,
        qos,
        false,
      ]);
    }
    await client.disconnect();
  });

  it("closes a connection that says CONNECT twice", async () => {
    const client = await connect({ version });
    client.send({ cmd: "connect", clientId: "x", protocolId: "MQTT", protocolVersion: version, clean: true });
    await client.closed;
  });

  it("closes a connection that speaks another protocol", async () => {
    const client = await RawMqttClient.open(port, version);
    client.sendBytes(0x10, 14, 0, 2, 0x68, 0x6a, version, 2, 0, 0, 0, 4, 0x61, 0x62, 0x63, 0x64);
    await client.closed;
  });

  it("keeps retained messages, with the QoS of each, until they are cleared", async () => {
    const area = newArea();
    const client = await connect({ version });
    for (const qos of [0, 1, 2] as const) {
      await client.publish(`${area}/${qos}`, `kept ${qos}`, { qos, retain: true });
    }
    await client.settle();
    await client.subscribe(`${area}/+`);
    const kept = [];
    for (let count = 0; count < 3; count += 1) kept.push(await client.messages.next(5000));
    expect(kept.map(({ qos, retain, payload }) => [qos, retain, String(payload)]).sort()).toEqual([
      [0, true, "kept 0"],
      [1, true, "kept 1"],
      [2, true, "kept 2"],
    ]);
    await client.unsubscribe(`${area}/+`);
    for (const qos of [0, 1, 2] as const) await client.publish(`${area}/${qos}`, "", { qos, retain: true });
    await client.settle();
    await client.subscribe(`${area}/+`);
    await client.settle();
    await client.disconnect();
  });

  it("publishes the will of a client that is cut, and not of one that says goodbye", async () => {
    const topic = newArea();
    const other = await connect({ version });
    await other.subscribe(topic);
    const will = { topic, payload: Buffer.from("gone"), qos: 2 as const, retain: false };
    await (await connect({ version, will })).disconnect();
    (await connect({ version, will: { ...will, payload: Buffer.from("cut") } })).cut();
    expect(await other.text()).toBe("cut");
    await other.disconnect();
  });

  it("enforces keep-alive", async () => {
    const topic = newArea();
    const other = await connect({ version });
    await other.subscribe(topic);
    const will = { topic, payload: Buffer.from("silent"), qos: 1 as const, retain: false };
    const startedMs = Date.now();
    const client = await connect({ version, keepalive: 1, will });
    client.sendBytes(0xc0, 0);
    await client.packet("pingresp");
    await client.closed;
    expect(Date.now() - startedMs).toBeGreaterThan(1400);
    expect(await other.text()).toBe("silent");
    await other.disconnect();
  });

  it("queues for a client that is away, and goes on in order", async () => {
    const area = newArea();
    const clientId = newId();
    const away = await connect(lasting(version, clientId));
    await away.subscribe(`${area}/#`);
    await away.disconnect();
    const other = await connect({ version });
    for (const qos of [1, 2] as const) await other.publish(`${area}/${qos}`, `qos ${qos}`, { qos });
    await other.publish(`${area}/1`, "last", { qos: 1 });
    const back = await connect(lasting(version, clientId));
    expect(back.connack.sessionPresent).toBe(true);
    const texts = [await back.text(), await back.text(), await back.text()];
    expect(texts.toSorted()).toEqual(["last", "qos 1", "qos 2"]);
    // Order is that of a topic.
    expect(texts.indexOf("qos 1")).toBeLessThan(texts.indexOf("last"));
    const anew = await connect({ version, clientId, clean: true });
    expect(anew.connack.sessionPresent).toBe(false);
    await anew.publish(`${area}/1`, "nobody", { qos: 1 });
    await anew.settle();
    await anew.disconnect();
    await other.disconnect();
  });

  it("sends what overlapping subscriptions match with the highest QoS", async () => {
    const area = newArea();
    const client = await connect({ version });
    await client.subscribe(`${area}/#`, { qos: 2 });
    await client.subscribe(`${area}/+`, { qos: 1 });
    await client.publish(`${area}/x`, "overlapping", { qos: 2 });
    const first = await client.messages.next(5000);
    expect(first.qos).toBe(2);
    // One message for all, or one for each (MQTT-3.3.4-2): ours is the first, so nothing else comes.
    if (served !== undefined) await client.settle();
    await client.disconnect();
  });

  it("sends again what was not acknowledged before the connection was lost", async () => {
    const area = newArea();
    const clientId = newId();
    const client = await connect(lasting(version, clientId));
    await client.subscribe(`${area}/#`);
    client.acknowledges = false;
    await client.publish(`${area}/1`, "one", { qos: 1 });
    await client.publish(`${area}/2`, "two", { qos: 2 });
    await client.messages.next(5000);
    await client.messages.next(5000);
    client.cut();
    const back = await connect(lasting(version, clientId));
    const again = [await back.messages.next(5000), await back.messages.next(5000)];
    expect(again.map(({ qos, dup, payload }) => [qos, dup, String(payload)])).toEqual([
      [1, true, "one"],
      [2, true, "two"],
    ]);
    await back.settle();
    await back.disconnect();
  });

  it("keeps topics that start with $ out of wildcards", async () => {
    const name = `$area-${randomUUID()}`;
    const client = await connect({ version });
    await client.subscribe("+/x");
    await client.publish(`${name}/x`, "", { qos: 1 });
    await client.settle();
    await client.disconnect();
  });

  it("stops with UNSUBSCRIBE", async () => {
    const area = newArea();
    const client = await connect({ version });
    for (const name of ["a", "b"]) await client.subscribe(`${area}/${name}`);
    await client.unsubscribe(`${area}/a`);
    await client.publish(`${area}/a`, "a", { qos: 1 });
    await client.publish(`${area}/b`, "b", { qos: 1 });
    expect(await client.text()).toBe("b");
    await client.disconnect();
  });

  it("lets a client take its session over", async () => {
    const clientId = newId();
    const first = await connect(lasting(version, clientId));
    const second = await connect(lasting(version, clientId));
    await first.closed;
    if (version === 5) expect(await first.packet("disconnect")).toMatchObject({ reasonCode: 0x8e });
    await second.publish(newArea(), "still here");
    await second.disconnect();
  });

  it("stores a QoS 2 message once, though it is sent again", async () => {
    const topic = newArea();
    const clientId = newId();
    const other = await connect({ version });
    await other.subscribe(topic);
    const client = await connect(lasting(version, clientId));
    const packet = {
      cmd: "publish",
      topic,
      payload: "once",
      qos: 2,
      dup: false,
      retain: false,
      messageId: 7,
    } as const;
    client.send(packet);
    await client.packet("pubrec");
    client.cut();
    const back = await connect(lasting(version, clientId));
    back.send({ ...packet, dup: true });
    await back.packet("pubrec");
    back.send({ cmd: "pubrel", messageId: 7 });
    await back.packet("pubcomp");
    expect(await other.text()).toBe("once");
    await other.settle();
    // The identifier is free again, so this is another message.
    back.send({ ...packet, payload: "twice" });
    await back.packet("pubrec");
    back.send({ cmd: "pubrel", messageId: 7 });
    expect(await other.text()).toBe("twice");
    await Promise.all([back.disconnect(), other.disconnect()]);
  });

  it("gives a client without an id one of its own, where its session need not be kept", async () => {
    const client = await connect({ version, clientId: "", clean: true });
    if (version === 5) expect(client.connack.properties?.assignedClientIdentifier).toBeTruthy();
    await client.disconnect();
    if (version === 5) return;
    const refused = await RawMqttClient.open(port, version);
    refused.sendBytes(0x10, 12, 0, 4, 0x4d, 0x51, 0x54, 0x54, 4, 0, 0, 0, 0, 0);
    expect((await refused.packet("connack")).returnCode).toBe(2);
    await refused.closed;
  });
});

describe("MQTT 5", () => {
  it("ends sessions when their time is over", async () => {
    const clientId = newId();
    const begin = async (seconds: number, clean: boolean) => {
      const client = await connect({ clientId, clean, properties: { sessionExpiryInterval: seconds } });
      return Object.assign(client, { wasThere: client.connack.sessionPresent });
    };
    const first = await begin(0, true);
    await first.subscribe(newArea());
    await first.disconnect();
    const second = await begin(600, false);
    expect(second.wasThere).toBe(false);
    await second.disconnect({ sessionExpiryInterval: 1 });
    // Looked at once only: to look is to connect, which makes it last again.
    await delay(1500);
    const late = await begin(600, false);
    expect(late.wasThere).toBe(false);
    await late.disconnect({ sessionExpiryInterval: 0 });
    const third = await begin(1, true);
    await third.disconnect({ sessionExpiryInterval: 600 });
    const fourth = await begin(600, false);
    expect(fourth.wasThere).toBe(true);
    await fourth.disconnect({ sessionExpiryInterval: 0 });
    const fifth = await begin(0, false);
    expect(fifth.wasThere).toBe(false);
    await fifth.disconnect();
  });

  it("hands on user properties, payload format, content type, response topic and correlation data", async () => {
    const topic = newArea();
    const client = await connect();
    await client.subscribe(topic);
    const properties = {
      payloadFormatIndicator: true,
      contentType: "My name",
      responseTopic: "demo/answers",
      correlationData: Buffer.from([0, 1, 255]),
      userProperties: { a: ["1", "2"], c: "3" },
    };
    for (const qos of [0, 1, 2] as const) {
      await client.publish(topic, "", { qos, properties });
      const message = await client.messages.next(5000);
      expect(message.qos).toBe(qos);
      expect(message.properties).toEqual({
        ...properties,
        userProperties: Object.assign(Object.create(null), properties.userProperties),
      });
      expect(message.payload).toHaveLength(0);
    }
    await client.disconnect();
  });

  it("lets messages expire, and says how long the others have", async () => {
    const topic = newArea();
    const clientId = newId();
    const away = await connect(lasting(5, clientId));
    await away.subscribe(topic);
    await away.disconnect();
    const other = await connect();
    await other.publish(topic, "short", { qos: 1, properties: { messageExpiryInterval: 1 } });
    await other.publish(topic, "long", { qos: 2, properties: { messageExpiryInterval: 60 } });
    await delay(1500);
    const back = await connect(lasting(5, clientId));
    const message = await back.messages.next(5000);
    expect(String(message.payload)).toBe("long");
    expect(message.properties?.messageExpiryInterval).toBeLessThan(60);
    await back.settle();
    await Promise.all([back.disconnect(), other.disconnect()]);
  });

  it("knows no-local, retain-as-published and retain handling", async () => {
    const area = newArea();
    const [one, other] = [await connect(), await connect()];
    await one.subscribe(`${area}/local`, { nl: true });
    await other.subscribe(`${area}/local`, { nl: true });
    await one.publish(`${area}/local`, "mine");
    expect(await other.text()).toBe("mine");
    await one.settle();

    await one.subscribe(`${area}/rap`, { rap: true });
    await one.publish(`${area}/rap`, "plain");
    await one.publish(`${area}/rap`, "kept", { retain: true });
    expect((await one.messages.next(5000)).retain).toBe(false);
    expect((await one.messages.next(5000)).retain).toBe(true);

    const kept = `${area}/kept`;
    await one.publish(kept, "kept", { retain: true });
    await other.subscribe(kept, { rh: 2 });
    await other.settle();
    await other.subscribe(kept, { rh: 1 });
    await other.settle();
    await other.unsubscribe(kept);
    await other.subscribe(kept, { rh: 1 });
    expect((await other.messages.next(5000)).retain).toBe(true);
    await other.subscribe(kept, { rh: 0 });
    expect((await other.messages.next(5000)).retain).toBe(true);
    await Promise.all([one.disconnect(), other.disconnect()]);
  });

  it("says which subscriptions a message comes by", async () => {
    const area = newArea();
    const client = await connect();
    await client.subscribe(`${area}/x`, {}, { subscriptionIdentifier: 3 });
    await client.publish(`${area}/x`, "one");
    expect((await client.messages.next(5000)).properties?.subscriptionIdentifier).toBe(3);
    await client.disconnect();
  });

  it("sends no more at once than the client takes", async () => {
    const topic = newArea();
    const other = await connect();
    const client = await connect({ properties: { receiveMaximum: 2 } });
    client.acknowledges = false;
    await client.subscribe(topic, { qos: 1 });
    for (let n = 1; n <= 4; n += 1) await other.publish(topic, String(n));
    const [first, second] = [await client.messages.next(5000), await client.messages.next(5000)];
    await expect(client.messages.next(200)).rejects.toThrow(/Nothing came/);
    client.send({ cmd: "puback", messageId: first.messageId ?? 0 });
    expect(await client.text()).toBe("3");
    client.send({ cmd: "puback", messageId: second.messageId ?? 0 });
    expect(await client.text()).toBe("4");
    await Promise.all([client.disconnect(), other.disconnect()]);
  });

  it("sends no packet that is larger than the client takes", async () => {
    const topic = newArea();
    const other = await connect();
    const client = await connect({ properties: { maximumPacketSize: 200 } });
    await client.subscribe(topic);
    await other.publish(topic, "x".repeat(300));
    await other.publish(topic, "small");
    expect(await client.text()).toBe("small");
    await Promise.all([client.disconnect(), other.disconnect()]);
  });

  it("takes and gives topic aliases", async () => {
    const topic = newArea();
    const client = await connect({ properties: { topicAliasMaximum: 5 } });
    await client.subscribe(topic);
    await client.publish(topic, "1", { properties: { topicAlias: 1 } });
    await client.publish("", "2", { properties: { topicAlias: 1 } });
    const first = await client.messages.next(5000);
    const second = await client.messages.next(5000);
    expect([String(first.payload), String(second.payload)]).toEqual(["1", "2"]);
    expect(first.topic).toBe(topic);
    if (second.topic === "") expect(second.properties?.topicAlias).toBe(first.properties?.topicAlias);
    else expect(second.topic).toBe(topic);
    client.send({
      cmd: "publish",
      topic: "",
      payload: "x",
      qos: 0,
      dup: false,
      retain: false,
      properties: { topicAlias: 9999 },
    });
    await client.closed;
  });

  it("waits with a will for as long as it is told to, and forgets it where the client comes back", async () => {
    const topic = newArea();
    const other = await connect();
    await other.subscribe(topic);
    const will = (payload: string) => ({
      topic,
      payload: Buffer.from(payload),
      qos: 1 as const,
      retain: false,
      properties: { willDelayInterval: 1 },
    });
    const clientId = newId();
    (await connect({ ...lasting(5, clientId), will: will("not this") })).cut();
    const back = await connect(lasting(5, clientId));
    (await connect({ ...lasting(5, newId()), will: will("this") })).cut();
    expect(await other.text()).toBe("this");
    await Promise.all([back.disconnect(), other.disconnect()]);
  });

  it("shares a subscription among the members of a group", async () => {
    const area = newArea();
    const shared = `$share/group-${randomUUID()}/${area}/#`;
    const members = [await connect(), await connect()];
    for (const member of members) expect((await member.subscribe(shared, { qos: 1 })).granted).toEqual([1]);
    const other = await connect();
    for (let n = 0; n < 60; n += 1) await other.publish(`${area}/${n % 3}`, String(n));
    const received: string[] = [];
    const counts = await Promise.all(
      members.map(async (member) => {
        let count = 0;
        for (; received.length < 60; count += 1) {
          const text = await member.text(2000).catch(() => undefined);
          if (text === undefined) break;
          received.push(text);
        }
        return count;
      }),
    );
    expect(received.map(Number).sort((a, b) => a - b)).toEqual(Array.from({ length: 60 }, (_, n) => n));
    expect(Math.min(...counts)).toBeGreaterThan(0);
    await Promise.all([...members, other].map((client) => client.disconnect()));
  });

  it("hands what a member of a group left unacknowledged to another", async () => {
    const topic = newArea();
    const shared = `$share/group-${randomUUID()}/${topic}`;
    const first = await connect();
    first.acknowledges = false;
    await first.subscribe(shared, { qos: 1 });
    const other = await connect();
    await other.publish(topic, "work");
    expect(await first.text()).toBe("work");
    const second = await connect();
    await second.subscribe(shared, { qos: 1 });
    await first.disconnect();
    expect(await second.text()).toBe("work");
    await Promise.all([second.disconnect(), other.disconnect()]);
  });

  it("refuses AUTH, and methods that it does not have", async () => {
    const client = await connect();
    client.send({ cmd: "auth", reasonCode: 0x18, properties: { authenticationMethod: "x" } });
    await client.closed;
    const refused = await connect({ properties: { authenticationMethod: "SCRAM-SHA-1" } });
    expect(refused.connack.reasonCode).toBe(0x8c);
    await refused.closed;
  });
});

it("delivers what is published after a SUBSCRIBE was sent, though its SUBACK has not come yet", async () => {
  const topic = newArea();
  const [reader, writer] = await Promise.all([connect(), connect()]);
  await writer.publish(topic, "before");
  for (let n = 0; n < 20; n += 1) {
    reader.send({
      cmd: "subscribe",
      messageId: reader.id(),
      subscriptions: [{ topic, qos: 1, nl: false, rap: false, rh: 0 }],
    });
    // The head start that one client's packet has over another's, where both are sent one after the other.
    await delay(2);
    // At QoS 2 it goes by its session, which is as far from the channel as the reader's.
    await writer.publish(topic, String(n), { qos: 2 });
    await reader.packet("suback");
    expect(await reader.text()).toBe(String(n));
    await reader.unsubscribe(topic);
  }
  await Promise.all([reader.disconnect(), writer.disconnect()]);
});
