import { randomUUID } from "node:crypto";
import type { IClientOptions, IPublishPacket, MqttClient, Packet } from "mqtt";
import mqtt from "mqtt";
import type { ErrorCode } from "../../../core/error.ts";
import type { DoorDriver, Published, PublishedEvent, Reader, ReceivedEvent, Target } from "../door-driver.ts";
import { DEFAULT_TIMEOUT_MS, DoorError } from "../door-driver.ts";
import { Received } from "../received-events.ts";

export type MqttTransport = "tcp" | "websocket";

/** Where a target speaks MQTT. */
function toMqttUrl(target: Target, transport: MqttTransport): string {
  if (transport === "websocket") return `${target.url.replace(/^http/, "ws")}/mqtt`;
  return `mqtt://127.0.0.1:${target.tcpPorts?.MQTT_PORT}`;
}

/** Connects with mqtt.js, MQTT 5 unless said otherwise; it does not connect again by itself. @throws DoorError */
export async function connectMqtt(
  target: Target,
  transport: MqttTransport,
  options: IClientOptions = {},
): Promise<MqttClient> {
  const client = mqtt.connect(toMqttUrl(target, transport), {
    protocolVersion: 5,
    reconnectPeriod: 0,
    clean: true,
    ...(target.token === undefined ? {} : { username: "token", password: target.token }),
    ...options,
  });
  const opened = Promise.withResolvers<void>();
  client.once("connect", () => opened.resolve());
  client.on("error", (error) => {
    const { code } = error as { code?: unknown };
    opened.reject(code === 0x86 || code === 5 ? new DoorError("unauthenticated", error.message) : error);
  });
  client.once("close", () => opened.reject(new Error("It was closed before it was connected.")));
  try {
    await opened.promise;
  } catch (error) {
    client.end(true);
    throw error;
  }
  return client;
}

/** The next packet of a kind, which mqtt.js keeps to itself: the cursor of a publish, the reason of a refusal. */
function nextPacket(client: MqttClient, ...kinds: readonly string[]): Promise<Packet> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`No ${kinds.join(" or ")} came.`)), DEFAULT_TIMEOUT_MS);
    client.once("close", () => clearTimeout(timer));
    client.on("packetreceive", (packet) => {
      if (!kinds.includes(packet.cmd)) return;
      clearTimeout(timer);
      resolve(packet);
    });
    client.on("close", () => reject(new Error("closed")));
  });
}

interface Told {
  readonly reasonCode?: number;
  readonly granted?: readonly number[];
  readonly properties?: { readonly reasonString?: string; readonly userProperties?: Record<string, string> };
}

/** @throws DoorError where an acknowledgement says no */
function assertGranted(packet: Packet): Readonly<Record<string, string>> {
  const { reasonCode = 0, granted = [], properties = {} } = packet as Told;
  const said = properties.userProperties ?? {};
  if (Math.max(reasonCode, ...granted) < 0x80) return said;
  throw new DoorError(said.code as ErrorCode, properties.reasonString ?? "");
}

/** An event in binary mode, as the CloudEvents binding of MQTT 5 has it (§3.1). */
function toEvent(packet: IPublishPacket): Record<string, unknown> {
  const { contentType, userProperties } = packet.properties ?? {};
  const payload = Buffer.from(packet.payload);
  const event: Record<string, unknown> = { ...userProperties };
  if (contentType !== undefined) event.datacontenttype = contentType;
  if (contentType?.includes("json") === true) event.data = JSON.parse(payload.toString());
  else if (payload.length > 0) event.data_base64 = payload.toString("base64");
  return event;
}

/** MQTT 5 with mqtt.js: structured CloudEvents go out, binary ones come back. */
function createMqttDriver(name: string, transport: MqttTransport, qos: 0 | 1 | 2): DoorDriver {
  return {
    name,
    door: "mqtt",
    takesAnyName: "every topic is a channel: what is no channel's name is escaped",

    async publish(target: Target, channel: string, event: PublishedEvent): Promise<Published> {
      const client = await connectMqtt(target, transport);
      try {
        const answer = nextPacket(client, qos === 2 ? "pubrec" : "puback");
        const whole = { specversion: "1.0", id: randomUUID(), source: "/mqtt-driver", ...event };
        const contentType = "application/cloudevents+json";
        client.publish(channel, JSON.stringify(whole), { qos, properties: { contentType } }, () => undefined);
        const { id = "", sequence = "", duplicate } = assertGranted(await answer);
        return { id, sequence, duplicate: duplicate === "true" };
      } finally {
        client.end(true);
      }
    },

    async read(target: Target, channel: string, after?: string): Promise<Reader> {
      const client = await connectMqtt(target, transport);
      const received = new Received<ReceivedEvent>();
      client.on("message", (_topic, _payload, packet) => {
        const event = toEvent(packet);
        received.push({ sequence: event.sequence as string | undefined, event });
      });
      client.on("close", () => received.end(new Error("closed")));
      const answer = nextPacket(client, "suback");
      // mqtt.js sends no packet at all for user properties that are empty.
      const properties = after === undefined ? {} : { properties: { userProperties: { after } } };
      // Not at QoS 2: a message of QoS 1 that came after one of QoS 2 is handed over before that is released.
      client.subscribe(channel, { qos: 1, ...properties }, () => undefined);
      try {
        assertGranted(await answer);
      } catch (error) {
        client.end(true);
        throw error;
      }
      let cursor = after;
      return {
        get cursor() {
          return cursor;
        },
        async next(timeoutMs) {
          const next = await received.next(timeoutMs);
          cursor = next.sequence ?? (next.event.data as { resumedAt: string }).resumedAt;
          return next;
        },
        async cut() {
          client.stream.destroy();
          client.end(true);
        },
      };
    },
  };
}

export const mqttOverTcp = createMqttDriver("mqtt", "tcp", 1);
export const mqttOverWebSocket = createMqttDriver("mqtt-websocket", "websocket", 2);
