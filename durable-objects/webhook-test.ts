import type { AttemptOutcome } from "../core/webhook-retry.ts";
import { addTry, NO_TRIES } from "../core/webhook-retry.ts";
import { toDeliveryId } from "../core/webhooks.ts";
import type { Attempt, WebhookMessage } from "./webhook-deliveries.ts";

const TEST_TYPE = "webhook.test";

/** A test event: in no channel, so without a sequence, and another one each time. */
export async function toTestMessage(endpointId: string, nowMs: number): Promise<WebhookMessage> {
  const id = await toDeliveryId(endpointId, TEST_TYPE, crypto.randomUUID());
  const body = {
    specversion: "1.0",
    id,
    source: `/webhooks/endpoints/${endpointId}`,
    type: TEST_TYPE,
    time: new Date(nowMs).toISOString(),
    datacontenttype: "application/json",
    data: { endpointId },
  };
  return {
    id,
    kind: "test",
    channel: null,
    sequence: null,
    eventId: id,
    type: TEST_TYPE,
    body: JSON.stringify(body),
  };
}

/** A test is settled by its one attempt, and counts for nothing else. */
export function toTestAttempt(message: WebhookMessage, outcome: AttemptOutcome, nowMs: number): Attempt {
  const isDelivered = outcome.kind === "answered" && outcome.status >= 200 && outcome.status < 300;
  return {
    message,
    outcome,
    tries: addTry(NO_TRIES, outcome, nowMs),
    state: isDelivered ? "delivered" : "dead-lettered",
    nextMs: undefined,
    isReplay: false,
    nowMs,
  };
}
