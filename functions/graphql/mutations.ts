import { parseChannelName } from "../../core/channel-name.ts";
import { orderInputSchema } from "../../core/entities/order.ts";
import { parseInput } from "../../core/entities/parse-input.ts";
import { commentInputSchema, postInputSchema } from "../../core/entities/post.ts";
import { userInputSchema } from "../../core/entities/user.ts";
import type { Json } from "../../core/event.ts";
import { parsePlainEvent } from "../../core/event.ts";
import { toDefaultSource } from "../../core/identity.ts";
import { mergePatch } from "../../core/merge-patch.ts";
import { saveAvatar } from "../../core/operations/manage-avatars.ts";
import { addComment } from "../../core/operations/manage-comments.ts";
import { createOrder } from "../../core/operations/manage-orders.ts";
import { createPost } from "../../core/operations/manage-posts.ts";
import { createUser, deleteUser, updateUser } from "../../core/operations/manage-users.ts";
import { publishEvent } from "../../core/operations/publish-event.ts";
import { sendNotification } from "../../core/operations/send-notification.ts";
import type { GraphqlContext } from "./context.ts";

interface InputArguments {
  readonly input: unknown;
}
interface UpdateArguments extends InputArguments {
  readonly id: string;
}
interface CommentArguments {
  readonly postId: string;
  readonly content: string;
  readonly authorId?: string | null;
}
interface PublishArguments {
  readonly channel: string;
  readonly [attribute: string]: unknown;
}
interface NotificationArguments {
  readonly userId: string;
  readonly title: string;
  readonly body?: string | null;
  readonly data?: Json;
}
interface AvatarArguments {
  readonly userId: string;
  readonly file: Blob;
}

const MUTATIONS = {
  createUser: async (_: unknown, { input }: InputArguments, { operation }: GraphqlContext) =>
    (await createUser(operation, parseInput(userInputSchema, withoutNulls(input)))).stored.value,

  updateUser: async (_: unknown, { id, input }: UpdateArguments, { operation }: GraphqlContext) => {
    const change = (current: unknown) => parseInput(userInputSchema, mergePatch(current, input));
    return (await updateUser(operation, id, change)).value;
  },

  deleteUser: async (_: unknown, { id }: { readonly id: string }, { operation }: GraphqlContext) => {
    await deleteUser(operation, id);
    return id;
  },

  createPost: async (_: unknown, { input }: InputArguments, { operation }: GraphqlContext) =>
    (await createPost(operation, parseInput(postInputSchema, withoutNulls(input)))).stored.value,

  addComment: async (_: unknown, { postId, ...input }: CommentArguments, { operation }: GraphqlContext) =>
    (await addComment(operation, postId, parseInput(commentInputSchema, withoutNulls(input)))).stored.value,

  createOrder: async (_: unknown, { input }: InputArguments, { operation }: GraphqlContext) =>
    (await createOrder(operation, parseInput(orderInputSchema, withoutNulls(input)))).stored.value,

  publish: (_: unknown, { channel, ...event }: PublishArguments, { operation }: GraphqlContext) => {
    const defaults = { source: toDefaultSource(operation.identity), nowMs: operation.nowMs };
    return publishEvent(operation, parseChannelName(channel), parsePlainEvent(event, defaults));
  },

  sendNotification: (_: unknown, args: NotificationArguments, { operation }: GraphqlContext) => {
    const { userId, title, body, data } = args;
    return sendNotification(operation, userId, { title, body: body ?? undefined, data });
  },

  uploadAvatar: async (_: unknown, { userId, file }: AvatarArguments, { operation }: GraphqlContext) => {
    const bytes = new Uint8Array(await file.arrayBuffer());
    const info = await saveAvatar(operation, userId, { contentType: file.type, bytes });
    return { ...info, userId };
  },
};

type Resolve = (source: unknown, args: never, context: GraphqlContext) => unknown;

/** The mutations, each counted: with aliases, one document has many of them. */
export const Mutation = Object.fromEntries(
  Object.entries(MUTATIONS).map(([name, mutate]) => [
    name,
    async (source: unknown, args: never, context: GraphqlContext) => {
      await context.admitMutation();
      return (mutate as Resolve)(source, args, context);
    },
  ]),
);

/** In GraphQL a client may say null where it means to leave something out. */
function withoutNulls(input: unknown): unknown {
  return mergePatch({}, input);
}
