import { parseChannelName } from "../channel-name.ts";
import type { OperationContext } from "../context.ts";
import type { Json } from "../event.ts";
import { parsePlainEvent } from "../event.ts";
import { toDefaultSource } from "../identity.ts";
import type { PublishResult } from "./publish-event.ts";
import { publishEvent } from "./publish-event.ts";

const NOTIFICATION_TYPE = "notification";

export interface NotificationInput {
  readonly title: string;
  readonly body?: string | undefined;
  /** Whatever else the receiver's program should know. */
  readonly data?: Json | undefined;
}

/**
 * Puts a notification into a user's inbox, `users/{id}/inbox`: an event `notification` with `{title, body?, data?}`. For
 * that user and admins.
 *
 * @throws EverywireError as `publishEvent` does; `invalid_argument` where that is no user's id
 */
export async function sendNotification(
  context: OperationContext,
  userId: string,
  { title, body, data }: NotificationInput,
): Promise<PublishResult> {
  const channel = parseChannelName(`users/${userId}/inbox`);
  const content = {
    title,
    ...(body === undefined ? {} : { body }),
    ...(data === undefined ? {} : { data }),
  };
  const defaults = { source: toDefaultSource(context.identity), nowMs: context.nowMs };
  return publishEvent(
    context,
    channel,
    parsePlainEvent({ type: NOTIFICATION_TYPE, data: content }, defaults),
  );
}
