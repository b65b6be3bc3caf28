import type { PublishRequest } from "@upstash/qstash";
import { Client, Receiver } from "@upstash/qstash";
import { EverywireError } from "../core/error.ts";
import { refuseTarget } from "../core/private-address.ts";
import type { DeliveryOptions, FifoQueue, Queue, QueueMessage, QueueTarget } from "../core/queue.ts";
import { DELIVERY_PATHS } from "../core/queue.ts";
import { asAnswered, asAnsweredOrMissing } from "./queue-errors.ts";
import { LABEL, toFailedMessage, toQueuedMessage } from "./queue-messages.ts";

export interface QueueSettings {
  readonly QSTASH_URL?: string | undefined;
  readonly QSTASH_TOKEN?: string | undefined;
  readonly QSTASH_CURRENT_SIGNING_KEY?: string | undefined;
  readonly QSTASH_NEXT_SIGNING_KEY?: string | undefined;
  /** Where the queue delivers to. */
  readonly publicUrl: string | undefined;
  readonly allowsPrivateTargets: boolean;
}

const CLOUDEVENT = "application/cloudevents+json; charset=utf-8";
/** After 1 s, 15 s and 4 minutes: over in a moment where we were away for a moment, and not at once given up where longer. */
const JOB_RETRY_DELAY = "1000 * pow(15, retried)";
/** As many as every plan of QStash allows. What fails past them is a dead letter, and waits for an admin. */
const JOB_RETRIES = 3;
const IDENTIFIER = /^[A-Za-z0-9._-]{1,256}$/;
/** The clocks of two machines: signatures hold for minutes. */
const CLOCK_TOLERANCE_SECONDS = 5;

/** Queued delivery by QStash, real or its stand-in: the same client talks to both. */
export function createQueue(settings: QueueSettings): Queue {
  const missing = listMissing(settings);
  if (missing.length > 0) return createMissingQueue(missing);
  const { QSTASH_URL: baseUrl = "", QSTASH_TOKEN: token = "", publicUrl = "" } = settings;
  // Not from the process's own environment, and no server that the SDK would like to start.
  const client = new Client({ baseUrl, token, devMode: false, enableTelemetry: false, retry: false });
  const receiver = new Receiver({
    currentSigningKey: settings.QSTASH_CURRENT_SIGNING_KEY ?? "",
    nextSigningKey: settings.QSTASH_NEXT_SIGNING_KEY ?? "",
    devMode: false,
  });
  const toUrl = (target: QueueTarget): string =>
    target.kind === "channel"
      ? `${publicUrl}${DELIVERY_PATHS.channels}${target.channel}`
      : checkTarget(target.url, "url", settings);

  const send = async (url: string, message: QueueMessage) => {
    const { fifo } = message.options;
    const request = { url, body: message.json, ...(await toRequest(message.options, settings)) };
    if (fifo === undefined) return client.publish(request);
    return client.queue({ queueName: checkId(fifo, "queue") }).enqueue(request);
  };

  return {
    async sendJob(job) {
      await asAnswered(async () =>
        client.publish({
          url: `${publicUrl}${DELIVERY_PATHS.jobs}${job.name}`,
          body: job.body,
          headers: { "content-type": "application/json" },
          delay: job.delaySeconds,
          retries: JOB_RETRIES,
          retryDelay: JOB_RETRY_DELAY,
          deduplicationId: await toDeduplicationId(job.deduplicationId),
          label: LABEL,
        }),
      );
    },
    async enqueue(message) {
      const url = toUrl(message.target);
      const answer = await asAnswered(() => send(url, message));
      return { messageId: answer.messageId, duplicate: answer.deduplicated === true };
    },
    async verify({ signature, body, path }) {
      const isOurs =
        signature !== undefined &&
        (await receiver
          .verify({ signature, body, url: `${publicUrl}${path}`, clockTolerance: CLOCK_TOLERANCE_SECONDS })
          .catch(() => false));
      if (!isOurs)
        throw new EverywireError("unauthenticated", "This is not signed by the queue, for this address.");
    },
    async getMessage(id) {
      const found = await asAnsweredOrMissing(() => client.messages.get(checkId(id, "message")));
      return found === undefined ? undefined : toQueuedMessage(found, publicUrl);
    },
    async cancelMessage(id) {
      const answer = await asAnsweredOrMissing(() => client.messages.cancel(checkId(id, "message")));
      return answer !== undefined && answer.cancelled !== 0;
    },
    async listFailed({ cursor, limit }) {
      const page = await asAnswered(() =>
        client.dlq.listMessages({ count: limit, ...(cursor === undefined ? {} : { cursor }) }),
      );
      return {
        messages: page.messages.map((message) => toFailedMessage(message, publicUrl)),
        next: page.cursor || undefined,
      };
    },
    async getFailed(id) {
      const page = await asAnsweredOrMissing(() =>
        client.dlq.listMessages({ dlqIds: [checkId(id, "dead letter")] }),
      );
      const [message] = page?.messages ?? [];
      return message === undefined ? undefined : toFailedMessage(message, publicUrl);
    },
    async retryFailed(id) {
      const answer = await asAnsweredOrMissing(() => client.dlq.retry(checkId(id, "dead letter")));
      const messageId = answer?.responses[0]?.messageId;
      if (messageId === undefined) throw new EverywireError("not_found", "There is no such dead letter.");
      return { messageId };
    },
    async deleteFailed(id) {
      const answer = await asAnsweredOrMissing(() => client.dlq.delete(checkId(id, "dead letter")));
      return answer !== undefined;
    },
    async saveFifo(name, parallelism) {
      await asAnswered(() => client.queue({ queueName: checkId(name, "queue") }).upsert({ parallelism }));
    },
    async getFifo(name) {
      const found = await asAnsweredOrMissing(() =>
        client.queue({ queueName: checkId(name, "queue") }).get(),
      );
      return found === undefined ? undefined : toFifo(found);
    },
    async listFifos() {
      return (await asAnswered(() => client.queue().list())).map(toFifo);
    },
    async deleteFifo(name) {
      await asAnsweredOrMissing(() => client.queue({ queueName: checkId(name, "queue") }).delete());
    },
    async check() {
      await asAnswered(() => client.http.request({ method: "GET", path: ["v2", "keys"] }));
      return "ok";
    },
  };
}

