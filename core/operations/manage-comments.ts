import type { ChannelName } from "../channel-name.ts";
import type { OperationContext } from "../context.ts";
import type { Comment, CommentInput } from "../entities/post.ts";
import { EverywireError } from "../error.ts";
import { createId } from "../ids.ts";
import type { IdempotencyClaim, Inserted, ListQuery, RecordPage, Stored } from "../records.ts";
import { assertMay, assertSignedIn } from "../resource-policy.ts";
import type { Change, Precondition } from "./change-record.ts";
import { changeRecord, found, removeRecord } from "./change-record.ts";
import { commentsChannel, toRecordEvent } from "./record-events.ts";

/** Which comment of which post. */
export interface CommentKey {
  readonly postId: string;
  readonly id: string;
}

/** @throws EverywireError `unauthenticated`, `permission_denied`, `not_found` */
export async function getComment(context: OperationContext, key: CommentKey): Promise<Stored<Comment>> {
  assertMayRead(context, key.postId);
  const stored = found("comments", key.id, await context.ports.records.get("comments", key.id));
  assertBelongs(stored.value, key);
  return stored;
}

/** The comments of a post. @throws EverywireError `not_found` where there is no such post */
export async function listComments(
  context: OperationContext,
  postId: string,
  query: ListQuery,
): Promise<RecordPage<Comment>> {
  assertMayRead(context, postId);
  const { records } = context.ports;
  const filters = [...query.filters, { field: "postId", comparison: "equals", value: postId } as const];
  const page = await records.list("comments", { ...query, filters });
  // Only an empty answer leaves it open whether there is such a post.
  if (page.records.length === 0) found("posts", postId, await records.get("posts", postId));
  return page;
}

/** Comments in one's own name; admins in anybody's. @throws EverywireError `not_found`, `permission_denied` */
export async function addComment(
  context: OperationContext,
  postId: string,
  input: CommentInput,
  idempotency?: IdempotencyClaim,
): Promise<Inserted<Comment>> {
  assertSignedIn(context.identity);
  const value: Comment = {
    id: createId("cmt", context.nowMs),
    postId,
    authorId: input.authorId ?? context.identity.subject,
    content: input.content,
    createdAt: new Date(context.nowMs).toISOString(),
  };
  assertMayWrite(context, value);
  const events = [toRecordEvent(context, "comments", "created", value)];
  const parent = { collection: "posts", id: postId } as const;
  return context.ports.records.insert({ collection: "comments", value, events, idempotency, parent });
}

/** Changes a comment; for its author and admins. @throws EverywireError as `changeRecord` does */
export async function updateComment(
  context: OperationContext,
  key: CommentKey,
  change: Change<Comment, CommentInput>,
  precondition?: Precondition,
): Promise<Stored<Comment>> {
  return changeRecord(context, "comments", key.id, {
    precondition,
    authorise: (comment) => assertMayChange(context, comment, key),
    next: (comment) => {
      const { content, authorId } = change(comment);
      const { id, postId, createdAt } = comment;
      const next = { id, postId, authorId: authorId ?? comment.authorId, content, createdAt };
      assertMayWrite(context, next);
      return next;
    },
    events: (comment) => [toRecordEvent(context, "comments", "updated", comment)],
  });
}

/** Deletes a comment; for its author and admins. */
export async function deleteComment(
  context: OperationContext,
  key: CommentKey,
  precondition?: Precondition,
): Promise<void> {
  await removeRecord(context, "comments", key.id, {
    precondition,
    authorise: (comment) => assertMayChange(context, comment, key),
    events: (comment) => [toRecordEvent(context, "comments", "deleted", comment)],
  });
}

function assertMayRead(context: OperationContext, postId: string): void {
  assertMay(context, { action: "read", channel: channelOf(postId), who: "anybody" });
}

function assertMayChange(context: OperationContext, comment: Comment, key: CommentKey): void {
  assertBelongs(comment, key);
  assertMayWrite(context, comment);
}

function assertMayWrite(context: OperationContext, comment: Comment): void {
  assertMay(context, {
    action: "write",
    channel: channelOf(comment.postId),
    who: { subject: comment.authorId },
  });
}

function assertBelongs(comment: Comment, key: CommentKey): void {
  if (comment.postId !== key.postId) found("comments", key.id, undefined);
}

/** @throws EverywireError `not_found`: what cannot be in a channel's name cannot be the id of a post either */
function channelOf(postId: string): ChannelName {
  try {
    return commentsChannel(postId);
  } catch (cause) {
    throw new EverywireError("not_found", "There is no such post.", { cause });
  }
}
