import type { ChannelName } from "../channel-name.ts";
import type { OperationContext } from "../context.ts";
import { EverywireError } from "../error.ts";
import { assertAllowed } from "../policy.ts";
import type { GroupKey, GroupStatus, LeasedMessages, SettledLeases } from "../work-queue.ts";

/**
 * Working off a channel by competing consumers. It needs both permissions: a consumer reads what is there, and what it
 * settles is gone for the others of its group, as if it were taken off the channel.
 */

const GROUP = /^[A-Za-z0-9_-]{1,64}$/;
const DEFAULT_GROUP = "default";
const DEFAULT_LEASE_SECONDS = 30;

export interface LeaseOptions {
  /** Messages at most; undefined means one. */
  readonly max?: number | undefined;
  /** Undefined means 30. */
  readonly visibilitySeconds?: number | undefined;
  /** How long to wait for the first message; undefined means not at all. */
  readonly waitSeconds?: number | undefined;
}

/** Leases messages. @throws EverywireError `unauthenticated`, `permission_denied`, `invalid_argument` */
export async function leaseMessages(
  context: OperationContext,
  key: GroupKey,
  options: LeaseOptions,
): Promise<LeasedMessages> {
  await assertMayConsume(context, key.channel);
  const { limits } = context;
  return context.ports.workQueues.lease(key, {
    max: within("max", options.max ?? 1, 1, limits.MAX_LEASED_MESSAGES),
    visibilityMs: toLeaseMs(context, options.visibilitySeconds),
    waitMs: within("wait", options.waitSeconds ?? 0, 0, limits.MAX_POLL_SECONDS) * 1000,
  });
}

/** Settles messages that were worked off. What was leased longer ago than its time is told as expired. */
export async function ackMessages(
  context: OperationContext,
  key: GroupKey,
  leaseIds: readonly string[],
): Promise<SettledLeases> {
  await assertMayConsume(context, key.channel);
  return context.ports.workQueues.ack(key, leaseIds);
}

/** Gives messages back. */
export async function nackMessages(
  context: OperationContext,
  key: GroupKey,
  leaseIds: readonly string[],
  delaySeconds: number | undefined,
): Promise<SettledLeases> {
  await assertMayConsume(context, key.channel);
  const delay = within("delay", delaySeconds ?? 0, 0, context.limits.MAX_LEASE_SECONDS);
  return context.ports.workQueues.nack(key, leaseIds, delay * 1000);
}

/** Leases the same messages for longer, counted from now. */
export async function extendLeases(
  context: OperationContext,
  key: GroupKey,
  leaseIds: readonly string[],
  visibilitySeconds: number | undefined,
): Promise<SettledLeases> {
  await assertMayConsume(context, key.channel);
  return context.ports.workQueues.extend(key, leaseIds, toLeaseMs(context, visibilitySeconds));
}

export async function describeGroup(context: OperationContext, key: GroupKey): Promise<GroupStatus> {
  await assertMayConsume(context, key.channel);
  return context.ports.workQueues.describe(key);
}

/** @throws EverywireError `unauthenticated`, `permission_denied` */
export async function assertMayConsume(context: OperationContext, channel: ChannelName): Promise<void> {
  await assertAllowed(context.policy, context.identity, "read", channel);
  await assertAllowed(context.policy, context.identity, "write", channel);
}

/** The group's name; where none is given, the one that all share who give none. @throws EverywireError `invalid_argument` */
export function parseGroupName(value: unknown): string {
  if (value === undefined || value === null) return DEFAULT_GROUP;
  if (typeof value === "string" && GROUP.test(value)) return value;
  throw new EverywireError("invalid_argument", "'group' is 1-64 of A-Z a-z 0-9 _ -");
}

function toLeaseMs(context: OperationContext, seconds: number | undefined): number {
  const { MAX_LEASE_SECONDS } = context.limits;
  return (
    within(
      "visibilityTimeout",
      seconds ?? Math.min(DEFAULT_LEASE_SECONDS, MAX_LEASE_SECONDS),
      1,
      MAX_LEASE_SECONDS,
    ) * 1000
  );
}

function within(name: string, value: number, min: number, max: number): number {
  if (value >= min && value <= max) return value;
  throw new EverywireError("invalid_argument", `'${name}' is a whole number from ${min} to ${max}.`);
}
