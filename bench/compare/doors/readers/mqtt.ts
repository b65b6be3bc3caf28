import type { ISubscribePacket } from "mqtt-packet";
import { generate } from "mqtt-packet";
import { PACKET_TYPES, PacketFramer } from "../../../../wire/mqtt-frame.ts";
import { ByteConnection } from "../byte-connection.ts";
import type { OpenReader, Reader, ReadRequest } from "../reader.ts";
import { encodeFrame, FrameReader, openWebSocket } from "../web-socket.ts";

const MAX_PACKET_BYTES = 1024 * 1024;
const CONNACK = 2;
const SUBACK = 9;
const PUBACK = 0x40;

/** MQTT 5 at QoS 1 over TCP. */
export const readMqtt: OpenReader = async (place, request) => {
  const connection = await ByteConnection.open(place.mqttPort, place.host, place.readerHost);
  return subscribe(
    connection,
    request,
    (packet) => connection.write(packet),
    (onPackets) => onPackets,
  );
};

/** The same over a WebSocket at `/mqtt`. */
export const readMqttWs: OpenReader = async (place, request) => {
  const connection = await openWebSocket(place, "/mqtt", "mqtt");
  return subscribe(
    connection,
    request,
    (packet) => connection.write(encodeFrame(packet)),
    (onPackets) => {
      const frames = new FrameReader(onPackets);
      return (chunk) => frames.push(chunk);
    },
  );
};

/** Connects and subscribes; every message is acknowledged, those that come together in one write. */
async function subscribe(
  connection: ByteConnection,
  { channel, after, onBytes, onEnd }: ReadRequest,
  send: (packets: Uint8Array) => void,
  unwrap: (onPackets: (bytes: Buffer) => void) => (chunk: Buffer) => void,
): Promise<Reader> {
  const live = Promise.withResolvers<void>();
  live.promise.catch(() => undefined);
  const framer = new PacketFramer(MAX_PACKET_BYTES);
  const onPackets = unwrap((bytes) => {
    const acknowledgements: number[] = [];
    for (const packet of framer.push(bytes)) {
      const type = (packet[0] as number) >> 4;
      if (type === PACKET_TYPES.PUBLISH) acknowledgements.push(...acknowledge(packet));
      else if (type === CONNACK) send(generate(toSubscribe(channel, after), { protocolVersion: 5 }));
      else if (type === SUBACK) {
        const reason = packet.at(-1) as number;
        if (reason < 0x80) live.resolve();
        else live.reject(new Error(`SUBSCRIBE was refused: ${reason}.`));
      }
    }
    if (acknowledgements.length > 0) send(Uint8Array.from(acknowledgements));
  });
  connection.onData = (chunk) => {
    onBytes(chunk);
    onPackets(chunk);
  };
  connection.onEnd = (why) => {
    live.reject(new Error(why));
    onEnd(why);
  };
  send(
    generate({
      cmd: "connect",
      clientId: "",
      protocolId: "MQTT",
      protocolVersion: 5,
      clean: true,
      keepalive: 0,
    }),
  );
  await live.promise;
  return {
    get traffic() {
      return connection.traffic;
    },
    close: () => connection.close(),
  };
}

function toSubscribe(channel: string, after: string): ISubscribePacket {
  return {
    cmd: "subscribe",
    messageId: 1,
    subscriptions: [{ topic: channel, qos: 1, nl: false, rap: false, rh: 0 }],
    properties: { userProperties: { after } },
  };
}

/** PUBACK of a PUBLISH (MQTT 5 §3.4): the two bytes behind the topic say of which. At QoS 0 there is none. */
function acknowledge(packet: Uint8Array): readonly number[] {
  if (((packet[0] as number) & 0x06) === 0) return [];
  let at = 1;
  while ((packet[at] as number) > 127) at += 1;
  const topicLength = (packet[at + 1] as number) * 256 + (packet[at + 2] as number);
  const idAt = at + 3 + topicLength;
  return [PUBACK, 2, packet[idAt] as number, packet[idAt + 1] as number];
}
