import { execFile, spawn, spawnSync } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { WebSocket } from "ws";
import { http } from "./doors/http.ts";
import { connectMqtt } from "./doors/mqtt.ts";
import { sse } from "./doors/sse.ts";
import { RawMqttClient } from "./mqtt-raw-client.ts";
import type { ServedTarget } from "./serve-target.ts";
import { serveTarget } from "./serve-target.ts";

const run = promisify(execFile);
const PYTHON = "/usr/bin/python3";
const has = (command: string, ...args: string[]) => spawnSync(command, args).status === 0;
// In CI a missing client is a failure; elsewhere the tests that need it are left out.
const hasMosquitto = process.env.CI !== undefined || has("which", "mosquitto_pub");
const hasPaho = process.env.CI !== undefined || has(PYTHON, "-c", "import paho.mqtt.client");

let served: ServedTarget;
let port: string;
beforeAll(async () => {
  served = await serveTarget();
  port = String(served.tcpPorts.MQTT_PORT);
}, 60_000);
afterAll(() => served.stop());

const newTopic = () => `demo/${randomUUID()}`;
const readAll = async (channel: string) => {
  const response = await fetch(`${served.url}/channels/${channel}?after=earliest`);
  return ((await response.json()) as { events: Record<string, unknown>[] }).events;
};
const open = (options: Parameters<typeof RawMqttClient.connect>[1] = {}) =>
  RawMqttClient.connect(served.tcpPorts.MQTT_PORT, options);

describe.each(["tcp", "websocket"] as const)("mqtt.js over %s", (transport) => {
  it.each([4, 5] as const)("publishes and subscribes with protocol level %i", async (protocolVersion) => {
    const topic = newTopic();
    const client = await connectMqtt(served, transport, { protocolVersion });
    const arrived = new Promise<string>((resolve) => {
      client.on("message", (_topic, payload) => resolve(String(payload)));
    });
    await client.subscribeAsync(topic, { qos: 2 });
    await client.publishAsync(topic, "über alles", { qos: 2 });
    expect(await arrived).toBe("über alles");
    await client.endAsync();
  });

  it("takes a token as password, and refuses a bad one", async () => {
    const alice = await served.signIn("alice");
    const client = await connectMqtt({ ...served, token: alice.token }, transport);
    await client.publishAsync("rooms/lobby", "hello", { qos: 1 });
    await client.endAsync();
    await expect(connectMqtt({ ...served, token: "bad" }, transport)).rejects.toMatchObject({
      code: "unauthenticated",
    });
  });
});

