import type { Json } from "../../core/event.ts";
import type { EnqueueResult } from "../../core/operations/enqueue-event.ts";
import type { DeadLetter, DeadLetterPage } from "../../core/operations/manage-dead-letters.ts";
import type { QueuedMessage } from "../../core/queue.ts";
import type { GroupStatus, LeasedMessages, SettledLeases } from "../../core/work-queue.ts";

export function toJsonResponse(value: unknown, status = 200): Response {
  return toResponse(JSON.stringify(value), status);
}

/** 202: it is on its way, and not there yet. */
export function encodeEnqueued({ messageId, id, duplicate }: EnqueueResult): Response {
  return toJsonResponse({ messageId, id, ...(duplicate ? { duplicate } : {}) }, 202);
}

/** Events go out as the log has them, without being parsed again. */
export function encodeLeased({ messages, gap }: LeasedMessages): Response {
  const list = messages.map(
    ({ leaseId, sequence, json, attempt, leasedUntilMs }) =>
      `{"leaseId":"${leaseId}","sequence":"${sequence}","attempt":${attempt},` +
      `"leasedUntil":"${new Date(leasedUntilMs).toISOString()}","event":${json}}`,
  );
  const told = gap === undefined ? "" : `"gap":${JSON.stringify(gap)},`;
  return toResponse(`{${told}"messages":[${list.join(",")}]}`, 200);
}

/** @param name what was done with those that were still leased: `acked`, `nacked`, `extended` */
export function encodeSettled(name: string, { done, expired }: SettledLeases): Response {
  return toJsonResponse({ [name]: done, expired });
}

export function encodeGroup(group: string, status: GroupStatus): Response {
  const { settledThrough = null, position = null, ...counts } = status;
  return toJsonResponse({ group, settledThrough, position, ...counts });
}

export function toMessageBody(message: QueuedMessage): object {
  const { messageId, channel = null, job, url, createdMs, notBeforeMs, retries, fifo, body } = message;
  return {
    messageId,
    channel,
    ...(job === undefined ? {} : { job }),
    ...(url === undefined ? {} : { url }),
    ...(retries === undefined ? {} : { retries }),
    ...(fifo === undefined ? {} : { queue: fifo }),
    ...(notBeforeMs === undefined ? {} : { notBefore: new Date(notBeforeMs).toISOString() }),
    createdAt: new Date(createdMs).toISOString(),
    ...toContent(body, channel !== null),
  };
}

/** `next` is null at the end, so that a client need not tell absent from undefined. */
export function encodeDeadLetters(page: DeadLetterPage): Response {
  return toJsonResponse({ deadLetters: page.deadLetters.map(toDeadLetterBody), next: page.next ?? null });
}

export function toDeadLetterBody(letter: DeadLetter): object {
  const { channel = null, body, timeMs, ...rest } = letter;
  return { ...rest, channel, time: new Date(timeMs).toISOString(), ...toContent(body, channel !== null) };
}

/** An event as an event; what is none as the text that it is. */
function toContent(body: string, isEvent: boolean): object {
  try {
    return isEvent ? { event: JSON.parse(body) as Json } : { body };
  } catch {
    return { body };
  }
}

function toResponse(json: string, status: number): Response {
  return new Response(json, {
    status,
    headers: { "content-type": "application/json", "cache-control": "no-store" },
  });
}
