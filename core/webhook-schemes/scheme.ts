import type { Json } from "../event.ts";

/** What a sender delivered, as it came: nothing of it is to be believed before its signature was checked. */
export interface WebhookDelivery {
  /** A header's value; undefined where it was not sent. */
  header(name: string): string | undefined;
  /** Byte for byte: a signature is over these, and not over what they mean. */
  readonly body: Uint8Array<ArrayBuffer>;
}

/** What a delivery says, in the words of a CloudEvent. */
export interface WebhookMessage {
  /** The sender's own, by which a delivery that comes again is known. */
  readonly id: string;
  readonly type: string;
  readonly content: WebhookContent;
}

/** The body as an event carries it. */
export interface WebhookContent {
  readonly datacontenttype?: string;
  readonly data?: Json;
  readonly data_base64?: string;
}

/** How one sender signs and describes what it sends. Made with its secrets, which it does not give away. */
export interface WebhookScheme {
  /**
   * Checks who sent a delivery, and that it is no old one.
   *
   * @throws EverywireError `unauthenticated`
   */
  verify(delivery: WebhookDelivery, nowMs: number): Promise<void>;
  /**
   * Reads a delivery that was verified.
   *
   * @throws EverywireError `invalid_argument` where it does not say what it is
   */
  read(delivery: WebhookDelivery): Promise<WebhookMessage> | WebhookMessage;
}
