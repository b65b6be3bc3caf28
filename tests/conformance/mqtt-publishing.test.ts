import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { setTimeout as delay } from "node:timers/promises";
import type { Packet } from "mqtt-packet";
import { generate } from "mqtt-packet";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { WebSocket } from "ws";
import { connectMqtt } from "./doors/mqtt.ts";
import type { Version } from "./mqtt-raw-client.ts";
import { RawMqttClient } from "./mqtt-raw-client.ts";
import type { ServedTarget } from "./serve-target.ts";
import { serveTarget } from "./serve-target.ts";

/**
 * Publishes to a channel that their client publishes to again and again go round its session (functions/mqtt/inbound.ts).
 * Nobody may notice.
 */
let served: ServedTarget;
beforeAll(async () => {
  served = await serveTarget({ RATE_LIMITS: "off" });
}, 60_000);
afterAll(() => served.stop());

const newTopic = () => `demo/${randomUUID()}`;
const open = (options: Parameters<typeof RawMqttClient.connect>[1] = {}) =>
  RawMqttClient.connect(served.tcpPorts.MQTT_PORT, options);
const readAll = async (channel: string, url = served.url) => {
  const events: Record<string, unknown>[] = [];
  for (let after = "earliest"; ; ) {
    const response = await fetch(`${url}/channels/${channel}?after=${after}&limit=1000`);
    const page = (await response.json()) as { events: Record<string, unknown>[]; next: string };
    if (page.events.length === 0) return events;
    events.push(...page.events);
    after = page.next;
  }
};
const textsOf = async (channel: string) => (await readAll(channel)).map(({ data }) => data);
const numbers = (count: number, first = 0) => Array.from({ length: count }, (_, n) => String(first + n));

/** So often that the next publish goes round the session. */
async function makeBusy(client: RawMqttClient, topic: string): Promise<string[]> {
  const texts = numbers(8).map((n) => `warm ${n}`);
  for (const text of texts) await client.publish(topic, text);
  return texts;
}

const toPublish = (topic: string, payload: string, messageId: number, more: object = {}): Packet => ({
  cmd: "publish",
  topic,
  payload,
  qos: 1,
  dup: false,
  retain: false,
  messageId,
  ...more,
});

/** Packets in one write, so that each is there before what comes before it is answered. */
function sendTogether(client: RawMqttClient, ...packets: readonly Packet[]): void {
  client.socket.write(
    Buffer.concat(packets.map((packet) => generate(packet, { protocolVersion: client.version }))),
  );
}

describe.each(["tcp", "websocket"] as const)("mqtt.js over %s", (transport) => {
  it.each([4, 5] as const)(
    "keeps the order of 500 publishes, at protocol level %i",
    async (protocolVersion) => {
      const topic = newTopic();
      const client = await connectMqtt(served, transport, { protocolVersion });
      const answered: number[] = [];
      // No more at once than MQTT 5 is told to have on their way.
      for (let first = 0; first < 500; first += 100) {
        await Promise.all(
          numbers(100, first).map(async (text, index) => {
            const qos = index % 7 === 3 ? 0 : 1;
            await client.publishAsync(topic, text, { qos });
            if (qos === 1) answered.push(first + index);
          }),
        );
      }
      expect(answered).toEqual([...answered].sort((one, other) => one - other));
      await client.publishAsync(topic, "last", { qos: 1 });
      expect(await textsOf(topic)).toEqual([...numbers(500), "last"]);
      await client.endAsync();
    },
  );
});

it("stores what came on a WebSocket before it was closed, and the will after that", async () => {
  const topic = newTopic();
  const socket = new WebSocket(`${served.url.replace("http", "ws")}/mqtt`, "mqtt");
  await once(socket, "open");
  let answers = 0;
  const send = (packet: Packet) => socket.send(generate(packet, { protocolVersion: 4 }));
  socket.on("message", () => {
    answers += 1;
    if (answers <= 20) send(toPublish(topic, `warm ${answers}`, answers));
    if (answers !== 21) return;
    for (const [n, text] of numbers(200).entries()) send(toPublish(topic, text, n + 100, { qos: n % 2 }));
    socket.close();
  });
  send({
    cmd: "connect",
    protocolId: "MQTT",
    protocolVersion: 4,
    clean: true,
    clientId: "",
    keepalive: 0,
    will: { topic, payload: Buffer.from("will"), qos: 1, retain: false },
  });
  const warm = numbers(20, 1).map((n) => `warm ${n}`);
  await expect.poll(() => textsOf(topic), { timeout: 5000 }).toEqual([...warm, ...numbers(200), "will"]);
});

