import type { OperationContext } from "../context.ts";
import type { Post, PostInput } from "../entities/post.ts";
import { createId } from "../ids.ts";
import type { IdempotencyClaim, Inserted, ListQuery, RecordPage, Stored } from "../records.ts";
import { assertMay, assertSignedIn } from "../resource-policy.ts";
import type { Change, Precondition } from "./change-record.ts";
import { changeRecord, found, removeRecord } from "./change-record.ts";
import { POSTS_CHANNEL, toRecordEvent } from "./record-events.ts";

/** @throws EverywireError `unauthenticated`, `permission_denied`, `not_found` */
export async function getPost(context: OperationContext, id: string): Promise<Stored<Post>> {
  assertMayRead(context);
  return found("posts", id, await context.ports.records.get("posts", id));
}

/** @throws EverywireError `unauthenticated`, `permission_denied`, `invalid_argument` for a cursor that is none */
export async function listPosts(context: OperationContext, query: ListQuery): Promise<RecordPage<Post>> {
  assertMayRead(context);
  return context.ports.records.list("posts", query);
}

/** Creates a post in one's own name; admins in anybody's. @throws EverywireError `permission_denied` */
export async function createPost(
  context: OperationContext,
  input: PostInput,
  idempotency?: IdempotencyClaim,
): Promise<Inserted<Post>> {
  assertSignedIn(context.identity);
  const value: Post = {
    id: createId("pst", context.nowMs),
    title: input.title,
    content: input.content,
    authorId: input.authorId ?? context.identity.subject,
    createdAt: new Date(context.nowMs).toISOString(),
  };
  assertMayWrite(context, value);
  const events = [toRecordEvent(context, "posts", "created", value)];
  return context.ports.records.insert({ collection: "posts", value, events, idempotency });
}

/** Changes a post; for its author and admins. @throws EverywireError as `changeRecord` does */
export async function updatePost(
  context: OperationContext,
  id: string,
  change: Change<Post, PostInput>,
  precondition?: Precondition,
): Promise<Stored<Post>> {
  return changeRecord(context, "posts", id, {
    precondition,
    authorise: (post) => assertMayWrite(context, post),
    next: (post) => {
      const input = change(post);
      const authorId = input.authorId ?? post.authorId;
      const next: Post = {
        id,
        title: input.title,
        content: input.content,
        authorId,
        createdAt: post.createdAt,
      };
      // Handing a post to somebody else is writing in their name.
      assertMayWrite(context, next);
      return next;
    },
    events: (post) => [toRecordEvent(context, "posts", "updated", post)],
  });
}

/** Deletes a post and its comments; for its author and admins. */
export async function deletePost(
  context: OperationContext,
  id: string,
  precondition?: Precondition,
): Promise<void> {
  await removeRecord(context, "posts", id, {
    precondition,
    authorise: (post) => assertMayWrite(context, post),
    events: (post) => [toRecordEvent(context, "posts", "deleted", post)],
  });
}

function assertMayRead(context: OperationContext): void {
  assertMay(context, { action: "read", channel: POSTS_CHANNEL, who: "anybody" });
}

function assertMayWrite(context: OperationContext, post: Post): void {
  assertMay(context, { action: "write", channel: POSTS_CHANNEL, who: { subject: post.authorId } });
}
