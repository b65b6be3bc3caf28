import type { IPublishPacket } from "mqtt";
import type { LaneEvent, LaneWire } from "../wire.ts";
import { countBytes, withToken } from "../wire.ts";

export const mqtt: LaneWire = {
  name: "mqtt",
  title: "MQTT 5 over WebSocket",
  family: "socket",
  path: "GET /mqtt, SUBSCRIBE at QoS 1",
  client: "mqtt.js",
  counted: "the payload of each frame: whole MQTT packets",
  holdsConnection: false,

  async run({ origin, channel, after, token }, sink, signal) {
    const { default: library } = await import("mqtt");
    const client = library.connect(withToken(`${origin.replace(/^http/, "ws")}/mqtt`, token), {
      protocolVersion: 5,
      reconnectPeriod: 0,
      clean: true,
      // Its timers would run in a worker made from a blob, which the page's policy does not let in.
      timerVariant: "native",
      createWebsocket: (url: string, protocols: string[]) => {
        const socket = new WebSocket(url, protocols);
        socket.addEventListener("message", ({ data }) => sink.onBytes(countBytes(data)));
        return socket;
      },
    });
    const ended = new Promise<void>((resolve, reject) => {
      client.on("close", resolve);
      client.on("error", reject);
    });
    signal.addEventListener("abort", () => client.end(true), { once: true });
    client.on("message", (_topic, _payload, packet) => sink.onEvent(toEvent(packet)));
    client.on("connect", () => {
      sink.onLive();
      client.subscribe(channel, { qos: 1, properties: { userProperties: { after } } });
    });
    await ended;
  },
};

/** The CloudEvents binding of MQTT, binary mode (§3.1): attributes are user properties, the payload is the data. */
function toEvent({ payload, properties }: IPublishPacket): LaneEvent {
  const { type, sequence } = (properties?.userProperties ?? {}) as Readonly<Record<string, string>>;
  const text = typeof payload === "string" ? payload : new TextDecoder().decode(payload);
  return { type: type ?? "", sequence, data: text === "" ? undefined : JSON.parse(text) };
}
