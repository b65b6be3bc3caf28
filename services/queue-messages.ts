import type { Client, Message } from "@upstash/qstash";
import type { ChannelName } from "../core/channel-name.ts";
import { parseChannelName } from "../core/channel-name.ts";
import type { FailedMessage, QueuedMessage } from "../core/queue.ts";
import { DELIVERY_PATHS } from "../core/queue.ts";
import { attempt } from "../core/result.ts";

type DlqMessage = Awaited<ReturnType<Client["dlq"]["listMessages"]>>["messages"][number];

/** Marks what was enqueued by this Worker, where its URL does not show it. */
export const LABEL = "everywire";

/** The queue's message in our own terms. */
export function toQueuedMessage(message: Message, publicUrl: string): QueuedMessage {
  const { url } = message;
  const body = message.body ?? decodeBase64(message.bodyBase64);
  const channelPrefix = `${publicUrl}${DELIVERY_PATHS.channels}`;
  const jobPrefix = `${publicUrl}${DELIVERY_PATHS.jobs}`;
  const isInside = url.startsWith(channelPrefix) || url.startsWith(jobPrefix);
  return {
    messageId: message.messageId,
    channel: url.startsWith(channelPrefix)
      ? toChannel(url.slice(channelPrefix.length))
      : isInside || !isLabelled(message)
        ? undefined
        : toChannel(subjectOf(body)),
    job: url.startsWith(jobPrefix) ? url.slice(jobPrefix.length) : undefined,
    url: isInside ? undefined : url,
    body,
    createdMs: message.createdAt,
    notBeforeMs: message.notBefore || undefined,
    retries: message.maxRetries,
    fifo: message.queueName || undefined,
  };
}

export function toFailedMessage(message: DlqMessage, publicUrl: string): FailedMessage {
  return {
    ...toQueuedMessage(message, publicUrl),
    deadLetterId: message.dlqId,
    responseStatus: message.responseStatus || undefined,
    responseBody: message.responseBody || undefined,
  };
}

/** Who may see a message goes by its channel, so only our own word counts for it: others may use the same queue. */
function isLabelled({ label, labels }: Message): boolean {
  return label === LABEL || labels?.includes(LABEL) === true;
}

/** The channel that we wrote into the event when it was enqueued. */
function subjectOf(body: string): unknown {
  try {
    return (JSON.parse(body) as { subject?: unknown } | null)?.subject;
  } catch {
    return undefined;
  }
}

function toChannel(name: unknown): ChannelName | undefined {
  const result = attempt(() => parseChannelName(name));
  return result.ok ? result.value : undefined;
}

function decodeBase64(text: string | undefined): string {
  if (text === undefined) return "";
  return new TextDecoder().decode(Uint8Array.from(atob(text), (character) => character.charCodeAt(0)));
}
