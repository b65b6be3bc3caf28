import { Buffer } from "node:buffer";
import type { IClientPublishOptions, IConnackPacket, MqttClient } from "mqtt";
import { logSparingly } from "../log.ts";
import { fromEventData } from "../mirror/event-data.ts";
import type { MirroredEvent, Sink } from "../mirror/sink.ts";
import type { Line } from "../webtransport/worker-lines.ts";
import { addMark, isMarked, MARK } from "./mark.ts";
import { fromAttributes, isExpired, isMqttText } from "./properties.ts";

/** Fewer under way than a broker that says nothing would take. */
const MAX_UNDER_WAY = 100;
const STRUCTURED = "application/cloudevents+json; charset=utf-8";
/** Topic, properties and head of a packet, beside its payload and the event's attributes. */
const PACKET_OVERHEAD = 1024;
/** Answers that say that this message will never be taken (MQTT 5 §3.4.2.1): forbidden, bad topic, wrong format. */
const NEVER = new Set([0x87, 0x90, 0x99]);

/** Events as messages at the broker, QoS 1. */
export class TopicSink implements Sink {
  readonly #client: MqttClient;
  readonly #prefix: string;
  readonly #instance: string;
  readonly #closed: Promise<never>;
  readonly #maxUnderWay: number;
  readonly #maxBytes: number;
  readonly #waiting: (() => void)[] = [];
  #underWay = 0;

  /** @param closed rejects when the connection is over */
  constructor(
    client: MqttClient,
    options: {
      readonly prefix: string;
      readonly instance: string;
      readonly connack: IConnackPacket;
      readonly closed: Promise<never>;
    },
  ) {
    this.#client = client;
    this.#prefix = options.prefix;
    this.#instance = options.instance;
    this.#closed = options.closed;
    const { receiveMaximum = MAX_UNDER_WAY, maximumPacketSize } = options.connack.properties ?? {};
    this.#maxUnderWay = Math.min(receiveMaximum, MAX_UNDER_WAY);
    this.#maxBytes = maximumPacketSize ?? Number.POSITIVE_INFINITY;
  }

  async take(events: readonly MirroredEvent[]): Promise<void> {
    const nowMs = Date.now();
    const others = events.filter(
      ({ event }) => !isMarked(event[MARK], this.#instance) && !isExpired(event, nowMs),
    );
    await Promise.race([Promise.all(others.map((mirrored) => this.#publish(mirrored))), this.#closed]);
  }

  async #publish({ channel, event }: MirroredEvent): Promise<void> {
    const { payload, options } = toMessage(event, this.#instance);
    const topic = this.#prefix + channel;
    if (payload.byteLength + JSON.stringify(options).length + PACKET_OVERHEAD > this.#maxBytes) {
      return logSparingly("an event is too large for the MQTT broker", { topic, id: event.id });
    }
    // In the order in which they were given: who waits longest is next.
    if (this.#underWay >= this.#maxUnderWay)
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    else this.#underWay += 1;
    try {
      await this.#client.publishAsync(topic, payload, options);
    } catch (thrown) {
      const code = (thrown as { readonly code?: unknown }).code;
      if (typeof code !== "number" || !NEVER.has(code)) throw thrown;
      logSparingly("the MQTT broker does not take an event", { topic, id: event.id, why: thrown });
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#underWay -= 1;
      else next();
    }
  }
}

interface Message {
  readonly payload: Buffer;
  readonly options: IClientPublishOptions;
}

/**
 * The CloudEvents MQTT binding in binary mode (v1.0.2 §3.1): the data is the payload, every attribute a user property. An event
 * with a text that MQTT does not have goes out in structured mode (§3.2): the payload is the event.
 */
function toMessage(event: Line, instance: string): Message {
  const marked: Line = { ...event, [MARK]: addMark(event[MARK], instance) };
  const { data: _, data_base64: __, datacontenttype, mqttretain, ...attributes } = marked;
  const isBinary = [...Object.values(attributes), datacontenttype ?? ""].every((value) =>
    isMqttText(String(value)),
  );
  const said = isBinary ? attributes : { sequence: event.sequence, [MARK]: marked[MARK] };
  const userProperties: Record<string, string> = {};
  for (const [name, value] of Object.entries(said))
    if (value !== undefined) userProperties[name] = String(value);
  const contentType = isBinary ? datacontenttype : STRUCTURED;
  return {
    payload: isBinary ? fromEventData(event) : Buffer.from(JSON.stringify(event)),
    options: {
      qos: 1,
      retain: mqttretain === true,
      properties: {
        ...fromAttributes(event, Date.now()),
        userProperties,
        ...(typeof contentType === "string" ? { contentType } : {}),
      },
    },
  };
}
