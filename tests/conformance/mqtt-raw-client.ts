import type { Socket } from "node:net";
import { connect } from "node:net";
import type { IConnectPacket, IPublishPacket, Packet } from "mqtt-packet";
import { generate, parser } from "mqtt-packet";
import { Received } from "./received-events.ts";

export type Version = 4 | 5;

/** A client that does exactly what it is told, and acknowledges nothing by itself unless it is told to. */
export class RawMqttClient {
  readonly socket: Socket;
  readonly version: Version;
  /** Messages, in order. */
  readonly messages = new Received<IPublishPacket>();
  /** Every other packet, in order. */
  readonly packets = new Received<Packet>();
  /** Resolves when the server has closed the connection. */
  readonly closed: Promise<void>;
  /** Whether messages are acknowledged as they come. */
  acknowledges = true;
  #nextId = 0;

  private constructor(socket: Socket, version: Version) {
    this.socket = socket;
    this.version = version;
    const reader = parser({ protocolVersion: version });
    reader.on("packet", (packet) => this.#onPacket(packet));
    reader.on("error", (error) => this.packets.end(error));
    socket.on("data", (bytes) => reader.parse(bytes as Buffer));
    socket.on("error", () => undefined);
    this.closed = new Promise((resolve) => {
      socket.on("close", () => {
        const error = new Error("The connection is closed.");
        this.messages.end(error);
        this.packets.end(error);
        resolve();
      });
    });
  }

  static async open(port: number, version: Version = 5): Promise<RawMqttClient> {
    const socket = connect(port, "127.0.0.1");
    await new Promise<void>((resolve, reject) => {
      socket.once("connect", resolve);
      socket.once("error", reject);
    });
    return new RawMqttClient(socket, version);
  }

  /** Opens a connection and says CONNECT; gives the client and the CONNACK. */
  static async connect(port: number, options: Partial<IConnectPacket> & { version?: Version } = {}) {
    const { version = 5, ...more } = options;
    const client = await RawMqttClient.open(port, version);
    client.send({
      cmd: "connect",
      protocolId: "MQTT",
      protocolVersion: version,
      clean: true,
      keepalive: 0,
      clientId: "",
      ...more,
    });
    const connack = await client.packet("connack");
    return Object.assign(client, { connack });
  }

  send(packet: Packet): void {
    this.socket.write(generate(packet, { protocolVersion: this.version }));
  }

  sendBytes(...bytes: readonly number[]): void {
    this.socket.write(Uint8Array.from(bytes));
  }

  /** The next packet that is no message. @throws Error where it is another than was expected */
  async packet<Cmd extends Packet["cmd"]>(cmd: Cmd): Promise<Extract<Packet, { cmd: Cmd }>> {
    const packet = await this.packets.next(5000);
    if (packet.cmd !== cmd) throw new Error(`Not ${cmd}: ${JSON.stringify(packet)}`);
    return packet as Extract<Packet, { cmd: Cmd }>;
  }

  async subscribe(topic: string, options: object = {}, properties?: object) {
    const messageId = this.id();
    const subscription = { topic, qos: 2 as const, nl: false, rap: false, rh: 0, ...options };
    const more = properties === undefined ? {} : { properties };
    this.send({ cmd: "subscribe", messageId, subscriptions: [subscription], ...more });
    return this.packet("suback");
  }

  async unsubscribe(...topics: string[]) {
    this.send({ cmd: "unsubscribe", messageId: this.id(), unsubscriptions: topics });
    return this.packet("unsuback");
  }

  /** Publishes, and sees the handshake through. Gives the first answer; undefined at QoS 0. */
  async publish(topic: string, payload: string | Buffer, options: Partial<IPublishPacket> = {}) {
    const { qos = 1 } = options;
    const messageId = this.id();
    this.send({
      cmd: "publish",
      topic,
      payload,
      qos,
      dup: false,
      retain: false,
      ...options,
      ...(qos > 0 ? { messageId } : {}),
    });
    if (qos === 0) return undefined;
    if (qos === 1) return this.packet("puback");
    const pubrec = await this.packet("pubrec");
    if ((pubrec.reasonCode ?? 0) >= 0x80) return pubrec;
    this.send({ cmd: "pubrel", messageId });
    await this.packet("pubcomp");
    return pubrec;
  }

  /** The text of the next message. */
  async text(timeoutMs = 5000): Promise<string> {
    return String((await this.messages.next(timeoutMs)).payload);
  }

  /** Resolves once everything that was published before has gone past: nothing more is on its way here. */
  async settle(): Promise<void> {
    const topic = `demo/settle-${Math.random().toString(36).slice(2)}`;
    await this.subscribe(topic, { qos: 0 });
    await this.publish(topic, "settled", { qos: 1 });
    const { topic: arrived } = await this.messages.next(5000);
    if (arrived !== topic) throw new Error(`Something came that was not expected, on ${arrived}.`);
    await this.unsubscribe(topic);
  }

  async disconnect(properties?: object): Promise<void> {
    this.send({
      cmd: "disconnect",
      ...(this.version === 5 ? { reasonCode: 0 } : {}),
      ...(properties === undefined ? {} : { properties }),
    });
    await this.closed;
  }

  /** Cuts the connection without a word. */
  cut(): void {
    this.socket.destroy();
  }

  id(): number {
    this.#nextId += 1;
    return this.#nextId;
  }

  #onPacket(packet: Packet): void {
    if (packet.cmd === "publish") {
      this.messages.push(packet);
      const { messageId = 0, qos } = packet;
      if (this.acknowledges && qos > 0) this.send({ cmd: qos === 1 ? "puback" : "pubrec", messageId });
      return;
    }
    if (packet.cmd === "pubrel") {
      this.send({ cmd: "pubcomp", messageId: packet.messageId ?? 0 });
      return;
    }
    this.packets.push(packet);
  }
}
