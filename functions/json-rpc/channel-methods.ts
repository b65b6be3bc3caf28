import * as z from "zod";
import { parseChannelName } from "../../core/channel-name.ts";
import { parseAfter } from "../../core/cursor.ts";
import { EverywireError } from "../../core/error.ts";
import { encodeGapEvent } from "../../core/event.ts";
import { listChannels } from "../../core/operations/list-channels.ts";
import { publishEvent } from "../../core/operations/publish-event.ts";
import { deleteChannel, listPresence, readEvents, waitForEvents } from "../../core/operations/read-events.ts";
import type { Method } from "./method.ts";
import { defineMethod } from "./method.ts";
import { publishTogether, toPublication } from "./publish-together.ts";
import type { RpcContext, SocketContext } from "./rpc-context.ts";

const DEFAULT_LISTED_CHANNELS = 100;
const MAX_LISTED_CHANNELS = 1000;
const MAX_PREFIX_LENGTH = 520;

const channel = z.string().describe("1-8 segments joined by '/'");
const after = z.string().optional().describe("A cursor, 'earliest', or 'latest' (the default)");
const cursor = z.string().describe("A cursor, good on every wire");
const cloudEvent = z.looseObject({ id: z.string(), source: z.string(), type: z.string() });
const namePart = z
  .string()
  .max(MAX_PREFIX_LENGTH)
  .regex(/^[A-Za-z0-9._~:@/-]*$/)
  .optional();

const publication = z.looseObject({
  channel,
  type: z.string(),
  data: z.unknown().optional(),
  id: z.string().optional().describe("The same id and source twice is stored once"),
  source: z.string().optional(),
  data_base64: z.string().optional().describe("Instead of data: bytes"),
});

/** Channels, over HTTP and over a socket. */
export const CHANNEL_METHODS: readonly Method<RpcContext>[] = [
  defineMethod({
    name: "channel.publish",
    summary: "Publishes an event, durably. Other CloudEvents attributes may be given by name.",
    params: publication,
    result: z.object({ id: z.string(), sequence: cursor.optional(), duplicate: z.boolean() }),
    run: ({ operation }: RpcContext, params) => {
      const context = operation();
      const { name, event } = toPublication(context, params);
      return publishEvent(context, name, event);
    },
    runTogether: ({ operation }: RpcContext, calls) => publishTogether(operation(), calls),
  }),
  defineMethod({
    name: "channel.read",
    summary: "Reads a page of events, and with waitMs waits for the first one where there is none.",
    params: z.strictObject({
      channel,
      after,
      limit: z.int().min(1).optional(),
      waitMs: z.int().min(0).optional(),
    }),
    result: z.object({ events: z.array(cloudEvent), next: cursor, upToDate: z.boolean() }),
    run: async ({ operation, yieldTurn }: RpcContext, params) => {
      const context = operation();
      const name = parseChannelName(params.channel);
      const options = { after: parseAfter(params.after), limit: params.limit };
      const timeoutMs = params.waitMs ?? 0;
      const maxMs = context.limits.MAX_POLL_SECONDS * 1000;
      if (timeoutMs > maxMs) throw new EverywireError("invalid_argument", `'waitMs' is at most ${maxMs}.`);
      if (timeoutMs > 0) yieldTurn();
      const page =
        timeoutMs > 0
          ? await waitForEvents(context, name, { ...options, timeoutMs })
          : await readEvents(context, name, options);
      const events = page.events.map(({ json }) => JSON.parse(json) as unknown);
      if (page.gap !== undefined) events.unshift(JSON.parse(encodeGapEvent(name, page.gap, context.nowMs)));
      return { events, next: page.next, upToDate: page.upToDate };
    },
  }),
  defineMethod({
    name: "channel.list",
    summary: "Lists the channels that the caller may read, by name.",
    params: z.strictObject({
      prefix: namePart,
      after: namePart.describe("The name to go on after: 'next' of the page before"),
      limit: z.int().min(1).max(MAX_LISTED_CHANNELS).default(DEFAULT_LISTED_CHANNELS),
    }),
    result: z.object({
      channels: z.array(z.object({ name: channel, createdAt: z.string() })),
      next: z.string().nullable(),
    }),
    run: async ({ operation }: RpcContext, { prefix = "", after: afterName, limit }) => {
      const { channels, next } = await listChannels(operation(), {
        prefix,
        afterName: afterName === "" ? undefined : afterName,
        limit,
      });
      return { channels, next: next ?? null };
    },
  }),
  defineMethod({
    name: "channel.presence",
    summary: "Says who is connected to a channel.",
    params: z.strictObject({ channel }),
    result: z.object({
      members: z.array(z.object({ id: z.string(), name: z.string(), connections: z.int() })),
      readers: z.int(),
    }),
    run: ({ operation }: RpcContext, params) => listPresence(operation(), parseChannelName(params.channel)),
  }),
  defineMethod({
    name: "channel.delete",
    summary: "Deletes a channel's log.",
    params: z.strictObject({ channel }),
    result: z.null(),
    run: ({ operation }: RpcContext, params) => deleteChannel(operation(), parseChannelName(params.channel)),
  }),
];

/** What needs a connection to answer on. */
export const SOCKET_METHODS: readonly Method<SocketContext>[] = [
  defineMethod({
    name: "channel.subscribe",
    summary: "Follows a channel: each event is a notification channel.event {subscription, event}.",
    params: z.strictObject({ channel, after }),
    result: z.object({ subscription: z.string(), cursor }),
    run: ({ socket }: SocketContext, params) =>
      socket.subscribe(parseChannelName(params.channel), parseAfter(params.after)),
  }),
  defineMethod({
    name: "channel.unsubscribe",
    summary: "Ends a subscription; nothing more of it follows the answer.",
    params: z.strictObject({ subscription: z.string() }),
    result: z.null(),
    run: ({ socket }: SocketContext, { subscription }) => {
      if (!socket.unsubscribe(subscription)) {
        throw new EverywireError("not_found", "There is no such subscription on this connection.");
      }
    },
  }),
  defineMethod({
    name: "channel.pong",
    summary: "Answers a notification channel.ping {ref}: all that was sent before it has been read.",
    params: z.strictObject({ ref: z.string() }),
    result: z.null(),
    run: ({ socket }: SocketContext, { ref }) => socket.onPong(ref),
  }),
];
