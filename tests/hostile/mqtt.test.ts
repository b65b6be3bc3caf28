import { randomBytes, randomInt } from "node:crypto";
import { connect } from "node:net";
import { generate } from "mqtt-packet";
import { afterAll, beforeAll, expect, it } from "vitest";
import { RawMqttClient } from "../conformance/mqtt-raw-client.ts";
import type { ServedTarget } from "../conformance/serve-target.ts";
import { serveTarget } from "../conformance/serve-target.ts";

let served: ServedTarget;
let port: number;
beforeAll(async () => {
  served = await serveTarget();
  port = served.tcpPorts.MQTT_PORT;
}, 60_000);
afterAll(() => served.stop());

/** The server takes new connections and still does its work. */
async function expectAlive(): Promise<void> {
  const client = await RawMqttClient.connect(port);
  await client.subscribe("demo/alive");
  await client.publish("demo/alive", "yes", { qos: 2 });
  expect(await client.text()).toBe("yes");
  await client.disconnect();
}

/** Sends bytes, and ends its side; resolves when the server has closed the connection. */
function send(...chunks: readonly Uint8Array[]): Promise<Buffer> {
  const socket = connect(port, "127.0.0.1");
  const answer: Buffer[] = [];
  return new Promise((resolve) => {
    socket.on("data", (bytes: Buffer) => answer.push(bytes));
    socket.on("error", () => undefined);
    socket.on("close", () => resolve(Buffer.concat(answer)));
    for (const chunk of chunks) socket.write(chunk);
    socket.end();
  });
}

const CONNECT = generate({
  cmd: "connect",
  clientId: "hostile",
  protocolId: "MQTT",
  protocolVersion: 5,
  clean: true,
});

it("closes what is not MQTT, and answers nothing", async () => {
  for (const text of ["GET / HTTP/1.1\r\n\r\n", "\u0016\u0003\u0001", '{"op":"hello"}\n', "\0".repeat(100)]) {
    expect(await send(Buffer.from(text))).toHaveLength(0);
  }
  await expectAlive();
});

it.each([
  ["a length that never ends", [0x10, 255, 255, 255, 255]],
  ["a packet that is too large", [0x10, 255, 255, 255, 127]],
  ["PUBLISH before CONNECT", [0x30, 3, 0, 1, 0x61]],
  ["a reserved type", [0, 0]],
  ["the reserved flag of CONNECT", [0x10, 14, 0, 4, 0x4d, 0x51, 0x54, 0x54, 4, 3, 0, 0, 0, 2, 0x61, 0x62]],
])("closes on %s", async (_name, bytes) => {
  await send(Uint8Array.from(bytes));
  await expectAlive();
});

it.each([
  ["a packet that is too large", [0x30, 255, 255, 255, 127], 0x95],
  ["a wildcard in a topic", [0x30, 4, 0, 1, 0x23, 0], 0x90],
  ["no topic", [0x30, 3, 0, 0, 0], 0x82],
  ["QoS 3", [0x36, 6, 0, 1, 0x61, 0, 1, 0], 0x81],
  ["a packet of the server's", [0xd0, 0], 0x82],
  ["SUBSCRIBE without a filter", [0x82, 3, 0, 1, 0], 0x82],
  ["SUBSCRIBE with a bad filter", [0x82, 8, 0, 1, 0, 0, 2, 0x61, 0x23, 0], 0x8f],
  ["SUBSCRIBE with wrong flags", [0x80, 8, 0, 1, 0, 0, 2, 0x61, 0x62, 0], 0x81],
  ["UNSUBSCRIBE that is cut off", [0xa2, 6, 0, 1, 0, 0, 9, 0x61], 0x81],
])("says why it closes: %s", async (_name, bytes, reasonCode) => {
  const client = await RawMqttClient.connect(port);
  client.sendBytes(...bytes);
  expect((await client.packet("disconnect")).reasonCode).toBe(reasonCode);
  await client.closed;
});

