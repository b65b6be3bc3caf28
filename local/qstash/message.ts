import type { RetryDelay } from "./retry-delay.ts";

export const METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"] as const;
export type Method = (typeof METHODS)[number];

/** How one request is sent, and sent again: a message's own, or that of a callback. */
export interface DeliveryOptions {
  readonly method: Method;
  /** What the destination gets, names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly retries: number;
  readonly retryDelay: RetryDelay["expression"] | undefined;
  readonly timeoutMs: number;
}

export interface CallbackOptions extends DeliveryOptions {
  readonly url: string;
  readonly delayMs: number;
}

export interface FlowControl {
  readonly key: string;
  readonly parallelism: number | undefined;
  readonly rate: number | undefined;
  readonly periodSeconds: number;
}

/** What answers of the API do not show of a message. */
export interface Redaction {
  readonly body: boolean;
  readonly headers: true | readonly string[];
}

/** All that a publish says, beside where to, and when. */
export interface MessageOptions extends DeliveryOptions {
  readonly callback: CallbackOptions | undefined;
  readonly failureCallback: CallbackOptions | undefined;
  readonly labels: readonly string[];
  readonly flowControl: FlowControl | undefined;
  readonly redaction: Redaction | undefined;
  readonly callerIp: string | undefined;
}

/** A message as it is kept until it was delivered. */
export interface MessageSpec extends MessageOptions {
  /** As it was published, to the letter: the signature's subject, which receivers compare. */
  readonly url: string;
  readonly urlGroup: string | undefined;
  readonly endpointName: string | undefined;
  readonly queueName: string | undefined;
  readonly scheduleId: string | undefined;
}

export interface Message {
  readonly id: string;
  readonly spec: MessageSpec;
  readonly createdMs: number;
  /** When it is to be sent next. */
  readonly dueMs: number;
  /** How often it was sent again. */
  readonly retried: number;
  /** Its place in a queue; undefined where it is in none. */
  readonly place: Place | undefined;
}

/** Messages of a lane start in the order of their numbers; a callback has the number of what it tells of. */
export interface Place {
  readonly lane: string;
  readonly number: number;
}

/** What came back from a destination. */
export interface Answer {
  /** Zero where nothing answered. */
  readonly status: number;
  readonly headers: Readonly<Record<string, readonly string[]>>;
  /** Its beginning, where it is longer than is kept. */
  readonly body: Uint8Array;
  /** Why it does not count as delivered; undefined where it does. */
  readonly error: string | undefined;
}

const ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/** @example newId("msg") // "msg_QUyFNQj0pkZ2K3p7PDb82T5gMXa" */
export function newId(prefix: "msg" | "scd"): string {
  const bytes = crypto.getRandomValues(new Uint8Array(27));
  return `${prefix}_${Array.from(bytes, (byte) => ALPHABET[byte % ALPHABET.length]).join("")}`;
}
