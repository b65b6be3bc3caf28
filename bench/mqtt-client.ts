import type { Socket } from "node:net";
import { connect } from "node:net";
import type { IConnectPacket, IPublishPacket, Packet } from "mqtt-packet";
import { generate, parser } from "mqtt-packet";

export type PacketListener = (packet: Packet) => void;

/** What carries the bytes: TCP, or a WebSocket where the address is a URL. */
interface Carrier {
  write(bytes: Uint8Array): void;
  close(): void;
}

/** A client that does what it is told and acknowledges nothing by itself, so that it costs little beside a broker. */
export class MqttClient {
  readonly #carrier: Carrier;
  /** The socket, where it is one of TCP: for whoever has to wait until it drains. */
  readonly socket: Socket | undefined;
  /** What is called with every packet. */
  onPacket: PacketListener = () => undefined;
  /** Resolves when the connection is over. */
  readonly closed: Promise<void>;

  private constructor(carrier: Carrier, socket: Socket | undefined, closed: Promise<void>) {
    this.#carrier = carrier;
    this.socket = socket;
    this.closed = closed;
  }

  /**
   * @param address a port of this machine, or the URL of a WebSocket
   * @param onPacket told from the first packet after CONNACK on, which may come with it
   */
  static async connect(
    address: number | string,
    options: Partial<IConnectPacket> = {},
    onPacket: (packet: Packet, client: MqttClient) => void = () => undefined,
  ): Promise<MqttClient> {
    const { protocolVersion = 4 } = options;
    const reader = parser({ protocolVersion });
    const onBytes = (bytes: Uint8Array) => reader.parse(bytes as Buffer);
    const closed = Promise.withResolvers<void>();
    const [carrier, socket] =
      typeof address === "number"
        ? await openTcp(address, onBytes, closed.resolve)
        : [await openWebSocket(address, onBytes, closed.resolve), undefined];
    const client = new MqttClient(carrier, socket, closed.promise);
    client.onPacket = (packet) => onPacket(packet, client);
    const connected = Promise.withResolvers<void>();
    reader.on("packet", (packet) => {
      if (packet.cmd !== "connack") return client.onPacket(packet);
      if ((packet.returnCode ?? packet.reasonCode ?? 0) === 0) connected.resolve();
      else connected.reject(new Error(`Refused: ${packet.returnCode ?? packet.reasonCode}`));
    });
    closed.promise.then(() => connected.reject(new Error("The connection was closed before its CONNACK.")));
    client.send({
      cmd: "connect",
      clientId: "",
      protocolId: "MQTT",
      protocolVersion,
      clean: true,
      keepalive: 0,
      ...options,
    });
    await connected.promise;
    return client;
  }

  send(packet: Packet): void {
    this.#carrier.write(generate(packet));
  }

  /** Resolves with SUBACK. What else comes meanwhile goes on to `onPacket`: what is retained may come before it. */
  async subscribe(topic: string, qos: 0 | 1 | 2): Promise<void> {
    const before = this.onPacket;
    const answered = Promise.withResolvers<void>();
    this.onPacket = (packet) => {
      if (packet.cmd === "suback") answered.resolve();
      else before(packet);
    };
    this.send({ cmd: "subscribe", messageId: 1, subscriptions: [{ topic, qos }] });
    await Promise.race([answered.promise, this.closed.then(() => Promise.reject(new Error("Closed.")))]);
    this.onPacket = before;
  }

  publish(topic: string, payload: string, qos: 0 | 1 | 2, messageId: number): void {
    const packet: IPublishPacket = {
      cmd: "publish",
      topic,
      payload,
      qos,
      messageId,
      dup: false,
      retain: false,
    };
    this.send(packet);
  }

  /** Says goodbye to nobody. */
  close(): void {
    this.#carrier.close();
  }
}

async function openTcp(
  port: number,
  onBytes: (bytes: Uint8Array) => void,
  onClose: () => void,
): Promise<[Carrier, Socket]> {
  const socket = connect(port, "127.0.0.1");
  socket.setNoDelay(true);
  await new Promise<void>((resolve, reject) => socket.once("connect", resolve).once("error", reject));
  socket.on("data", onBytes);
  socket.on("close", onClose);
  socket.on("error", onClose);
  return [{ write: (bytes) => socket.write(bytes), close: () => socket.destroy() }, socket];
}

async function openWebSocket(
  url: string,
  onBytes: (bytes: Uint8Array) => void,
  onClose: () => void,
): Promise<Carrier> {
  const socket = new WebSocket(url, "mqtt");
  socket.binaryType = "arraybuffer";
  await new Promise<void>((resolve, reject) => {
    socket.onopen = () => resolve();
    socket.onerror = () => reject(new Error(`${url} cannot be reached.`));
  });
  socket.onmessage = ({ data }) => onBytes(new Uint8Array(data as ArrayBuffer));
  socket.onclose = onClose;
  return { write: (bytes) => socket.send(bytes), close: () => socket.close() };
}
