import { Buffer } from "node:buffer";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { IConnackPacket, IPublishPacket, MqttClient } from "mqtt";
import { connect } from "mqtt";
import { parseChannel } from "../amqp/routing-key.ts";
import { log, logSparingly } from "../log.ts";
import type { BrokerStatus } from "../mirror/broker-link.ts";
import { BrokerLink } from "../mirror/broker-link.ts";
import { CursorFile } from "../mirror/cursor-file.ts";
import { Mirror } from "../mirror/mirror.ts";
import type { Worker } from "../worker/worker.ts";
import { post, toAuthorization, toOutcome } from "../worker/worker-post.ts";
import { toEvent } from "./inward.ts";
import { TopicSink } from "./outward.ts";
import { PacketIds } from "./packet-ids.ts";
import type { MqttBridgeSettings } from "./settings.ts";

const CONNECT_TIMEOUT_MS = 10_000;
const KEEP_ALIVE_SECONDS = 15;
/** For which the broker keeps what comes while the gateway is away. */
const SESSION_SECONDS = 7 * 24 * 3600;
const RECEIVE_MAXIMUM = 64;
/** Beyond what any event may have: a broker keeps larger ones to itself (MQTT 5 §3.1.2.11.4). */
const MAX_PACKET_BYTES = 8 * 1024 * 1024;
/** A message that the Worker cannot take now is held this often before the connection is given back to the broker. */
const HELD_ATTEMPTS = 5;
const HELD_MS = 200;

/** A name in the file of cursors that no channel can have. */
const INSTANCE = "#instance";

export interface MqttBridgeOptions {
  readonly settings: MqttBridgeSettings;
  readonly worker: Worker;
  readonly token: string | undefined;
  readonly stateDirectory: string;
}

/**
 * Mirrors topics of another broker, both ways, QoS 1, over one session of MQTT 5 there. What came in is acknowledged when it is
 * durable; until then the broker keeps it, and what goes out is noted when the broker has it.
 */
export class MqttBridge {
  readonly #options: MqttBridgeOptions;
  readonly #cursors: CursorFile;
  readonly #packetIds: PacketIds;
  readonly #instance: string;
  readonly #link: BrokerLink;
  #lose: ((why: unknown) => void) | undefined;
  #mirror: Mirror | undefined;

