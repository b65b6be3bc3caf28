import { DurableObject } from "cloudflare:workers";
import type { IDisconnectPacket } from "mqtt-packet";
import type { OperationContext } from "../core/context.ts";
import { EverywireError } from "../core/error.ts";
import type { Identity } from "../core/identity.ts";
import type { MqttOpening } from "../core/mqtt-session.ts";
import { decodeConsumed, SETTLE, STOPPED } from "../core/mqtt-session.ts";
import { BadPacket, PACKET_TYPES, PROTOCOL_ERROR, splitPackets } from "../wire/mqtt-frame.ts";
import type { MqttLink } from "./mqtt-link.ts";
import { decodeAcknowledgement, decodePacket, encodePacket, toReasonCode } from "./mqtt-packets.ts";
import type { MqttPeers } from "./mqtt-session-core.ts";
import { MqttSessionCore } from "./mqtt-session-core.ts";
import type { SharedEvent } from "./mqtt-share.ts";
import type { ChannelNews } from "./subscriber.ts";

/** The context of operations for who has the session. */
export type ToContext<Env> = (env: Env, identity: Identity) => OperationContext;

/** How long one connection is dealt with before others get a turn. */
const MAX_TURN_MS = 50;
/** Batches of one connection that are still dealt with when another is waiting to take over. */
const MAX_LAST_BATCHES = 50;

/**
 * One MQTT client's session (MQTT 5 §4.1), named by whose it is and the client id. It is reached by the function that
 * holds the client's connection, over a socket that may sleep with the object; what it owes the client is in SQLite.
 *
 * Everything that changes it is done one after the other, in the order in which it came.
 */
