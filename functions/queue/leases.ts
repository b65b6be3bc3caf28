import type { ChannelName } from "../../core/channel-name.ts";
import {
  ackMessages,
  extendLeases,
  leaseMessages,
  nackMessages,
} from "../../core/operations/lease-messages.ts";
import type { EdgeContext } from "../boundary/edge.ts";
import { toOperationContext } from "../boundary/edge.ts";
import { parseLease, parseSettle, readOptionalJson } from "./decode.ts";
import { encodeLeased, encodeSettled } from "./encode.ts";

/** The last segments below a channel that are no part of its name here. */
const LEASE_ACTIONS = ["lease", "ack", "nack", "extend"] as const;
export type LeaseAction = (typeof LEASE_ACTIONS)[number];

export function isLeaseAction(segment: string): segment is LeaseAction {
  return LEASE_ACTIONS.includes(segment as LeaseAction);
}

/** What a consumer asks for (README, "Pulling"). */
export async function handleLeaseAction(
  c: EdgeContext,
  channel: ChannelName,
  action: LeaseAction,
): Promise<Response> {
  const context = toOperationContext(c);
  const body = await readOptionalJson(c.req.raw, context.limits.MAX_REQUEST_BYTES);
  if (action === "lease") {
    const { group, ...options } = parseLease(body);
    return encodeLeased(await leaseMessages(context, { channel, group }, options));
  }
  const { group, leaseIds, delaySeconds, visibilitySeconds } = parseSettle(body);
  const key = { channel, group };
  switch (action) {
    case "ack":
      return encodeSettled("acked", await ackMessages(context, key, leaseIds));
    case "nack":
      return encodeSettled("nacked", await nackMessages(context, key, leaseIds, delaySeconds));
    case "extend":
      return encodeSettled("extended", await extendLeases(context, key, leaseIds, visibilitySeconds));
  }
}