  /** @throws Error where the cursors cannot be kept */
  constructor(options: MqttBridgeOptions) {
    this.#options = options;
    this.#cursors = new CursorFile(join(options.stateDirectory, "mqtt-bridge-cursors"));
    this.#packetIds = new PacketIds(join(options.stateDirectory, "mqtt-bridge-packets"));
    this.#instance = this.#cursors.get(INSTANCE) ?? crypto.randomUUID();
    this.#cursors.set(new Map([[INSTANCE, this.#instance]]));
    this.#link = new BrokerLink({
      name: "the MQTT broker",
      url: options.settings.url,
      session: (onUp) => this.#session(onUp),
    });
  }

  get status(): BrokerStatus & { readonly channels: number } {
    return { ...this.#link.status, channels: this.#mirror?.channels ?? 0 };
  }

  async stop(): Promise<void> {
    this.#link.stop();
    this.#lose?.(new Error("The gateway stops."));
    await Promise.race([this.#link.ended, delay(CONNECT_TIMEOUT_MS / 5)]);
    this.#cursors.close();
    this.#packetIds.close();
  }

  /** One connection, until it is over. @throws Error */
  async #session(onUp: () => void): Promise<never> {
    const { settings, worker, token } = this.#options;
    const over = Promise.withResolvers<never>();
    over.promise.catch(() => {});
    this.#lose = over.reject;
    // Before it is known whether the broker goes on with what it had, the numbers of its packets mean nothing.
    const begun = Promise.withResolvers<void>();
    let isOver = false;
    const client = connect(settings.url, {
      protocolVersion: 5,
      clientId: `everywire-${this.#instance}`,
      clean: false,
      keepalive: KEEP_ALIVE_SECONDS,
      connectTimeout: CONNECT_TIMEOUT_MS,
      // A connection that was lost begins anew from the cursors; what the library keeps would come on top.
      reconnectPeriod: 0,
      resubscribe: false,
      properties: {
        sessionExpiryInterval: SESSION_SECONDS,
        receiveMaximum: RECEIVE_MAXIMUM,
        maximumPacketSize: MAX_PACKET_BYTES,
      },
      // One after the other, in the order in which they came.
      customHandleAcks: (topic, payload, packet, done) => {
        begun.promise
          .then(() => this.#take(topic, Buffer.from(payload), packet, () => isOver))
          .then((reasonCode) => isOver || done(reasonCode))
          .catch(over.reject);
      },
    });
    // Those of QoS 0 are acknowledged to nobody: what cannot be taken is lost, and holds up nothing.
    client.handleMessage = (packet, done) => {
      if (packet.qos !== 0) return done();
      begun.promise
        .then(() => this.#take(packet.topic, Buffer.from(packet.payload), packet, () => isOver))
        .catch((thrown: unknown) =>
          logSparingly("a message of QoS 0 is lost", { topic: packet.topic, why: thrown }),
        )
        .finally(() => done());
    };
    client.on("error", over.reject);
    client.on("close", () => over.reject(new Error("The connection was closed.")));
    try {
      const connack = await Promise.race([connected(client), over.promise]);
      if (!connack.sessionPresent) this.#packetIds.forget();
      begun.resolve();
      // No-local: what we publish is not sent back. Retained messages come once, and say that they are.
      const options = { qos: 1, nl: true, rap: true, rh: 1 } as const;
      if (settings.in.length > 0) {
        const granted = await Promise.race([client.subscribeAsync([...settings.in], options), over.promise]);
        for (const { topic, qos } of granted)
          if (qos >= 0x80) log("the MQTT broker refuses a subscription", { filter: topic });
      }
      const sink = new TopicSink(client, {
        prefix: settings.outPrefix,
        instance: this.#instance,
        connack,
        closed: over.promise,
      });
      const mirrored = {
        name: "MQTT bridge",
        worker,
        token,
        cursors: this.#cursors,
        sink,
        onLost: over.reject,
      };
      if (settings.out.length > 0) this.#mirror = new Mirror({ ...mirrored, globs: settings.out });
      onUp();
      return await over.promise;
    } finally {
      isOver = true;
      this.#mirror?.stop();
      this.#mirror = undefined;
      client.end(true);
    }
  }

  /** Gives the reason code to acknowledge with. @throws Error where that must not be done yet */
  async #take(
    topic: string,
    payload: Buffer,
    packet: IPublishPacket,
    isOver: () => boolean,
  ): Promise<number> {
    const { settings, worker, token } = this.#options;
    const channel = parseChannel(settings.inPrefix + topic);
    if (channel === undefined) return refuse(topic, "Its topic is no channel.", 0x90);
    let event: Record<string, unknown> | undefined;
    try {
      const { messageId, dup: isRepeated } = packet;
      const toId = () => this.#packetIds.toId({ topic, payload, messageId, isRepeated });
      event = toEvent({ payload, packet, instance: this.#instance, toId });
    } catch {
      return refuse(topic, "It is not the JSON that it says it is.", 0x99);
    }
    if (event === undefined) return 0;
    const body = JSON.stringify(event);
    const authorization = toAuthorization(undefined, token);
    for (let attempt = 1; ; attempt += 1) {
      const contentType = "application/cloudevents+json";
      const outcome = toOutcome(
        await post(worker, `/channels/${channel}`, { body, contentType, authorization }),
      );
      if (outcome.kind === "done") return 0;
      if (outcome.kind === "never") return refuse(topic, outcome.reason, 0x83);
      // While one is held no ping is answered either: the broker keeps it better than an open connection does.
      if (attempt === HELD_ATTEMPTS || isOver())
        throw new Error(`A message cannot be taken now: ${outcome.reason}`);
      await delay(HELD_MS * attempt);
    }
  }
}

function connected(client: MqttClient): Promise<IConnackPacket> {
  return new Promise((resolve) => client.once("connect", resolve));
}

/** There is nowhere to put it: in MQTT the reason goes to the broker, and into the log. */
function refuse(topic: string, why: string, reasonCode: number): number {
  logSparingly("a message from the MQTT broker is not taken", { topic, why });
  return reasonCode;
}