describe.each([4, 5] as const)("protocol level %i", (version: Version) => {
  it("answers publishes in their order, whoever stores them", async () => {
    const topic = newTopic();
    const client = await open({ version });
    const warm = await makeBusy(client, topic);
    const kinds = [{}, { qos: 2 }, {}, { retain: true }, {}, { dup: true }, {}, {}];
    const packets = kinds.map((more, n) => toPublish(topic, String(n), 1000 + n, more));
    sendTogether(client, ...packets);
    const answers: (number | undefined)[] = [];
    for (const _ of kinds) {
      const { cmd, messageId } = await client.packets.next(5000);
      if (cmd === "puback") answers.push(messageId);
    }
    expect(answers).toEqual([1000, 1002, 1003, 1004, 1005, 1006, 1007]);
    expect(await textsOf(topic)).toEqual([...warm, ...numbers(kinds.length)]);
    client.cut();
  });

  it("gives a client its own message where it publishes behind SUBSCRIBE, and not behind UNSUBSCRIBE", async () => {
    const topic = newTopic();
    const client = await open({ version });
    await makeBusy(client, topic);
    const subscription = { topic, qos: 1 as const, nl: false, rap: false, rh: 2 };
    for (let round = 0; round < 10; round += 1) {
      sendTogether(
        client,
        { cmd: "subscribe", messageId: 500, subscriptions: [subscription] },
        toPublish(topic, `mine ${round}`, 501),
      );
      for (const cmd of ["suback", "puback"] as const) await client.packet(cmd);
      expect(await client.text()).toBe(`mine ${round}`);
      sendTogether(
        client,
        { cmd: "unsubscribe", messageId: 502, unsubscriptions: [topic] },
        toPublish(topic, "not mine", 503),
      );
      for (const cmd of ["unsuback", "puback"] as const) await client.packet(cmd);
    }
    await client.settle();
    client.cut();
  });

  it("stores what was sent before DISCONNECT, and the will of a client that is cut after what it sent", async () => {
    const topic = newTopic();
    const [polite, rude] = await Promise.all([
      open({ version }),
      open({ version, will: { topic, payload: Buffer.from("will"), qos: 1, retain: false } }),
    ]);
    const warm = await makeBusy(polite, topic);
    sendTogether(polite, ...numbers(100).map((text, n) => toPublish(topic, text, 100 + n)), {
      cmd: "disconnect",
      ...(version === 5 ? { reasonCode: 0 } : {}),
    });
    await polite.closed;
    expect(await textsOf(topic)).toEqual([...warm, ...numbers(100)]);
    const more = await makeBusy(rude, topic);
    sendTogether(rude, ...numbers(100).map((text, n) => toPublish(topic, text, 100 + n)));
    rude.socket.end();
    const expected = [...warm, ...numbers(100), ...more, ...numbers(100), "will"];
    await expect.poll(() => textsOf(topic), { timeout: 5000 }).toEqual(expected);
  });

  it("goes on with what it has read where the client is cut off in the middle", async () => {
    const topic = newTopic();
    const will = { topic, payload: Buffer.from("will"), qos: 1 as const, retain: false };
    const client = await open({ version, will });
    const warm = await makeBusy(client, topic);
    sendTogether(client, ...numbers(200).map((text, n) => toPublish(topic, text, 100 + n)));
    // More than one append takes, so that there is something left to do when the client is gone.
    await client.packet("puback");
    client.socket.resetAndDestroy();
    const expected = [...warm, ...numbers(200), "will"];
    await expect.poll(() => textsOf(topic), { timeout: 5000 }).toEqual(expected);
  });

  it("stores nothing more of a connection when another has taken its session", async () => {
    const topic = newTopic();
    const clientId = randomUUID();
    const old = await open({ version, clientId });
    await makeBusy(old, topic);
    let n = 0;
    const timer = setInterval(() => {
      const packets = numbers(20).map((_, index) => toPublish(topic, `old ${n + index}`, 100 + index));
      n += packets.length;
      if (old.socket.writable) sendTogether(old, ...packets);
    }, 1);
    await delay(50);
    const next = await open({ version, clientId });
    await next.publish(topic, "new");
    clearInterval(timer);
    await old.closed;
    await delay(200);
    const texts = await textsOf(topic);
    expect(texts.at(-1)).toBe("new");
    expect(texts.filter((text) => String(text).startsWith("old")).length).toBeGreaterThan(0);
    // In order, and without a hole.
    const olds = texts.filter((text) => String(text).startsWith("old"));
    expect(olds).toEqual(numbers(olds.length).map((text) => `old ${text}`));
    await next.disconnect();
  });

  it("makes the same event of a message whichever way it goes", async () => {
    const topic = newTopic();
    const alice = await served.signIn("alice");
    const client = await open({ version, username: "a", password: Buffer.from(alice.token) });
    await client.subscribe(newTopic(), { nl: true });
    const properties = {
      payloadFormatIndicator: true,
      messageExpiryInterval: 1000,
      contentType: "text/markdown",
      responseTopic: "demo/answers",
      correlationData: Buffer.from([1, 2, 3]),
      userProperties: { a: ["1", "2"], b: "3" },
    };
    const events: Record<string, unknown>[] = [];
    const answers: unknown[] = [];
    for (let n = 0; n < 12; n += 1) {
      const answer = await client.publish(topic, "*text*", version === 5 ? { properties } : {});
      answers.push(answer?.cmd === "puback" ? Object.keys(answer.properties?.userProperties ?? {}) : "");
    }
    for (const { id, time, sequence, mqttexpires, ...rest } of await readAll(topic)) {
      expect([id, time, sequence].every((value) => typeof value === "string")).toBe(true);
      expect(typeof mqttexpires).toBe(version === 5 ? "string" : "undefined");
      events.push(rest);
    }
    expect(events).toHaveLength(12);
    for (const event of events) expect(event).toEqual(events[0]);
    for (const answer of answers) expect(answer).toEqual(answers[0]);
    expect(events[0]).toHaveProperty("mqttqos", 1);
    if (version === 5) expect(events[0]).toHaveProperty("mqttpublisher");
    await client.disconnect();
  });

  it("ends a connection by what breaks a rule behind publishes, and stores those", async () => {
    const topic = newTopic();
    const client = await open({ version });
    const warm = await makeBusy(client, topic);
    const good = numbers(5).map((text, n) => toPublish(topic, text, 100 + n));
    sendTogether(client, ...good, toPublish(`${topic}/+`, "bad", 200), toPublish(topic, "never", 201));
    for (const { messageId } of good as { messageId: number }[])
      expect(await client.packet("puback")).toMatchObject({ messageId });
    if (version === 5) expect(await client.packet("disconnect")).toMatchObject({ reasonCode: 0x90 });
    await client.closed;
    expect(await textsOf(topic)).toEqual([...warm, ...numbers(5)]);
  });
});

