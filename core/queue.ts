import type { ChannelName } from "./channel-name.ts";

/** What is to be done after a write, by the Worker itself: its name says which operation, `body` is that one's JSON. */
export interface QueuedJob {
  readonly name: JobName;
  readonly body: string;
  /** Whole seconds until it is due. */
  readonly delaySeconds: number;
  /** The same job sent twice under one id is done once, as far as the queue remembers. */
  readonly deduplicationId: string;
}

export type JobName = "advance-order";

/** Where the queue brings an event: into its channel, or to a URL that the publisher named. */
export type QueueTarget =
  | { readonly kind: "channel"; readonly channel: ChannelName }
  | { readonly kind: "url"; readonly channel: ChannelName; readonly url: string };

/** How a message is to be delivered. */
export interface DeliveryOptions {
  /** Whole seconds until it is due. */
  readonly delaySeconds?: number | undefined;
  /** The second since 1970 before which it is not delivered. */
  readonly notBeforeSeconds?: number | undefined;
  /** Attempts after the first one; the queue's own default where this is left out. */
  readonly retries?: number | undefined;
  /** How long to wait before each retry, as the queue's own expression: milliseconds, where `retried` counts from 0. */
  readonly retryDelay?: string | undefined;
  /** Messages of one id are taken once, as long as the queue remembers; unique among all who use this queue. */
  readonly deduplicationId?: string | undefined;
  /** A URL that is told how the delivery went. */
  readonly callback?: string | undefined;
  /** A URL that is told when the last attempt has failed. */
  readonly failureCallback?: string | undefined;
  /** The FIFO queue to go through: one delivery after the other, or as many at once as its parallelism says. */
  readonly fifo?: string | undefined;
}

export interface QueueMessage {
  readonly target: QueueTarget;
  /** The CloudEvent as JSON, without `sequence`. */
  readonly json: string;
  readonly options: DeliveryOptions;
}

export interface Enqueued {
  readonly messageId: string;
  /** The queue had a message of that deduplication id already, and took this one for the same. */
  readonly duplicate: boolean;
}

/** A request that says it comes from the queue. */
export interface SignedDelivery {
  /** `Upstash-Signature`; undefined where there is none. */
  readonly signature: string | undefined;
  /** The body, as it came. */
  readonly body: string;
  /** The path that it came to: a signature holds for one address only. */
  readonly path: string;
}

/** A message as the queue tells of it. */
export interface QueuedMessage {
  readonly messageId: string;
  /** The channel that it was enqueued on; undefined for a job, and for what others put into the same queue. */
  readonly channel: ChannelName | undefined;
  /** The job; undefined for what is none. */
  readonly job: string | undefined;
  /** Where it is pushed to, where that is not the Worker itself. */
  readonly url: string | undefined;
  readonly body: string;
  readonly createdMs: number;
  readonly notBeforeMs: number | undefined;
  readonly retries: number | undefined;
  readonly fifo: string | undefined;
}

/** A message that failed at its last attempt. */
export interface FailedMessage extends QueuedMessage {
  readonly deadLetterId: string;
  readonly responseStatus: number | undefined;
  readonly responseBody: string | undefined;
}

export interface FifoQueue {
  readonly name: string;
  readonly parallelism: number;
  /** Messages that wait in it. */
  readonly lag: number;
}

/**
 * Queued delivery (CONTRACT §5): what was sent is delivered at least once, also when everything is killed meanwhile.
 *
 * Every call throws EverywireError `unavailable` where no queue is set up, or it does not answer; `rate_limited` where it
 * takes no more; `invalid_argument` where it refuses what it was sent.
 */
export interface Queue {
  /** Sends a job to the Worker itself. When this resolves the queue has it, durably. */
  sendJob(job: QueuedJob): Promise<void>;
  /**
   * Takes a message for delivery. When this resolves the queue has it, durably.
   *
   * @throws EverywireError `invalid_argument` for a URL that must not be called
   */
  enqueue(message: QueueMessage): Promise<Enqueued>;
  /** Checks that a request is a delivery from the queue, made for this path. @throws EverywireError `unauthenticated` */
  verify(delivery: SignedDelivery): Promise<void>;
  /** A message that was not delivered yet; undefined where there is none. */
  getMessage(id: string): Promise<QueuedMessage | undefined>;
  /** Takes a message back; false where it is not there any more. */
  cancelMessage(id: string): Promise<boolean>;
  /** The newest first. */
  listFailed(request: {
    readonly cursor: string | undefined;
    readonly limit: number;
  }): Promise<{ readonly messages: readonly FailedMessage[]; readonly next: string | undefined }>;
  getFailed(deadLetterId: string): Promise<FailedMessage | undefined>;
  /** Sends a failed message again, as a new one. */
  retryFailed(deadLetterId: string): Promise<{ readonly messageId: string }>;
  /** False where there is none. */
  deleteFailed(deadLetterId: string): Promise<boolean>;
  saveFifo(name: string, parallelism: number): Promise<void>;
  getFifo(name: string): Promise<FifoQueue | undefined>;
  listFifos(): Promise<readonly FifoQueue[]>;
  deleteFifo(name: string): Promise<void>;
  /** `off` where no queue is set up. */
  check(): Promise<"ok" | "off">;
}

const DELIVERIES = "/queue/deliveries";
const CHANNEL_DELIVERIES = `${DELIVERIES}/channels/`;
const JOB_DELIVERIES = `${DELIVERIES}/jobs/`;

/** The paths that the queue delivers to; what is here is what the queue signs. */
export const DELIVERY_PATHS = { channels: CHANNEL_DELIVERIES, jobs: JOB_DELIVERIES } as const;
