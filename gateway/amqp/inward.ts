import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import type { ConfirmChannel, ConsumeMessage, Options } from "amqplib";
import { logSparingly } from "../log.ts";
import type { Worker } from "../worker/worker.ts";
import type { Outcome } from "../worker/worker-post.ts";
import { post, toAuthorization, toOutcome } from "../worker/worker-post.ts";
import { APP_ID, findSubject, toEvent } from "./cloudevents-amqp.ts";
import { Transfers } from "./confirmed.ts";
import { parseChannel, toChannel } from "./routing-key.ts";
import type { Topology } from "./topology.ts";

const ATTEMPT = "x-everywire-attempt";
const REASON = "x-everywire-reason";
const ROUTING_KEY = "x-everywire-routing-key";
/** The id that a message without one was given: what waits to be tried again must not become another event. */
const ID = "x-everywire-id";
/** Beyond what any event may have, so that the copies of a huge message do not add up. */
const MAX_MESSAGE_BYTES = 8 * 1024 * 1024;
/** How long a message is held that cannot wait in another queue. */
const HOLD_MS = 1000;

export interface InwardOptions {
  readonly worker: Worker;
  readonly token: string | undefined;
  readonly channel: ConfirmChannel;
  readonly topology: Topology;
}

/** Messages from the queue into channels. A message is acknowledged when it is durable in the log, or in another queue. */
export class Inward {
  readonly #options: InwardOptions;
  readonly #transfers: Transfers;

  constructor(options: InwardOptions) {
    this.#options = options;
    this.#transfers = new Transfers(options.channel);
  }

  /** @throws Error where the broker did not take what had to go to another queue: the message is then still in this one */
  async onMessage(message: ConsumeMessage): Promise<void> {
    const { channel } = this.#options;
    const { headers = {} } = message.properties;
    const newId = typeof headers[ID] === "string" ? headers[ID] : randomUUID();
    const outcome = await this.#take(message, newId);
    if (outcome.kind === "done") return channel.ack(message);
    const routingKey = originalKey(message);
    const attempt = Number(headers[ATTEMPT] ?? 0) + 1;
    const noted = { [ROUTING_KEY]: routingKey, [ATTEMPT]: attempt, [ID]: newId };
    if (outcome.kind === "later") return this.#postpone(message, attempt, noted);
    const { messageId } = message.properties;
    logSparingly("a message is not taken", { id: messageId, key: routingKey, why: outcome.reason });
    const told = { ...noted, [REASON]: outcome.reason.slice(0, 1000) };
    const { dead } = this.#options.topology;
    const copied = copyOptions(message, told);
    const isLarge = message.content.byteLength > MAX_MESSAGE_BYTES;
    if (!isLarge && (await this.#transfers.send(dead, routingKey, message.content, copied)))
      channel.ack(message);
    // The broker itself can carry it there: without the reason, but whole.
    else channel.nack(message, false, false);
  }

  async #postpone(
    message: ConsumeMessage,
    attempt: number,
    noted: Readonly<Record<string, unknown>>,
  ): Promise<void> {
    const { channel, topology } = this.#options;
    const queue = topology.retries[Math.min(attempt, topology.retries.length) - 1]?.name ?? topology.in;
    const copied = copyOptions(message, noted);
    if (await this.#transfers.send("", queue, message.content, copied)) return channel.ack(message);
    await delay(HOLD_MS);
    channel.nack(message, false, true);
  }

  async #take(message: ConsumeMessage, newId: string): Promise<Outcome> {
    const { worker, token } = this.#options;
    const { properties } = message;
    const headers: Readonly<Record<string, unknown>> = properties.headers ?? {};
    if (message.content.byteLength > MAX_MESSAGE_BYTES)
      return { kind: "never", reason: `payload_too_large: It has more than ${MAX_MESSAGE_BYTES} bytes.` };
    // It went out of here, so it is in the log already.
    if (properties.appId === APP_ID && headers["cloudEvents:sequence"] !== undefined) return { kind: "done" };
    const key = originalKey(message);
    const channel = (key === "" ? undefined : toChannel(key)) ?? parseChannel(findSubject(headers));
    if (channel === undefined)
      return { kind: "never", reason: "invalid_argument: The routing key is no channel." };
    let body: string;
    try {
      body = JSON.stringify(toEvent(message, newId));
    } catch {
      return { kind: "never", reason: "invalid_argument: The body is not the JSON that it says it is." };
    }
    const authorization = toAuthorization(headers, token);
    const contentType = "application/cloudevents+json";
    const answer = await post(worker, `/channels/${channel}`, { body, contentType, authorization });
    return toOutcome(answer, authorization !== toAuthorization(undefined, token));
  }
}

/** The key that it was published with; one that comes back from waiting, or straight to the queue, has the queue's name. */
function originalKey({ fields, properties }: ConsumeMessage): string {
  const noted = properties.headers?.[ROUTING_KEY] as unknown;
  if (typeof noted === "string") return noted;
  return fields.exchange === "" ? "" : fields.routingKey;
}

/** The same message for another queue. */
function copyOptions(
  { properties }: ConsumeMessage,
  noted: Readonly<Record<string, unknown>>,
): Options.Publish {
  const {
    headers = {},
    messageId,
    type,
    contentType,
    contentEncoding,
    timestamp,
    appId,
    correlationId,
    priority,
  } = properties;
  // `CC` and `BCC` would send it to where it has been already; `userId` would have to be ours.
  const { CC: _, BCC: __, ...own } = headers;
  const kept = { messageId, type, contentType, contentEncoding, timestamp, appId, correlationId, priority };
  const given = Object.entries(kept).filter(([, value]) => value !== undefined);
  return { ...Object.fromEntries(given), headers: { ...own, ...noted }, persistent: true };
}
