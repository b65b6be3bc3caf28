import type { OperationContext } from "../../core/context.ts";
import type { Comment, Post } from "../../core/entities/post.ts";
import type { Product } from "../../core/entities/product.ts";
import type { User } from "../../core/entities/user.ts";
import {
  getManyRecords,
  listCommentsOfPosts,
  listPostsOfAuthors,
} from "../../core/operations/load-related.ts";
import { describeAvatars } from "../../core/operations/manage-avatars.ts";
import type { FileInfo } from "../../core/records.ts";
import type { Loader } from "./loader.ts";
import { createLoader } from "./loader.ts";

/** What resolvers are called with, made anew for each operation. */
export interface GraphqlContext {
  readonly operation: OperationContext;
  readonly loaders: Loaders;
  readonly requestId: string;
  /**
   * Counts a mutation. The request has paid for the first; each further one of the document counts as a request of its own.
   *
   * @throws EverywireError `rate_limited`
   */
  admitMutation(): Promise<void> | undefined;
}

export interface Loaders {
  readonly user: Loader<string, User | undefined>;
  readonly post: Loader<string, Post | undefined>;
  readonly product: Loader<string, Product | undefined>;
  readonly avatar: Loader<string, FileInfo | undefined>;
  /** @param limit posts of each author */
  postsOf(authorId: string, limit: number): Promise<readonly Post[]>;
  /** @param limit comments on each post */
  commentsOf(postId: string, limit: number): Promise<readonly Comment[]>;
}

/** @param takeRequest counts one more request of the caller */
export function createGraphqlContext(
  operation: OperationContext,
  requestId: string,
  takeRequest: () => Promise<void> | undefined,
): GraphqlContext {
  let isPaid = true;
  const posts = createLimitedLoaders((ids, limit) => listPostsOfAuthors(operation, ids, limit));
  const comments = createLimitedLoaders((ids, limit) => listCommentsOfPosts(operation, ids, limit));
  return {
    operation,
    requestId,
    admitMutation() {
      if (!isPaid) return takeRequest();
      isPaid = false;
      return undefined;
    },
    loaders: {
      user: createLoader((ids) => getManyRecords(operation, "users", ids)),
      post: createLoader((ids) => getManyRecords(operation, "posts", ids)),
      product: createLoader((ids) => getManyRecords(operation, "products", ids)),
      avatar: createLoader((ids) => describeAvatars(operation, ids)),
      postsOf: (id, limit) => posts(limit)(id),
      commentsOf: (id, limit) => comments(limit)(id),
    },
  };
}

/** One loader for each length of list that the operation asks for; they are few, since the operation is small. */
function createLimitedLoaders<V>(
  loadMany: (ids: readonly string[], limit: number) => Promise<readonly V[]>,
): (limit: number) => Loader<string, V> {
  const loaders = new Map<number, Loader<string, V>>();
  return (limit) => {
    const loader = loaders.get(limit) ?? createLoader((ids) => loadMany(ids, limit));
    loaders.set(limit, loader);
    return loader;
  };
}
