import type { OrderItem } from "../../core/entities/order.ts";
import type { Comment, Post } from "../../core/entities/post.ts";
import type { User } from "../../core/entities/user.ts";
import { EverywireError } from "../../core/error.ts";
import type { CloudEvent } from "../../core/event.ts";
import type { FileInfo } from "../../core/records.ts";
import { MAX_PAGE_SIZE } from "../boundary/list-query.ts";
import type { GraphqlContext } from "./context.ts";

interface LimitArguments {
  readonly limit?: number | null;
}
type AvatarOfUser = FileInfo & { readonly userId: string };

const DEFAULT_RELATED = 20;

/** The fields that are no plain members of what an operation gives. */
export const TYPE_RESOLVERS = {
  User: {
    posts: (user: User, { limit }: LimitArguments, { loaders }: GraphqlContext) =>
      loaders.postsOf(user.id, toLimit(limit)),
    avatar: async (user: User, _: unknown, { loaders }: GraphqlContext) => {
      const info = await loaders.avatar(user.id);
      return info === undefined ? null : { ...info, userId: user.id };
    },
  },
  Avatar: {
    size: (avatar: AvatarOfUser) => avatar.sizeBytes,
    url: (avatar: AvatarOfUser) => `/graphql/avatars/${encodeURIComponent(avatar.userId)}`,
  },
  Post: {
    author: (post: Post, _: unknown, { loaders }: GraphqlContext) => loaders.user(post.authorId),
    comments: (post: Post, { limit }: LimitArguments, { loaders }: GraphqlContext) =>
      loaders.commentsOf(post.id, toLimit(limit)),
  },
  Comment: {
    author: (comment: Comment, _: unknown, { loaders }: GraphqlContext) => loaders.user(comment.authorId),
    post: (comment: Comment, _: unknown, { loaders }: GraphqlContext) => loaders.post(comment.postId),
  },
  Order: {
    user: (order: { readonly userId: string }, _: unknown, { loaders }: GraphqlContext) =>
      loaders.user(order.userId),
  },
  OrderItem: {
    product: (item: OrderItem, _: unknown, { loaders }: GraphqlContext) => loaders.product(item.productId),
  },
  Event: {
    cloudevent: (event: CloudEvent) => event,
  },
};

/** Cut down to the maximum, as in every list. @throws EverywireError `invalid_argument` */
function toLimit(limit: number | null | undefined): number {
  const asked = limit ?? DEFAULT_RELATED;
  if (asked < 1) throw new EverywireError("invalid_argument", "'limit' is a whole number from 1.");
  return Math.min(asked, MAX_PAGE_SIZE);
}