describe("a message as an event, and an event as a message", () => {
  it.each([
    ["text", Buffer.from("grüße"), { datacontenttype: "text/plain", data: "grüße" }],
    ["text that is JSON", Buffer.from('{ "a": 1 }'), { datacontenttype: "text/plain", data: '{ "a": 1 }' }],
    ["bytes", Buffer.from([0xff, 0, 1]), { data_base64: "/wAB" }],
    [
      "a byte order mark",
      Buffer.from([0xef, 0xbb, 0xbf, 0x61]),
      { datacontenttype: "text/plain", data: "\ufeffa" },
    ],
    ["nothing", Buffer.alloc(0), {}],
  ])("keeps %s byte for byte", async (_name, payload, data) => {
    const topic = newTopic();
    const client = await open({ version: 4 });
    await client.subscribe(topic);
    await client.publish(topic, payload, { qos: 2 });
    const message = await client.messages.next();
    expect([...Buffer.from(message.payload)]).toEqual([...payload]);
    const [event] = await readAll(topic);
    expect(event).toMatchObject({ type: "mqtt.message", subject: topic, source: "/anonymous", ...data });
    await client.disconnect();
  });

  it.each([
    ["application/json", '{"a":1}', { data: { a: 1 } }],
    ["application/json", '{ "a":1}', { data_base64: Buffer.from('{ "a":1}').toString("base64") }],
    ["text/html; charset=utf-8", "<p>", { data: "<p>" }],
    ["image/png", "png", { data_base64: Buffer.from("png").toString("base64") }],
  ])("with content type %s and payload %s", async (contentType, payload, data) => {
    const topic = newTopic();
    const client = await open();
    await client.subscribe(topic);
    await client.publish(topic, payload, { properties: { contentType } });
    const message = await client.messages.next();
    expect([String(message.payload), message.properties?.contentType]).toEqual([payload, contentType]);
    expect(await readAll(topic)).toEqual([
      expect.objectContaining({ datacontenttype: contentType, ...data }),
    ]);
    await client.disconnect();
  });

  it("sends an event of another wire in binary mode to MQTT 5, and structured to MQTT 3.1.1", async () => {
    const topic = newTopic();
    const [five, three] = [await open(), await open({ version: 4 })];
    await five.subscribe(topic);
    await three.subscribe(topic);
    const published = await http.publish?.(served, topic, { type: "greeting", data: { n: 1 } });
    const { id, sequence } = published ?? { id: "", sequence: "" };
    const binary = await five.messages.next();
    expect(JSON.parse(String(binary.payload))).toEqual({ n: 1 });
    expect(binary.properties).toMatchObject({
      contentType: "application/json",
      userProperties: { specversion: "1.0", id, sequence, type: "greeting", subject: topic },
    });
    const structured = JSON.parse(await three.text()) as object;
    expect(structured).toMatchObject({ specversion: "1.0", id, sequence, type: "greeting", data: { n: 1 } });
    await Promise.all([five.disconnect(), three.disconnect()]);
  });

  it("takes a CloudEvent in binary mode", async () => {
    const topic = newTopic();
    const client = await open();
    const userProperties = {
      specversion: "1.0",
      id: "1",
      source: "/x",
      type: "t",
      extra: "e",
      Other: "kept",
    };
    const properties = { contentType: "application/json", userProperties };
    await client.publish(topic, '{"a":1}', { properties });
    expect(await readAll(topic)).toEqual([
      expect.objectContaining({ id: "1", source: "/x", type: "t", extra: "e", data: { a: 1 } }),
    ]);
    const again = await client.publish(topic, '{"a":1}', { properties });
    expect((again as { properties?: object })?.properties).toMatchObject({
      userProperties: { duplicate: "true" },
    });
    const bad = await client.publish(topic, "{}", { properties: { userProperties: { specversion: "1.0" } } });
    expect(bad).toMatchObject({
      reasonCode: 0x83,
      properties: { userProperties: { code: "invalid_argument" } },
    });
    await client.disconnect();
  });

  it("is read by SSE with the sequence that MQTT 5 says", async () => {
    const topic = newTopic();
    const reader = await sse.read?.(served, topic);
    const client = await open();
    await client.subscribe(topic);
    await client.publish(topic, "both", { qos: 2 });
    const message = await client.messages.next();
    const event = await reader?.next();
    expect(event?.event).toMatchObject({ type: "mqtt.message", data: "both" });
    expect(message.properties?.userProperties).toMatchObject({ sequence: event?.sequence });
    await reader?.cut();
    await client.disconnect();
  });

  it("says the sequence beside user properties of the publisher where the subscriber asked for cursors", async () => {
    const topic = newTopic();
    const [plain, asking] = [await open(), await open()];
    await plain.subscribe(topic);
    await asking.subscribe(topic, {}, { userProperties: { after: "latest" } });
    await plain.publish(topic, "x", { properties: { userProperties: { a: "1" } } });
    expect((await plain.messages.next()).properties?.userProperties).toEqual(
      Object.assign(Object.create(null), { a: "1" }),
    );
    expect((await asking.messages.next()).properties?.userProperties).toMatchObject({
      a: "1",
      sequence: expect.any(String),
    });
    await Promise.all([plain.disconnect(), asking.disconnect()]);
  });
});

describe("topics that are no channel names", () => {
  it.each([
    "",
    "/",
    "//",
    " ",
    "ü/☂",
    "a b",
    "~~x",
    "1/2/3/4/5/6/7/8/9/10",
    "x".repeat(300),
    `${"é".repeat(40)}/end`,
  ])("carries demo/%j", async (rest) => {
    const topic = `demo/${randomUUID().slice(0, 8)}/${rest}`;
    const [client, wild] = [await open(), await open()];
    await client.subscribe(topic);
    await wild.subscribe(`${topic.slice(0, 13)}/#`, { qos: 1 });
    await client.publish(topic, "here", { retain: true });
    for (const reader of [client, wild]) expect((await reader.messages.next()).topic).toBe(topic);
    const later = await open();
    await later.subscribe(`${topic.slice(0, 13)}/#`);
    expect(await later.messages.next()).toMatchObject({ topic, retain: true });
    await Promise.all([client, wild, later].map((one) => one.disconnect()));
  });

  it("shows what another wire publishes to the channel of such a topic", async () => {
    const topic = `demo/${randomUUID()}/${"long ".repeat(30)}`;
    const client = await open();
    await client.subscribe(topic);
    await client.publish(topic, "first");
    await client.text();
    const listed = await fetch(`${served.url}/channels?prefix=${topic.slice(0, 41)}`);
    const [channel] = JSON.stringify(await listed.json()).match(/demo\/[^"]*~~@[^"]*/) ?? [];
    await http.publish?.(served, channel ?? "", { type: "t", data: 1 });
    expect((await client.messages.next()).topic).toBe(topic);
    await client.disconnect();
  });
});

