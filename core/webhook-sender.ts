import type { AttemptOutcome } from "./webhook-retry.ts";

/** One webhook to be sent. */
export interface WebhookRequest {
  readonly endpointId: string;
  readonly url: string;
  /** Each signs: the current one, and those that it took the place of, for as long as they are good. */
  readonly secrets: readonly string[];
  /** The `webhook-id`. */
  readonly id: string;
  readonly type: string;
  /** The CloudEvent, as JSON. */
  readonly body: string;
}

/** What brings a webhook to its receiver, once. When to try again is decided by whoever calls. */
export interface WebhookSender {
  send(request: WebhookRequest): Promise<AttemptOutcome>;
}
