import { Webhook } from "svix";
import type { Limits } from "../core/limits.ts";
import { checkTarget } from "../core/operations/check-target.ts";
import type { Names } from "../core/ports.ts";
import type { TargetRules } from "../core/private-address.ts";
import type { AttemptOutcome } from "../core/webhook-retry.ts";
import type { WebhookRequest, WebhookSender } from "../core/webhook-sender.ts";

export interface SenderSettings {
  readonly limits: Limits;
  readonly targets: TargetRules;
  readonly names: Names;
}

/** How much of an answer is kept for the log. */
const MAX_EXCERPT_BYTES = 512;
/** The status is what counts; a body that does not come is not waited for. */
const EXCERPT_MS = 1000;
const USER_AGENT = "Everywire-Webhooks/1.0";

/**
 * Sends webhooks by HTTP: a CloudEvent in structured mode (CloudEvents HTTP binding §3.2), signed as Standard Webhooks
 * 1.0 has it, under both families of header names. Redirects are not followed: they lead where nobody has checked.
 */
export function createWebhookSender({ limits, targets, names }: SenderSettings): WebhookSender {
  return {
    async send(request) {
      const startedMs = Date.now();
      const verdict = await checkTarget(request.url, targets, names);
      if (verdict.kind === "refused") return { kind: "refused", error: verdict.reason, durationMs: 0 };
      if (verdict.kind === "unknown") {
        return { kind: "unreachable", error: verdict.reason, durationMs: Date.now() - startedMs };
      }
      return post(request, limits.WEBHOOK_TIMEOUT_SECONDS * 1000);
    },
  };
}

async function post(request: WebhookRequest, timeoutMs: number): Promise<AttemptOutcome> {
  const deadline = new AbortController();
  const timer = setTimeout(() => deadline.abort(), timeoutMs);
  const startedMs = Date.now();
  try {
    const response = await fetch(request.url, {
      method: "POST",
      redirect: "manual",
      headers: {
        "content-type": "application/cloudevents+json",
        "user-agent": USER_AGENT,
        ...toSignatureHeaders(request, new Date(startedMs)),
      },
      body: request.body,
      signal: deadline.signal,
    });
    const durationMs = Date.now() - startedMs;
    const retryAfter = response.headers.get("retry-after");
    return {
      kind: "answered",
      status: response.status,
      retryAfter,
      response: await readExcerpt(response),
      durationMs,
    };
  } catch {
    const durationMs = Date.now() - startedMs;
    if (!deadline.signal.aborted) {
      // What the runtime says of it names our own network, and helps nobody outside.
      return { kind: "unreachable", error: "It could not be reached.", durationMs };
    }
    return { kind: "timed-out", error: `It did not answer in ${timeoutMs / 1000} s.`, durationMs };
  } finally {
    clearTimeout(timer);
  }
}

/** @example { "webhook-id": "whd_...", "webhook-timestamp": "1763700000", "webhook-signature": "v1,... v1,..." } */
function toSignatureHeaders({ id, secrets, body }: WebhookRequest, now: Date): Record<string, string> {
  const signature = secrets.map((secret) => new Webhook(secret).sign(id, now, body)).join(" ");
  const timestamp = String(Math.floor(now.getTime() / 1000));
  const headers: Record<string, string> = {};
  for (const family of ["webhook", "svix"]) {
    headers[`${family}-id`] = id;
    headers[`${family}-timestamp`] = timestamp;
    headers[`${family}-signature`] = signature;
  }
  return headers;
}

/** The beginning of a body. The rest is let go, and so is one that does not come. */
async function readExcerpt({ body }: Response): Promise<string> {
  if (body === null) return "";
  const reader = body.getReader();
  const timer = setTimeout(() => void reader.cancel().catch(() => {}), EXCERPT_MS);
  const decoder = new TextDecoder();
  let text = "";
  let length = 0;
  try {
    while (length < MAX_EXCERPT_BYTES) {
      const { done, value } = await reader.read();
      if (done) break;
      const part = value.subarray(0, MAX_EXCERPT_BYTES - length);
      length += part.byteLength;
      text += decoder.decode(part, { stream: true });
    }
    await reader.cancel();
  } catch {
    // It was cut: what has come is what there is.
  } finally {
    clearTimeout(timer);
  }
  return text;
}