describe("who may do what", () => {
  it("refuses by reason code in MQTT 5", async () => {
    const client = await open();
    expect(await client.subscribe("rooms/lobby")).toMatchObject({
      granted: [0x87],
      properties: { userProperties: { code: "unauthenticated" } },
    });
    expect((await client.subscribe("rooms/#")).granted).toEqual([0x87]);
    expect((await client.subscribe("demo/#")).granted).toEqual([2]);
    expect(await client.publish("rooms/lobby", "x")).toMatchObject({ reasonCode: 0x87 });
    expect(await client.publish("$SYS/x", "x")).toMatchObject({ reasonCode: 0x87 });
    await client.disconnect();
  });

  it("refuses with 0x80 in MQTT 3.1.1, and ends the connection of a publisher that it cannot tell", async () => {
    const client = await open({ version: 4 });
    expect((await client.subscribe("rooms/lobby")).granted).toEqual([0x80]);
    client.send({
      cmd: "publish",
      topic: "rooms/lobby",
      payload: "x",
      qos: 1,
      messageId: 9,
      dup: false,
      retain: false,
    });
    await client.closed;
  });

  it("sends of a pattern only what the client may read", async () => {
    const [alice, bob] = [await served.signIn("alice"), await served.signIn("bob")];
    const login = (token: string) => open({ username: "t", password: Buffer.from(token) });
    const [a, b] = [await login(alice.token), await login(bob.token)];
    await b.subscribe("users/+/inbox");
    expect((await b.subscribe("users/alice/#")).granted).toEqual([0x87]);
    await a.publish("users/alice/inbox", "for alice");
    await b.publish("users/bob/inbox", "for bob");
    expect(await b.text()).toBe("for bob");
    await Promise.all([a.disconnect(), b.disconnect()]);
  });

  it("keeps the sessions of users apart, whatever their clients are called", async () => {
    const [alice, bob] = [await served.signIn("alice"), await served.signIn("bob")];
    const options = (token: string) => ({
      clientId: "same",
      clean: false,
      username: "t",
      password: Buffer.from(token),
      properties: { sessionExpiryInterval: 60 },
    });
    const first = await open(options(alice.token));
    const second = await open(options(bob.token));
    expect(second.connack.sessionPresent).toBe(false);
    await first.publish("rooms/lobby", "still here");
    await Promise.all([
      first.disconnect({ sessionExpiryInterval: 0 }),
      second.disconnect({ sessionExpiryInterval: 0 }),
    ]);
  });
});

it("tells of itself under $SYS, to who asks for it", async () => {
  const client = await open();
  await client.subscribe("demo/none/#");
  await client.subscribe("$SYS/broker/version");
  expect(await client.messages.next()).toMatchObject({ topic: "$SYS/broker/version", retain: true });
  await client.disconnect();
});

it("closes a WebSocket that sends text", async () => {
  const socket = new WebSocket(`${served.url.replace("http", "ws")}/mqtt`, ["mqtt"]);
  await once(socket, "open");
  expect(socket.protocol).toBe("mqtt");
  socket.send("CONNECT");
  const [code] = (await once(socket, "close")) as [number];
  expect(code).toBe(1003);
});

it("hands on events that are not stored, at QoS 0 and without a sequence", async () => {
  const topic = newTopic();
  const [reader, old] = await Promise.all([
    RawMqttClient.connect(served.tcpPorts.MQTT_PORT),
    RawMqttClient.connect(served.tcpPorts.MQTT_PORT, { version: 4 }),
  ]);
  await reader.publish(topic, "stored");
  await Promise.all([reader.subscribe(topic), old.subscribe(topic)]);
  const response = await fetch(`${served.url}/channels/${topic}`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ type: "chat.typing", data: { name: "Ann" } }),
  });
  expect(response.status).toBe(201);
  const { qos, payload, properties } = await reader.messages.next(5000);
  expect([qos, JSON.parse(String(payload))]).toEqual([0, { name: "Ann" }]);
  expect(properties?.userProperties).toMatchObject({ type: "chat.typing", subject: topic });
  expect(properties?.userProperties).not.toHaveProperty("sequence");
  expect(JSON.parse(await old.text())).toMatchObject({ type: "chat.typing", data: { name: "Ann" } });
  await Promise.all([reader.disconnect(), old.disconnect()]);
});