/** A queue that is not there: every call says what is missing. */
function createMissingQueue(missing: readonly string[]): Queue {
  const refuse = (): Promise<never> =>
    Promise.reject(
      new EverywireError("unavailable", `No queue is set up: ${missing.join(", ")} must be set.`),
    );
  return {
    sendJob: refuse,
    enqueue: refuse,
    verify: refuse,
    getMessage: refuse,
    cancelMessage: refuse,
    listFailed: refuse,
    getFailed: refuse,
    retryFailed: refuse,
    deleteFailed: refuse,
    saveFifo: refuse,
    getFifo: refuse,
    listFifos: refuse,
    deleteFifo: refuse,
    check: () => Promise.resolve("off"),
  };
}

function listMissing(settings: QueueSettings): readonly string[] {
  const { QSTASH_URL, QSTASH_TOKEN, QSTASH_CURRENT_SIGNING_KEY, QSTASH_NEXT_SIGNING_KEY } = settings;
  const needed = {
    QSTASH_URL,
    QSTASH_TOKEN,
    QSTASH_CURRENT_SIGNING_KEY,
    QSTASH_NEXT_SIGNING_KEY,
    PUBLIC_URL: settings.publicUrl,
  };
  return Object.entries(needed).flatMap(([name, value]) => (value ? [] : [name]));
}

async function toRequest(options: DeliveryOptions, settings: QueueSettings) {
  const { delaySeconds, notBeforeSeconds, retries, retryDelay, deduplicationId, callback, failureCallback } =
    options;
  return {
    headers: { "content-type": CLOUDEVENT },
    label: LABEL,
    ...(delaySeconds === undefined ? {} : { delay: delaySeconds }),
    ...(notBeforeSeconds === undefined ? {} : { notBefore: notBeforeSeconds }),
    ...(retries === undefined ? {} : { retries }),
    ...(retryDelay === undefined ? {} : { retryDelay }),
    ...(deduplicationId === undefined ? {} : { deduplicationId: await toDeduplicationId(deduplicationId) }),
    ...(callback === undefined ? {} : { callback: checkTarget(callback, "callback", settings) }),
    ...(failureCallback === undefined
      ? {}
      : { failureCallback: checkTarget(failureCallback, "failureCallback", settings) }),
  } satisfies Omit<PublishRequest, "url">;
}

/**
 * A URL that a publisher named, as a parser writes it. Not one of our own: the queue's signature there says that we may
 * be trusted, and would carry a publisher past every check of who may write where.
 *
 * @throws EverywireError `invalid_argument`
 */
function checkTarget(text: string, name: string, settings: QueueSettings): string {
  const reason = refuseTarget(text, { allowsPrivate: settings.allowsPrivateTargets });
  if (reason !== undefined) throw new EverywireError("invalid_argument", `'${name}': ${reason}`);
  const url = new URL(text);
  if (settings.publicUrl !== undefined && url.origin === new URL(settings.publicUrl).origin) {
    throw new EverywireError(
      "invalid_argument",
      `'${name}': messages for this server go to a channel, not to a URL.`,
    );
  }
  url.hash = "";
  return url.href;
}

/** Ids become part of the path of a call to the queue. @throws EverywireError `not_found` */
function checkId(id: string, what: string): string {
  if (IDENTIFIER.test(id) && id !== "." && id !== "..") return id;
  throw new EverywireError("not_found", `There is no such ${what}.`);
}

/** As a hash: our ids are longer than the queue's may be, and have characters that its may not have. */
async function toDeduplicationId(id: string): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(id)));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function toFifo({ name, parallelism, lag }: FifoQueue): FifoQueue {
  return { name, parallelism, lag };
}