it("refuses in its place among the answers what may not be published", async () => {
  const topic = newTopic();
  const client = await open();
  await makeBusy(client, topic);
  await makeBusy(client, "users/somebody/inbox");
  sendTogether(
    client,
    toPublish(topic, "1", 101),
    toPublish("users/somebody/inbox", "no", 102),
    toPublish(topic, "2", 103),
    toPublish("$SYS/x", "no", 104),
    toPublish(topic, "3", 105),
  );
  const answers: unknown[] = [];
  for (let n = 0; n < 5; n += 1) {
    const { messageId, reasonCode } = await client.packet("puback");
    answers.push([messageId, reasonCode]);
  }
  expect(answers).toEqual([
    [101, 0],
    [102, 0x87],
    [103, 0],
    [104, 0x87],
    [105, 0],
  ]);
  await client.disconnect();
});

it("knows its own messages where a subscription comes to ask for none of them", async () => {
  const topic = newTopic();
  const [client, other] = await Promise.all([open(), open()]);
  await makeBusy(client, topic);
  sendTogether(
    client,
    {
      cmd: "subscribe",
      messageId: 500,
      subscriptions: [{ topic, qos: 1, nl: true, rap: false, rh: 2 }],
    },
    ...numbers(10).map((text, n) => toPublish(topic, text, 600 + n)),
  );
  await client.packet("suback");
  for (let n = 0; n < 10; n += 1) await client.packet("puback");
  await other.publish(topic, "another's");
  expect(await client.text()).toBe("another's");
  await Promise.all([client.disconnect(), other.disconnect()]);
});

it("takes an alias among other publishes to its topic", async () => {
  const topic = newTopic();
  const client = await open();
  const warm = await makeBusy(client, topic);
  const alias = { properties: { topicAlias: 1 } };
  sendTogether(
    client,
    toPublish(topic, "0", 100),
    toPublish(topic, "1", 101, alias),
    toPublish(topic, "2", 102),
    toPublish("", "3", 103, alias),
    toPublish(topic, "4", 104),
  );
  for (let n = 0; n < 5; n += 1) expect(await client.packet("puback")).toMatchObject({ messageId: 100 + n });
  expect(await textsOf(topic)).toEqual([...warm, ...numbers(5)]);
  await client.disconnect();
});

it("holds a client to its maximum at QoS 1 too", async () => {
  const topic = newTopic();
  const client = await open();
  const { receiveMaximum = 0 } = client.connack.properties ?? {};
  await makeBusy(client, topic);
  sendTogether(client, ...numbers(receiveMaximum * 4).map((text, n) => toPublish(topic, text, 100 + n)));
  for (;;) {
    const packet = await client.packets.next(5000);
    if (packet.cmd === "puback") continue;
    expect(packet).toMatchObject({ cmd: "disconnect", reasonCode: 0x93 });
    break;
  }
  await client.closed;
});

it("answers others, and reads on, while a client publishes and does not read", async () => {
  const topic = newTopic();
  const client = await open({ version: 4 });
  await makeBusy(client, topic);
  client.socket.pause();
  const COUNT = 5000;
  for (let n = 0; n < COUNT; n += 1) {
    const isTaken = client.socket.write(
      generate(toPublish(topic, `${n} ${"x".repeat(500)}`, (n % 60_000) + 1), { protocolVersion: 4 }),
    );
    if (!isTaken) await once(client.socket, "drain");
  }
  const other = await open();
  await other.publish(newTopic(), "still here");
  client.socket.resume();
  for (let n = 0; n < COUNT; n += 1) await client.packet("puback");
  expect(await readAll(topic)).toHaveLength(COUNT + 8);
  await Promise.all([client.disconnect(), other.disconnect()]);
}, 60_000);
