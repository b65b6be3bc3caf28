import { generate } from "mqtt-packet";
import { PacketFramer } from "../../../../wire/mqtt-frame.ts";
import { encodePublish } from "../../../../wire/mqtt-publish.ts";
import { ByteConnection } from "../byte-connection.ts";
import type { OpenPublisher, Publisher } from "../publisher.ts";
import { Answers } from "../publisher.ts";
import { encodeFrame, FrameReader, openWebSocket } from "../web-socket.ts";

const MAX_PACKET_BYTES = 1024 * 1024;
const CONNACK = 2;
const PUBACK = 4;

/** PUBLISH at QoS 1 over TCP: acknowledged by PUBACK. */
export const publishMqtt: OpenPublisher = async (place, channel) => {
  const connection = await ByteConnection.open(place.mqttPort, place.host);
  return connect(
    connection,
    channel,
    (packet) => connection.write(packet),
    (onPackets) => onPackets,
  );
};

/** The same over a WebSocket. */
export const publishMqttWs: OpenPublisher = async (place, channel) => {
  const connection = await openWebSocket(place, "/mqtt", "mqtt");
  return connect(
    connection,
    channel,
    (packet) => connection.write(encodeFrame(packet)),
    (onPackets) => {
      const frames = new FrameReader(onPackets);
      return (chunk) => frames.push(chunk);
    },
  );
};

async function connect(
  connection: ByteConnection,
  topic: string,
  send: (packet: Uint8Array) => void,
  unwrap: (onPackets: (bytes: Buffer) => void) => (chunk: Buffer) => void,
): Promise<Publisher> {
  const answers = new Answers();
  const framer = new PacketFramer(MAX_PACKET_BYTES);
  const connected = Promise.withResolvers<void>();
  connection.onEnd = (why) => {
    connected.reject(new Error(why));
    answers.fail(why);
  };
  connection.onData = unwrap((bytes) => {
    for (const packet of framer.push(bytes)) {
      const type = (packet[0] as number) >> 4;
      if (type === CONNACK) connected.resolve();
      else if (type !== PUBACK) continue;
      // MQTT 5 §3.4.2: the reason code is behind the packet's id, and may be left out where it is 0.
      else if ((packet[4] ?? 0) >= 0x80) answers.fail(`PUBACK says ${packet[4]}.`);
      else answers.take();
    }
  });
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
  await connected.promise;
  let packetId = 0;
  return {
    get traffic() {
      return connection.traffic;
    },
    send: (data) => {
      packetId = (packetId % 65_535) + 1;
      const answered = answers.next();
      send(
        encodePublish(
          {
            topic,
            qos: 1,
            isRetained: false,
            isDuplicate: false,
            packetId,
            properties: { contentType: "application/json" },
            payload: Buffer.from(data),
          },
          5,
        ),
      );
      return answered;
    },
    close: () => connection.close(),
  };
}
