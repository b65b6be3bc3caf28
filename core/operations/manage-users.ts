import type { OperationContext } from "../context.ts";
import type { User, UserInput } from "../entities/user.ts";
import { splitName } from "../entities/user.ts";
import { createId } from "../ids.ts";
import type { IdempotencyClaim, Inserted, ListQuery, RecordPage, Stored } from "../records.ts";
import { assertMay } from "../resource-policy.ts";
import type { Change, Precondition } from "./change-record.ts";
import { changeRecord, found, removeRecord } from "./change-record.ts";
import { toRecordEvent, USERS_CHANNEL } from "./record-events.ts";

/** @throws EverywireError `unauthenticated`, `permission_denied`, `not_found` */
export async function getUser(context: OperationContext, id: string): Promise<Stored<User>> {
  assertMayRead(context);
  return found("users", id, await context.ports.records.get("users", id));
}

/** @throws EverywireError `unauthenticated`, `permission_denied` */
export async function listUsers(context: OperationContext, query: ListQuery): Promise<RecordPage<User>> {
  assertMayRead(context);
  return context.ports.records.list("users", query);
}

/** Creates a user; for admins. @throws EverywireError `permission_denied`, `already_exists` for an email in use */
export async function createUser(
  context: OperationContext,
  input: UserInput,
  idempotency?: IdempotencyClaim,
): Promise<Inserted<User>> {
  const value = toUser(input, { id: createId("usr", context.nowMs), createdAt: now(context) });
  assertMay(context, { action: "write", channel: USERS_CHANNEL, who: "admins" });
  const events = [toRecordEvent(context, "users", "created", value)];
  return context.ports.records.insert({ collection: "users", value, events, idempotency });
}

/** Changes a user; for that user and admins. @throws EverywireError as `changeRecord` does */
export async function updateUser(
  context: OperationContext,
  id: string,
  change: Change<User, UserInput>,
  precondition?: Precondition,
): Promise<Stored<User>> {
  return changeRecord(context, "users", id, {
    precondition,
    authorise: (user) => assertMayWrite(context, user),
    next: (user) => toUser(change(user), user),
    events: (user) => [toRecordEvent(context, "users", "updated", user)],
  });
}

/** Deletes a user; their posts and orders stay, as a record of what was. For that user and admins. */
export async function deleteUser(
  context: OperationContext,
  id: string,
  precondition?: Precondition,
): Promise<void> {
  await removeRecord(context, "users", id, {
    precondition,
    authorise: (user) => assertMayWrite(context, user),
    events: (user) => [toRecordEvent(context, "users", "deleted", user)],
  });
}

function toUser(input: UserInput, kept: Pick<User, "id" | "createdAt"> & Partial<User>): User {
  // A name that did not change keeps its parts: a guess must not undo what somebody said.
  const isKept = kept.name === input.name && kept.givenName !== undefined && kept.familyName !== undefined;
  const parts =
    input.nameParts ??
    (isKept ? { givenName: kept.givenName ?? "", familyName: kept.familyName ?? "" } : splitName(input.name));
  return {
    id: kept.id,
    name: input.name,
    givenName: parts.givenName,
    familyName: parts.familyName,
    email: input.email,
    ...(input.address === undefined ? {} : { address: input.address }),
    tags: input.tags,
    createdAt: kept.createdAt,
  };
}

function assertMayRead(context: OperationContext): void {
  assertMay(context, { action: "read", channel: USERS_CHANNEL, who: "anybody" });
}

function assertMayWrite(context: OperationContext, user: User): void {
  assertMay(context, { action: "write", channel: USERS_CHANNEL, who: { subject: user.id } });
}

function now(context: OperationContext): string {
  return new Date(context.nowMs).toISOString();
}
