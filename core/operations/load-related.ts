import type { OperationContext } from "../context.ts";
import type { Entities } from "../entities/collections.ts";
import type { Comment, Post } from "../entities/post.ts";
import { assertMay } from "../resource-policy.ts";
import { commentsChannel, POSTS_CHANNEL, PRODUCTS_CHANNEL, USERS_CHANNEL } from "./record-events.ts";

/**
 * What a graph of resources needs: the records that many others refer to, in one round trip for all of them. Who may
 * see them is decided as for one (`resource-policy.ts`).
 */

const CHANNELS = { users: USERS_CHANNEL, posts: POSTS_CHANNEL, products: PRODUCTS_CHANNEL } as const;

/**
 * Users, posts or products by id, in the order asked for; undefined where there is none.
 *
 * @throws EverywireError `unauthenticated`, `permission_denied`
 */
export async function getManyRecords<C extends keyof typeof CHANNELS>(
  context: OperationContext,
  collection: C,
  ids: readonly string[],
): Promise<readonly (Entities[C] | undefined)[]> {
  assertMay(context, { action: "read", channel: CHANNELS[collection], who: "anybody" });
  const found = await context.ports.records.getMany(collection, ids);
  return found.map((stored) => stored?.value);
}

/** The first posts of each author, in order of creation. @throws EverywireError as {@link getManyRecords} */
export async function listPostsOfAuthors(
  context: OperationContext,
  authorIds: readonly string[],
  limit: number,
): Promise<readonly (readonly Post[])[]> {
  assertMay(context, { action: "read", channel: POSTS_CHANNEL, who: "anybody" });
  const query = { field: "authorId", parentIds: authorIds, limit };
  const lists = await context.ports.records.listByParents("posts", query);
  return lists.map((list) => list.map((stored) => stored.value));
}

/** The first comments of each post, in order of creation. @throws EverywireError as {@link getManyRecords} */
export async function listCommentsOfPosts(
  context: OperationContext,
  postIds: readonly string[],
  limit: number,
): Promise<readonly (readonly Comment[])[]> {
  for (const id of postIds)
    assertMay(context, { action: "read", channel: commentsChannel(id), who: "anybody" });
  const lists = await context.ports.records.listByParents("comments", {
    field: "postId",
    parentIds: postIds,
    limit,
  });
  return lists.map((list) => list.map((stored) => stored.value));
}