it("survives packets that are broken in every way", async () => {
  const good = [
    generate(
      {
        cmd: "publish",
        topic: "demo/fuzz",
        payload: "x",
        qos: 1,
        messageId: 1,
        dup: false,
        retain: true,
        properties: { contentType: "a", userProperties: { a: "b" } },
      },
      { protocolVersion: 5 },
    ),
    generate(
      {
        cmd: "subscribe",
        messageId: 2,
        subscriptions: [{ topic: "demo/fuzz/#", qos: 2 }],
        properties: { subscriptionIdentifier: 5 },
      },
      { protocolVersion: 5 },
    ),
    generate({ cmd: "unsubscribe", messageId: 3, unsubscriptions: ["demo/fuzz/#"] }, { protocolVersion: 5 }),
    generate({ cmd: "pubrel", messageId: 4 }, { protocolVersion: 5 }),
    generate({ cmd: "disconnect", reasonCode: 4 }, { protocolVersion: 5 }),
    CONNECT,
  ];
  const breakOne = () => {
    const bytes = Buffer.from(good[randomInt(good.length)] ?? CONNECT);
    for (let count = randomInt(1, 4); count > 0; count -= 1) bytes[randomInt(bytes.length)] = randomInt(256);
    return randomInt(4) === 0 ? bytes.subarray(0, randomInt(1, bytes.length + 1)) : bytes;
  };
  for (let round = 0; round < 30; round += 1) {
    await Promise.all(
      Array.from({ length: 10 }, (_, index) => {
        const first = index % 3 === 0 ? breakOne() : CONNECT;
        const rest = index % 5 === 0 ? [randomBytes(randomInt(1, 200))] : [breakOne(), breakOne()];
        return send(first, ...rest);
      }),
    );
  }
  await expectAlive();
}, 60_000);

it("holds a client to the messages that it may have on their way", async () => {
  const client = await RawMqttClient.connect(port);
  const { receiveMaximum = 0 } = client.connack.properties ?? {};
  expect(receiveMaximum).toBeGreaterThan(0);
  for (let messageId = 1; messageId <= receiveMaximum * 4; messageId += 1) {
    client.send({
      cmd: "publish",
      topic: "demo/greedy",
      payload: "x",
      qos: 2,
      messageId,
      dup: false,
      retain: false,
    });
  }
  for (;;) {
    const packet = await client.packets.next(5000);
    if (packet.cmd === "pubrec") continue;
    expect(packet).toMatchObject({ cmd: "disconnect", reasonCode: 0x93 });
    break;
  }
  await client.closed;
  await expectAlive();
});

it("holds only so much for a client that does not read, and loses nothing for it", async () => {
  const reader = await RawMqttClient.connect(port);
  await reader.subscribe("demo/slow", { qos: 0 });
  reader.socket.pause();
  const writer = await RawMqttClient.connect(port);
  const payload = "x".repeat(100_000);
  const MESSAGES = 200;
  for (let n = 0; n < MESSAGES; n += 1) await writer.publish("demo/slow", `${n} ${payload}`);
  await expectAlive();
  reader.socket.resume();
  for (let n = 0; n < MESSAGES; n += 1) expect((await reader.text()).split(" ", 1)).toEqual([String(n)]);
  await Promise.all([reader.disconnect(), writer.disconnect()]);
}, 60_000);

it("keeps hundreds of clients connected, each of which gets what it asked for", async () => {
  const CLIENTS = 200;
  const AT_ONCE = 25;
  const clients: RawMqttClient[] = [];
  for (let first = 0; first < CLIENTS; first += AT_ONCE) {
    const some = Array.from({ length: AT_ONCE }, async (_, index) => {
      const client = await RawMqttClient.connect(port, { version: 4, clientId: `many-${first + index}` });
      await client.subscribe(`demo/many/${(first + index) % 20}`, { qos: 0 });
      return client;
    });
    clients.push(...(await Promise.all(some)));
  }
  const writer = await RawMqttClient.connect(port);
  for (let n = 0; n < 20; n += 1) await writer.publish(`demo/many/${n}`, String(n));
  const texts = await Promise.all(clients.map((client) => client.text(20_000)));
  expect(texts).toEqual(clients.map((_, index) => String(index % 20)));
  for (const client of [...clients, writer]) client.cut();
  await expectAlive();
}, 60_000);

it("answers others while readers catch up with a long log", async () => {
  const EVENTS = 15_000;
  const READERS = 4;
  const topic = "demo/long";
  const writer = await RawMqttClient.connect(port);
  for (let n = 0; n < EVENTS; n += 1) {
    writer.send({ cmd: "publish", topic, payload: "x".repeat(100), qos: 0, dup: false, retain: false });
  }
  await writer.publish(topic, "last");
  const other = await RawMqttClient.connect(port);
  await other.publish("demo/other", "there before");

  let arrived = 0;
  const readers = Array.from({ length: READERS }, async () => {
    const reader = await RawMqttClient.connect(port);
    const properties = { userProperties: { after: "earliest" } };
    await reader.subscribe(topic, { qos: 0 }, properties);
    while ((await reader.text(60_000)) !== "last") arrived += 1;
    reader.cut();
  });
  const all = Promise.all(readers);
  let answers = 0;
  while (arrived < EVENTS * READERS) {
    await Promise.race([all, other.publish("demo/other", "now")]);
    answers += 1;
  }
  await all;
  // Where they were waited for, others would be answered once before and once after.
  expect(answers).toBeGreaterThan(20);
  for (const client of [writer, other]) client.cut();
}, 60_000);
