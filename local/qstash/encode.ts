import type { DeliveryOptions, Message, MessageSpec, Redaction } from "./message.ts";

/** @example toBase64(new Uint8Array([104, 105])) // "aGk=" */
export function toBase64(bytes: Uint8Array): string {
  let text = "";
  // In pieces, since a call takes only so many arguments.
  for (let at = 0; at < bytes.length; at += 8192) {
    text += String.fromCharCode(...bytes.subarray(at, at + 8192));
  }
  return btoa(text);
}

/** Headers as QStash's JSON has them: canonical names, and a list of values for each. */
export function toHeaderView(
  headers: Readonly<Record<string, string | readonly string[]>>,
): Record<string, readonly string[]> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [
      name.toLowerCase().replace(/(^|-)[a-z]/g, (letter) => letter.toUpperCase()),
      typeof value === "string" ? [value] : value,
    ]),
  );
}

/** `body` where it is text, `bodyBase64` where it is not. */
export function toBodyView(body: Uint8Array): { body?: string; bodyBase64?: string } {
  try {
    return { body: new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(body) };
  } catch {
    return { bodyBase64: toBase64(body) };
  }
}

/** What the answers of the API show of a message that waits or is dead. */
export async function toMessageView(message: Message, body: Uint8Array): Promise<Record<string, unknown>> {
  const { spec } = message;
  return {
    messageId: message.id,
    ...(await toSpecView(spec, body)),
    url: spec.url,
    topicName: spec.urlGroup,
    endpointName: spec.endpointName,
    maxRetries: spec.retries,
    notBefore: message.dueMs,
    createdAt: message.createdMs,
    queueName: spec.queueName,
    scheduleId: spec.scheduleId,
    callerIP: spec.callerIp,
  };
}

/** What messages and schedules show alike. */
export async function toSpecView(
  spec: Omit<MessageSpec, "url" | "urlGroup" | "endpointName" | "queueName" | "scheduleId">,
  body: Uint8Array,
): Promise<Record<string, unknown>> {
  const { flowControl, labels } = spec;
  return {
    method: spec.method,
    header: toHeaderView(await redactHeaders(spec)),
    ...(spec.redaction?.body ? { body: await redact(body) } : toBodyView(body)),
    retryDelayExpression: spec.retryDelay,
    timeout: spec.timeoutMs,
    callback: spec.callback?.url,
    failureCallback: spec.failureCallback?.url,
    flowControlKey: flowControl?.key,
    parallelism: flowControl?.parallelism,
    rate: flowControl?.rate,
    period: flowControl?.rate === undefined ? undefined : flowControl.periodSeconds,
    label: labels[0],
    labels: labels.length > 0 ? labels : undefined,
  };
}

async function redactHeaders({
  headers,
  redaction,
}: DeliveryOptions & { readonly redaction: Redaction | undefined }): Promise<Record<string, string>> {
  if (redaction === undefined) return headers;
  const isHidden = (name: string) => redaction.headers === true || redaction.headers.includes(name);
  const entries = Object.entries(headers).map(async ([name, value]) => [
    name,
    isHidden(name) ? await redact(new TextEncoder().encode(value)) : value,
  ]);
  return Object.fromEntries(await Promise.all(entries)) as Record<string, string>;
}

async function redact(bytes: Uint8Array): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", new Uint8Array(bytes)));
  return `REDACTED:${Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("")}`;
}