export function createMqttSessionClass<Env extends MqttPeers>(toContext: ToContext<Env>) {
  return class MqttSession extends DurableObject<Env> {
    readonly #core: MqttSessionCore;
    /** Packets of each connection that are not dealt with yet. */
    readonly #packets = new Map<WebSocket, Uint8Array[]>();
    #tasks: Promise<void> = Promise.resolve();
    /** Connections that wait for their turn. */
    #openings = 0;

    constructor(context: DurableObjectState, env: Env) {
      super(context, env);
      this.#core = new MqttSessionCore(context, env, (identity) => toContext(env, identity));
    }

    /** A socket for a connection; the opening is its first message. */
    override fetch(): Response {
      const { 0: client, 1: server } = new WebSocketPair();
      this.ctx.acceptWebSocket(server);
      return new Response(null, { status: 101, webSocket: client });
    }

    override webSocketMessage(socket: WebSocket, message: string | ArrayBuffer): Promise<void> | void {
      if (typeof message === "string") return this.#onText(socket, message);
      const bytes = new Uint8Array(message);
      const waiting = this.#packets.get(socket);
      if (waiting !== undefined) {
        waiting.push(...splitPackets(bytes));
        return;
      }
      const packets = splitPackets(bytes);
      this.#packets.set(socket, packets);
      return this.#enqueue(() => this.#onPackets(socket, packets));
    }

    #onText(socket: WebSocket, text: string): Promise<void> | void {
      if (text === SETTLE) {
        return this.#enqueue(async () => {
          this.#linkOf(socket)?.settle({ publisher: this.#core.inbound.publisher });
        });
      }
      const link = this.#linkOf(socket);
      if (text === STOPPED) {
        link?.onStopped();
        return;
      }
      const consumed = decodeConsumed(text);
      if (consumed === undefined) {
        this.#openings += 1;
        return this.#enqueue(async () => {
          this.#openings -= 1;
          await this.#core.life.connect(socket, JSON.parse(text) as MqttOpening);
        });
      }
      link?.onConsumed(consumed);
      return link === undefined ? undefined : this.#core.onRoom().then(() => this.#core.afterTurn());
    }

    override webSocketClose(socket: WebSocket): Promise<void> {
      // Without arguments: 1005, 1006 and 1015 must not be sent back (RFC 6455 §7.4.1).
      socket.close();
      return this.#onGone(socket);
    }

    override webSocketError(socket: WebSocket): Promise<void> {
      return this.#onGone(socket);
    }

    override alarm(): Promise<void> {
      return this.#enqueue(() => this.#core.life.onAlarm());
    }

    /** What a channel tells (subscriber.ts). */
    async onNews(news: ChannelNews): Promise<void> {
      await this.#core.onNews(news);
      this.#core.afterTurn();
    }

    /** What a channel tells that is in no log (subscriber.ts). */
    onUnstored(channel: string, json: string): Promise<void> {
      return this.#core.onUnstored(channel, json);
    }

    /** What a group offers that the session is a member of (mqtt-share.ts). */
    async offer(text: string, events: readonly SharedEvent[]): Promise<number> {
      const taken = await this.#core.shares.offer(text, events);
      this.#core.afterTurn();
      return taken;
    }

    #linkOf(socket: WebSocket): MqttLink | undefined {
      const { link } = this.#core;
      return link?.socket === socket ? link : undefined;
    }

    /** One after the other; what fails does not keep the next from its turn. */
    #enqueue(task: () => Promise<void>): Promise<void> {
      const done = this.#tasks.then(task);
      this.#tasks = done
        .catch((thrown: unknown) => console.error("An MQTT session failed", thrown))
        .then(() => this.#core.afterTurn());
      return this.#tasks;
    }

    #onGone(socket: WebSocket): Promise<void> {
      this.#linkOf(socket)?.onStopped();
      return this.#enqueue(async () => {
        this.#packets.delete(socket);
        if (this.#linkOf(socket) !== undefined) await this.#core.life.onCut();
      });
    }

    async #onPackets(socket: WebSocket, packets: Uint8Array[]): Promise<void> {
      let turnMs = Date.now();
      for (let batches = 0; packets.length > 0; batches += 1) {
        if (Date.now() - turnMs > MAX_TURN_MS) {
          // The runtime looks at its other sockets when nothing else is left to do.
          await scheduler.wait(0);
          turnMs = Date.now();
        }
        // The next connection of the client must not wait for ever, however fast this one is.
        if (this.#openings > 0 && batches >= MAX_LAST_BATCHES) break;
        const link = this.#linkOf(socket);
        // Another connection has taken over, or this one was ended: nobody waits for an answer.
        if (link === undefined) break;
        try {
          await this.#onPacket(packets, link);
        } catch (thrown) {
          await this.#refuse(thrown, link);
        }
      }
      this.#packets.delete(socket);
    }

    /** Deals with the first packet, or with several where they are publishes to one channel. */
    async #onPacket(packets: Uint8Array[], link: MqttLink): Promise<void> {
      const [bytes] = packets;
      if (bytes === undefined) return;
      if ((bytes[0] ?? 0) >> 4 === PACKET_TYPES.PUBLISH) {
        this.#core.inbound.assertReceiveMaximum(packets, link.version);
        return this.#core.inbound.publish(packets, link);
      }
      packets.shift();
      link.consume(bytes.byteLength);
      const acknowledgement = decodeAcknowledgement(bytes, link.version);
      if (acknowledgement !== undefined) {
        const { cmd, packetId, reasonCode } = acknowledgement;
        if (cmd === "puback") this.#core.outbound.onPuback(packetId);
        else if (cmd === "pubrec") this.#core.outbound.onPubrec(packetId, reasonCode);
        else if (cmd === "pubcomp") this.#core.outbound.onPubcomp(packetId);
        else this.#core.inbound.onPubrel(packetId, link);
        return;
      }
      const packet = decodePacket(bytes, link.version);
      switch (packet.cmd) {
        case "subscribe":
          return this.#core.subscribing.subscribe(packet, link);
        case "unsubscribe":
          return this.#core.subscribing.unsubscribe(packet, link);
        case "disconnect":
          return this.#onDisconnect(packet, link);
        default:
          throw new BadPacket(PROTOCOL_ERROR, `A client does not send this here: ${packet.cmd}.`);
      }
    }

    #onDisconnect(packet: IDisconnectPacket, link: MqttLink): Promise<void> {
      const { reasonCode = 0, properties } = packet;
      const expirySeconds = link.version === 5 ? properties?.sessionExpiryInterval : undefined;
      return this.#core.life.disconnect(reasonCode, expirySeconds);
    }

    /** Ends a connection that broke the rules, or that can be told of a fault in no other way (MQTT 5 §4.13). */
    async #refuse(thrown: unknown, link: MqttLink): Promise<void> {
      const isBad = thrown instanceof BadPacket;
      const error = EverywireError.from(thrown);
      if (!isBad && error.code === "internal")
        console.error("An MQTT connection was cut", error.cause ?? error);
      if (link.version === 5) {
        const reasonCode = isBad ? thrown.reasonCode : toReasonCode(error);
        const reasonString = isBad ? thrown.message : error.message;
        link.send(encodePacket({ cmd: "disconnect", reasonCode, properties: { reasonString } }, 5));
      }
      await this.#core.life.onCut();
    }
  };
}
