import type { IPublishPacket } from "mqtt";
import mqtt from "mqtt";
import type { ErrorCode } from "../../typescript/error.ts";
import { EverywireError } from "../../typescript/error.ts";
import type { CloudEvent } from "../../typescript/event.ts";
import type { ReadDoor } from "./door.ts";
import { Arrivals, lost } from "./door.ts";

/** MQTT 5 over TCP on MQTT_PORT at QoS 1, with mqtt.js (functions/mqtt). */
export const read: ReadDoor = async function* (target, { channel, after, signal, onLive }) {
  const arrivals = new Arrivals();
  const { hostname, token } = target;
  const port = target.ports.MQTT_PORT;
  const host = hostname.includes(":") ? `[${hostname}]` : hostname;
  const client = mqtt.connect(`mqtt://${host}:${port}`, {
    protocolVersion: 5,
    reconnectPeriod: 0,
    clean: true,
    ...(token === undefined ? {} : { username: "token", password: token }),
  });
  client.on("connect", () => {
    const properties = after === "latest" ? {} : { properties: { userProperties: { after } } };
    client.subscribe(channel, { qos: 1, ...properties }, () => undefined);
  });
  // mqtt.js keeps to itself what an acknowledgement says.
  client.on("packetreceive", (packet) => {
    if (packet.cmd !== "suback") return;
    const { granted = [], properties } = packet as {
      readonly granted?: readonly number[];
      readonly properties?: {
        readonly reasonString?: string;
        readonly userProperties?: Readonly<Record<string, string>>;
      };
    };
    if (Math.max(0, ...granted) < 0x80) return onLive(undefined);
    const code = (properties?.userProperties?.code ?? "internal") as ErrorCode;
    arrivals.end(new EverywireError(code, properties?.reasonString ?? "The subscription was refused."));
  });
  client.on("message", (_topic, _payload, packet) => {
    try {
      arrivals.push(toEvent(packet));
    } catch (error) {
      arrivals.end(EverywireError.from(error));
    }
  });
  client.on("error", (error) => {
    const { code } = error as { readonly code?: unknown };
    if (code === 0x86 || code === 0x87 || code === 5) {
      return arrivals.end(new EverywireError("unauthenticated", error.message));
    }
    arrivals.end(
      lost(`Port ${port} (MQTT_PORT) of ${hostname}: ${typeof code === "string" ? code : error.message}.`),
    );
  });
  client.on("close", () => arrivals.end(lost("The connection was closed.")));
  const stop = () => arrivals.end();
  signal.addEventListener("abort", stop, { once: true });
  try {
    yield* arrivals;
  } finally {
    signal.removeEventListener("abort", stop);
    client.end(true);
  }
};

/** An event in binary mode, as the CloudEvents binding of MQTT 5 has it (§3.1). */
function toEvent(packet: IPublishPacket): CloudEvent {
  const { contentType, userProperties } = packet.properties ?? {};
  const payload = Buffer.from(packet.payload);
  const event: Record<string, unknown> = { ...userProperties };
  if (contentType !== undefined) event.datacontenttype = contentType;
  if (contentType?.includes("json") === true) event.data = JSON.parse(payload.toString());
  else if (contentType?.startsWith("text/") === true || event.type === "mqtt.message")
    event.data = payload.toString();
  else if (payload.length > 0) event.data_base64 = payload.toString("base64");
  return event as unknown as CloudEvent;
}