it.each([4, 5] as const)(
  "tells a publisher that is too fast, at protocol level %i, and stores every message",
  async (version) => {
    const limited = await serveTarget({
      RATE_LIMITS: "on",
      PUBLISHES_PER_SECOND: version === 5 ? "2" : "20",
      REQUESTS_PER_SECOND: "1000",
    });
    try {
      const topic = newTopic();
      const client = await RawMqttClient.connect(limited.tcpPorts.MQTT_PORT, { version });
      const answers = [];
      for (let n = 0; n < 25; n += 1) {
        client.send({
          cmd: "publish",
          topic,
          payload: String(n),
          qos: 1,
          messageId: n + 1,
          dup: false,
          retain: false,
        });
      }
      for (let n = 0; n < 25; n += 1) answers.push(await client.packet("puback"));
      const refused = answers.filter(({ reasonCode }) => reasonCode === 0x97);
      // MQTT 3.1.1 has no word for it, so there the publisher is made to wait.
      if (version === 5) expect(refused.length).toBeGreaterThan(0);
      else expect(refused).toEqual([]);
      const response = await fetch(`${limited.url}/channels/${topic}?after=earliest`);
      const { events } = (await response.json()) as { events: unknown[] };
      expect(events).toHaveLength(25 - refused.length);
      await client.disconnect();
    } finally {
      await limited.stop();
    }
  },
);

describe.skipIf(!hasMosquitto)("mosquitto's clients", () => {
  it.each(["311", "5"])("publish and subscribe with version %s", async (version) => {
    const topic = newTopic();
    // Line by line: it would keep what it says until it ends.
    const reader = spawn("/usr/bin/stdbuf", [
      "-oL",
      "mosquitto_sub",
      "-p",
      port,
      "-V",
      version,
      "-q",
      "2",
      "-t",
      `${topic}/#`,
      "-C",
      "3",
      "-d",
    ]);
    const exited = once(reader, "exit");
    const lines = createInterface(reader.stdout);
    const said: string[] = [];
    const subscribed = new Promise<void>((resolve) => {
      lines.on("line", (line) => {
        said.push(line);
        if (line.startsWith("Subscribed")) resolve();
      });
    });
    await subscribed;
    for (const qos of ["0", "1", "2"]) {
      await run("mosquitto_pub", [
        "-p",
        port,
        "-V",
        version,
        "-q",
        qos,
        "-t",
        `${topic}/x`,
        "-m",
        `qos ${qos}`,
      ]);
    }
    await exited;
    expect(said.filter((line) => line.startsWith("qos"))).toEqual(["qos 0", "qos 1", "qos 2"]);
  });
});

describe.skipIf(!hasPaho)("Python's paho", () => {
  it.each(["MQTTv311", "MQTTv5"])(
    "publishes and subscribes with %s over TCP and WebSocket",
    async (version) => {
      const script = `
import sys, threading, paho.mqtt.client as mqtt
port, transport, topic = int(sys.argv[1]), sys.argv[2], sys.argv[3]
client = mqtt.Client(protocol=mqtt.${version}, transport=transport)
if transport == "websockets": client.ws_set_options(path="/mqtt")
got, done = [], threading.Event()
def on_connect(c, *rest): c.subscribe(topic, 2)
def on_subscribe(c, *rest):
  for qos in (0, 1, 2): c.publish(topic, "qos %d" % qos, qos)
def on_message(c, u, m):
  got.append(m.payload.decode())
  if len(got) == 3: done.set()
client.on_connect, client.on_subscribe, client.on_message = on_connect, on_subscribe, on_message
client.connect("127.0.0.1", port)
client.loop_start()
done.wait(10)
client.disconnect()
print(",".join(got))
`;
      for (const [at, transport] of [
        [port, "tcp"],
        [new URL(served.url).port, "websockets"],
      ] as const) {
        const { stdout } = await run(PYTHON, ["-c", script, at, transport, newTopic()], { timeout: 20_000 });
        expect(stdout.trim()).toBe("qos 0,qos 1,qos 2");
      }
    },
  );
});
