import { toBase64, toHeaderView } from "./encode.ts";
import type { Answer, CallbackOptions, Message, MessageSpec } from "./message.ts";

/**
 * The message that tells a callback URL of an attempt. It is a message like any other: signed, retried, and a dead
 * letter in the end.
 */
export function toCallbackSpec(source: MessageSpec, options: CallbackOptions): MessageSpec {
  const { url, delayMs: _, ...delivery } = options;
  return {
    ...delivery,
    url,
    headers: { "content-type": "application/json", ...delivery.headers },
    callback: undefined,
    failureCallback: undefined,
    labels: [],
    flowControl: undefined,
    redaction: undefined,
    callerIp: source.callerIp,
    urlGroup: undefined,
    endpointName: undefined,
    queueName: undefined,
    scheduleId: undefined,
  };
}

/** The body of a callback as documented; `dlqId` is in that of a failure callback. */
export function toCallbackBody(
  message: Message,
  body: Uint8Array,
  answer: Answer,
  dlqId: string | undefined,
): Uint8Array<ArrayBuffer> {
  const { spec } = message;
  const told = {
    status: answer.status,
    header: toHeaderView(answer.headers),
    body: toBase64(answer.body),
    error: answer.status === 0 ? answer.error : undefined,
    retried: message.retried,
    maxRetries: spec.retries,
    dlqId,
    sourceMessageId: message.id,
    topicName: spec.urlGroup,
    endpointName: spec.endpointName,
    url: spec.url,
    method: spec.method,
    sourceHeader: toHeaderView(spec.headers),
    sourceBody: toBase64(body),
    notBefore: `${message.dueMs}`,
    createdAt: `${message.createdMs}`,
    scheduleId: spec.scheduleId,
    callerIP: spec.callerIp,
  };
  return new TextEncoder().encode(JSON.stringify(told));
}
