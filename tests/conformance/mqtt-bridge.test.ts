import { randomUUID } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { IClientPublishOptions, IPublishPacket, MqttClient } from "mqtt";
import { connectAsync } from "mqtt";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { buildIfStale } from "../../scripts/build.ts";
import type { RunningGateway } from "../../scripts/gateway.ts";
import { startGateway } from "../../scripts/gateway.ts";
import type { Served } from "../../scripts/serve.ts";
import { serve } from "../../scripts/serve.ts";
import { orSkipped } from "./missing.ts";
import type { Mosquitto } from "./mosquitto.ts";
import { startMosquitto, whyNoMosquitto } from "./mosquitto.ts";
import { Received } from "./received-events.ts";

const why = whyNoMosquitto();

describe.skipIf(why !== undefined)(orSkipped("the MQTT bridge", why), () => {
  let stateDirectory: string;
  let served: Served;
  let broker: Mosquitto;
  let gateway: RunningGateway;
  let client: MqttClient;

  const startBridge = () => {
    const environment = {
      MQTT_BRIDGE_URL: broker.url,
      MQTT_BRIDGE_OUT: "demo/**",
      MQTT_BRIDGE_IN: "demo/#,plant/#",
      MQTT_BRIDGE_IN_PREFIX: "demo/",
    };
    return startGateway({ url: served.url, stateDirectory, environment });
  };
  const untilUp = () =>
    vi.waitFor(
      async () => {
        const response = await fetch(`http://127.0.0.1:${gateway.ports.GATEWAY_HEALTH_PORT}/health`);
        expect(await response.json()).toMatchObject({ mqttBridge: { status: "ok" } });
      },
      { timeout: 10_000 },
    );
  const connect = () => connectAsync(broker.url, { protocolVersion: 5, reconnectPeriod: 50 });

  beforeAll(async () => {
    await buildIfStale();
    stateDirectory = await mkdtemp(join(tmpdir(), "everywire-mqtt-bridge-"));
    broker = await startMosquitto();
    served = await serve({
      port: 0,
      stateDirectory,
      environment: { RATE_LIMITS: "off", ANONYMOUS_CHANNELS: "demo/**" },
    });
    gateway = await startBridge();
    client = await connect();
    await untilUp();
  }, 60_000);
  afterAll(async () => {
    await client?.endAsync(true);
    await gateway?.stop();
    await broker?.stop();
    await served?.stop();
    await rm(stateDirectory, { recursive: true, force: true });
  }, 30_000);

  const range = (count: number) => Array.from({ length: count }, (_, n) => n);
  const publish = async (channel: string, event: object | readonly object[]) => {
    const response = await fetch(`${served.url}/channels/${channel}`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(event),
    });
    expect(response.status).toBe(201);
    return (await response.json()) as { id: string; sequence: string };
  };
  const readAll = async (channel: string) => {
    const response = await fetch(`${served.url}/channels/${channel}?after=earliest&limit=1000`);
    return ((await response.json()) as { events: Record<string, unknown>[] }).events;
  };
  const send = (topic: string, payload: string | Buffer, more: IClientPublishOptions = {}) =>
    client.publishAsync(topic, payload, { qos: 1, ...more });
  /** What the broker hands to somebody else. */
  const listen = async (topic: string) => {
    const received = new Received<{ payload: string; packet: IPublishPacket }>();
    client.on("message", (from, payload, packet) => {
      if (from === topic) received.push({ payload: payload.toString(), packet });
    });
    await client.subscribeAsync(topic, { qos: 1 });
    return received;
  };

  it("carries events out, by the CloudEvents binding, with the cursor", async () => {
    const channel = `demo/${randomUUID()}`;
    const received = await listen(channel);
    const { id, sequence } = await publish(channel, { type: "greeting", data: { text: "grüße" } });
    const { payload, packet } = await received.next();
    expect(JSON.parse(payload)).toEqual({ text: "grüße" });
    expect(packet).toMatchObject({ qos: 1, retain: false });
    expect(packet.properties).toMatchObject({
      contentType: "application/json",
      userProperties: { specversion: "1.0", id, sequence, type: "greeting", subject: channel },
    });
  });

  it("carries messages in, as the MQTT door would take them", async () => {
    const topic = `plant/${randomUUID()}`;
    await send(topic, "21.5", { retain: true });
    await send(topic, '{"n":1}', { properties: { contentType: "application/json" } });
    await send(topic, Buffer.from([0, 255]), { qos: 0 });
    const attributes = { specversion: "1.0", id: "own", source: "/elsewhere", type: "reading" };
    await send(topic, "2", { properties: { contentType: "application/json", userProperties: attributes } });
    await expect.poll(() => readAll(`demo/${topic}`)).toHaveLength(4);
    const events = await readAll(`demo/${topic}`);
    expect(events).toMatchObject([
      { type: "mqtt.message", data: "21.5" },
      { type: "mqtt.message", data: { n: 1 } },
      { type: "mqtt.message", data_base64: "AP8=" },
      { ...attributes, data: 2 },
    ]);
  });

  it("carries every message in, also one that is like the one before", async () => {
    const topic = `plant/${randomUUID()}`;
    // The broker may give each of them the same number, since each is acknowledged before the next.
    for (const qos of [2, 2, 1, 1] as const) await send(topic, "on", { qos });
    await expect.poll(() => readAll(`demo/${topic}`)).toHaveLength(4);
  });

  it("carries along what is retained, when it expires and where to answer, both ways", async () => {
    const [topic, channel] = [`plant/${randomUUID()}`, `demo/${randomUUID()}`];
    const properties = {
      messageExpiryInterval: 60,
      responseTopic: "plant/answers",
      correlationData: Buffer.from("c"),
    };
    await send(topic, "in", { retain: true, properties });
    await expect.poll(() => readAll(`demo/${topic}`)).toHaveLength(1);
    const [event] = await readAll(`demo/${topic}`);
    const { mqttexpires, mqttresponsetopic, mqttcorrelation, mqttretain } = event ?? {};
    expect(Date.parse(String(mqttexpires))).toBeGreaterThan(Date.now() + 40_000);
    expect([mqttresponsetopic, mqttcorrelation]).toEqual(["plant/answers", "Yw=="]);
    // A message that is handed on as it is published is not marked as retained unless the bridge asks for that.
    expect(mqttretain).toBe(true);

    const received = await listen(channel);
    const own = { mqttexpires, mqttresponsetopic, mqttcorrelation, mqttretain };
    await publish(channel, { type: "late", mqttexpires: "2020-01-01T00:00:00Z" });
    await publish(channel, { type: "t", data: "out", ...own });
    const { packet } = await received.next();
    expect(packet.properties).toMatchObject({
      responseTopic: "plant/answers",
      correlationData: Buffer.from("c"),
      userProperties: { type: "t" },
    });
    expect(packet.properties?.messageExpiryInterval).toBeGreaterThan(30);
    // Who comes later gets it from the broker, until an empty one takes its place.
    const late = async () => {
      const other = await connect();
      const messages: string[] = [];
      other.on("message", (_topic, payload) => messages.push(payload.toString()));
      await other.subscribeAsync(channel, { qos: 1 });
      await other.publishAsync(`${channel}/end`, "", { qos: 1 });
      await other.endAsync();
      return messages;
    };
    expect(await late()).toEqual(['"out"']);
    await publish(channel, { type: "t", data_base64: "", mqttretain: true });
    await received.next();
    expect(await late()).toEqual([]);
  });

  it("carries an event whole that MQTT has no characters for, and then the next one", async () => {
    const channel = `demo/${randomUUID()}`;
    const received = await listen(channel);
    // A broker closes the connection of whoever sends such a text as a property (MQTT 5 §1.5.4).
    await publish(channel, { type: "odd", data: 1, odd: "\u0085\ufffe" });
    await publish(channel, { type: "next", data: 2 });
    const { payload, packet } = await received.next();
    expect(packet.properties?.contentType).toMatch(/^application\/cloudevents\+json/);
    expect(JSON.parse(payload)).toMatchObject({ type: "odd", data: 1, odd: "\u0085\ufffe" });
    expect((await received.next()).payload).toBe("2");
  });

  it("carries nothing back to where it came from", async () => {
    // Both ways on the same topics: what goes out comes in, but for the bridge.
    const topic = `plant/${randomUUID()}`;
    const [there, back] = [await listen(topic), await listen(`demo/${topic}`)];
    await send(topic, "one");
    expect((await there.next()).payload).toBe("one");
    await expect.poll(() => readAll(`demo/${topic}`)).toHaveLength(1);
    const channel = `demo/${topic}`;
    await publish(channel, { type: "t", data: "two" });
    expect(JSON.parse((await back.next()).payload)).toBe("two");
    // A message of ours that somebody else sends once more.
    const mark = String((await readAll(channel))[0]?.mqttbridge);
    await send(topic, "three", { properties: { userProperties: { mqttbridge: mark } } });
    await expect(back.next(700)).rejects.toThrow(/Nothing came/);
    expect((await readAll(channel)).map(({ data }) => data)).toEqual(["one", "two"]);
    expect(await readAll(`demo/${channel}`)).toEqual([]);
  });

  it("loses nothing when the gateway is killed, the broker restarts and the Worker is away", async () => {
    const [out, topic] = [`demo/${randomUUID()}`, `plant/${randomUUID()}`];
    const received = await listen(out);
    const seen: number[] = [];
    const collect = (async () => {
      while (seen.length < 300) {
        const n = Number((await received.next(30_000)).payload);
        if (!seen.includes(n)) seen.push(n);
      }
    })();
    const batch = async (from: number) => {
      await publish(
        out,
        range(25).map((k) => ({ type: "t", data: from + k })),
      );
      await Promise.all(range(25).map((k) => send(topic, String(from + k))));
    };
    for (let n = 0; n < 300; n += 50) {
      await Promise.all([batch(n), batch(n + 25)]);
      if (n === 0 || n === 200) {
        await gateway.kill();
        await send(topic, `while it was away ${n}`);
        gateway = await startBridge();
      }
      if (n === 100) {
        await broker.restart(() => publish(out, { type: "t", data: 0 }).then(() => {}));
        await vi.waitFor(() => expect(client.connected).toBe(true), { timeout: 5000 });
      }
      if (n === 150) {
        const { port } = served;
        await served.kill();
        await send(topic, "while the Worker was away");
        served = await serve({
          port,
          stateDirectory,
          environment: { RATE_LIMITS: "off", ANONYMOUS_CHANNELS: "demo/**" },
        });
      }
    }
    await collect;
    expect(seen).toHaveLength(300);
    const wanted = new Set([
      ...range(300).map(String),
      "while it was away 0",
      "while it was away 200",
      "while the Worker was away",
    ]);
    const read = async () => (await readAll(`demo/${topic}`)).map(({ data }) => data);
    await expect.poll(async () => new Set(await read()).size, { timeout: 20_000 }).toBe(wanted.size);
    const data = await read();
    expect(new Set(data)).toEqual(wanted);
    // What was sent again is there once.
    expect(data).toHaveLength(wanted.size);
  }, 60_000);

  it("goes on after a broker that has forgotten everything", async () => {
    const [channel, topic] = [`demo/${randomUUID()}`, `plant/${randomUUID()}`];
    const received = await listen(channel);
    // Retained, since this client may be back later than the bridge.
    await broker.crash(async () => {
      await publish(channel, { type: "t", data: "while it was away", mqttretain: true });
    });
    expect((await received.next(20_000)).payload).toBe('"while it was away"');
    await vi.waitFor(() => expect(client.connected).toBe(true), { timeout: 5000 });
    await send(topic, "after");
    await expect.poll(() => readAll(`demo/${topic}`)).toHaveLength(1);
  }, 40_000);
});
