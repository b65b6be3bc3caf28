import type { ChannelName } from "../core/channel-name.ts";
import { globPrefix, matchesGlob } from "../core/channel-name.ts";
import type { After } from "../core/cursor.ts";
import { EverywireError } from "../core/error.ts";
import { cursorAt, resolveStart } from "../core/log-state.ts";
import type {
  AppendLine,
  AppendRequest,
  ChannelListing,
  Channels,
  Directory,
  ListChannelsRequest,
  LiveSubscription,
  Page,
  ReadRequest,
  SocketRequest,
  Sockets,
} from "../core/ports.ts";
import { encodePresenceEvent } from "../core/presence-event.ts";
import type { Settings } from "../core/settings.ts";
import { decodeReceipts } from "../wire/rpc-text.ts";
import type { AppendOutcome } from "./append-batches.ts";
import { AppendBatches, sizeOfAppend } from "./append-batches.ts";
import { PumpedSubscription } from "./pumped-subscription.ts";
import { ChannelSocket } from "./redis-channel-socket.ts";
import type { RedisClient } from "./redis-client.ts";
import { toList, toText } from "./redis-client.ts";
import type { Position } from "./redis-log.ts";
import { RedisLog } from "./redis-log.ts";
import { LIST_CHANNELS_SCRIPT } from "./redis-log-scripts.ts";
import type { Connection } from "./redis-presence.ts";
import { RedisPresence } from "./redis-presence.ts";
import { RedisSubscription } from "./redis-subscription.ts";
import { RedisTail } from "./redis-tail.ts";

export interface RedisChannelsOptions {
  readonly settings: Settings;
  /** Where a client's own socket ends. */
  readonly sockets: Sockets;
  /** Keeps the process alive for something that no request waits for. */
  readonly waitUntil: (work: Promise<unknown>) => void;
}

/** Names that a glob lookup looks at before it gives a page back. */
const SCAN_PAGE = 1000;
/** Sorts after every character that a channel name can have. */
const AFTER_ALL = "\u{10ffff}";
const MIN_POLL_MS = 10;

/** The second implementation of {@link Channels}: logs in Redis Streams, for an edge without Durable Objects. */
export function createRedisChannels(redis: RedisClient, options: RedisChannelsOptions): Channels {
  return new RedisChannels(redis, options);
}

class RedisChannels implements Channels {
  readonly #options: RedisChannelsOptions;
  readonly #log: RedisLog;
  readonly #tail: RedisTail;
  readonly #presence: RedisPresence;
  readonly #batches: AppendBatches<AppendRequest, AppendOutcome>;

  constructor(redis: RedisClient, options: RedisChannelsOptions) {
    this.#options = options;
    this.#log = new RedisLog(redis, options.settings);
    this.#presence = new RedisPresence(redis);
    const { redisPollMs } = options.settings;
    this.#tail = new RedisTail(this.#log, {
      minPollMs: Math.min(MIN_POLL_MS, redisPollMs),
      maxPollMs: redisPollMs,
    });
    this.#batches = new AppendBatches(
      (channel, requests) => this.#log.append(channel, requests),
      // Deno answers the requests that have come before a timer of no time.
      { waitUntil: options.waitUntil, yieldTurn: () => new Promise((resolve) => setTimeout(resolve)) },
      sizeOfAppend,
    );
  }

  async append(channel: ChannelName, request: Parameters<Channels["append"]>[1]) {
    const outcome = await this.#batches.append(channel, request);
    if (typeof outcome !== "string") throw EverywireError.fromData(outcome.error);
    this.#tail.poke();
    return decodeReceipts(outcome);
  }

  /** Nothing is held open: an append is a request to Redis, whoever asks and however often. */
  async openAppendLine(channel: ChannelName): Promise<AppendLine> {
    let isOpen = true;
    return {
      get isOpen() {
        return isOpen;
      },
      append: (request) => this.append(channel, request),
      close: () => {
        isOpen = false;
      },
    };
  }

  async broadcast(
    channel: ChannelName,
    events: Parameters<Channels["broadcast"]>[1],
    rateKey: string | undefined,
  ): Promise<void> {
    await this.#broadcast(channel, events, rateKey, "");
  }

  takeRate(channel: ChannelName, rateKey: string, cost: number): Promise<void> {
    return this.#log.takeRate(channel, rateKey, cost);
  }

  async read(channel: ChannelName, { after, limit }: ReadRequest): Promise<Page> {
    return (await this.#readPage(channel, after, limit)).page;
  }

  async wait(channel: ChannelName, request: ReadRequest & { readonly timeoutMs: number }): Promise<Page> {
    const endsAtMs = Date.now() + request.timeoutMs;
    let { after } = request;
    for (;;) {
      const { page, position } = await this.#readPage(channel, after, request.limit);
      const leftMs = endsAtMs - Date.now();
      if (page.events.length > 0 || page.gap !== undefined || leftMs <= 0) return page;
      // From where it stands, so that what comes while it is not listening is not passed over.
      after = page.next as After;
      await this.#park(position, leftMs);
    }
  }

  async subscribe(channel: ChannelName, { after }: { readonly after: After }): Promise<LiveSubscription> {
    const subscription = await this.#subscribe(channel, after, "", () =>
      this.#presence.countStream(channel, -1),
    );
    this.#presence.countStream(channel, 1);
    return new PumpedSubscription(subscription);
  }

  async openSocket(channel: ChannelName, request: SocketRequest, upgrade: Request): Promise<Response> {
    const { settings, sockets } = this.#options;
    const { identity, member } = request;
    const isAnonymous = identity.kind === "anonymous";
    const connection: Connection = { id: crypto.randomUUID(), channel, member, isAnonymous };
    // Before the handshake is answered, so that a cursor that is none can still be refused in HTTP.
    const subscription = await this.#subscribe(channel, request.after, connection.id, () => {});
    const entered = this.#enter(connection);
    await entered.catch(() => undefined);
    let accepted: ReturnType<Sockets["accept"]>;
    try {
      accepted = sockets.accept(upgrade, request.subprotocol);
    } catch (thrown) {
      subscription.close();
      this.#options.waitUntil(this.#exit(connection));
      throw thrown;
    }
    new ChannelSocket(
      {
        settings,
        append: async (event, rateKey) => {
          const [receipt] = await this.append(channel, { events: [event], rateKey });
          if (receipt === undefined) throw new Error("The log gave no receipt.");
          return receipt;
        },
        broadcast: (event, rateKey) => this.#broadcast(channel, [event], rateKey, connection.id),
        presence: () => this.presence(channel),
        onEnd: () => this.#options.waitUntil(this.#exit(connection)),
      },
      channel,
      request,
      accepted.socket,
      subscription,
    );
    return accepted.response;
  }

  presence(channel: ChannelName) {
    return this.#presence.list(channel);
  }

  async delete(channel: ChannelName): Promise<boolean> {
    const wasThere = await this.#log.delete(channel);
    this.#tail.poke();
    return wasThere;
  }

  createStream = notHere;
  appendToStream = notHere;
  readStream = notHere;
  describeStream = notHere;

  async #readPage(
    channel: ChannelName,
    after: After,
    limit: number,
  ): Promise<{ readonly page: Page; readonly position: Position }> {
    const { state, news, entries } = await this.#log.read(channel, after, limit);
    const { number, gap } = resolveStart(state, after);
    const events = entries.filter((entry) => entry.number > number);
    const last = events.at(-1)?.number ?? number;
    return {
      page: {
        gap,
        events: events.map(({ sequence, type, json }) => ({ sequence, type, json })),
        next: cursorAt(state, last),
        upToDate: last >= state.head,
      },
      position: { channel, epoch: state.epoch, endedLives: state.endedLives, number: last, news },
    };
  }

  /** Resolves when something came to a channel, or after `timeoutMs`. */
  async #park(position: Position, timeoutMs: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const reader = {
      position,
      onItems: (items: readonly { readonly kind: "event" | "unstored" }[]) => {
        if (items.some(({ kind }) => kind === "event")) resolve();
      },
      onCut: () => resolve(),
    };
    if (!this.#tail.join(reader)) return;
    const timer = setTimeout(resolve, timeoutMs);
    await promise;
    clearTimeout(timer);
    this.#tail.leave(reader);
  }

  #subscribe(
    channel: ChannelName,
    after: After,
    sender: string,
    onClosed: () => void,
  ): Promise<RedisSubscription> {
    const { MAX_READER_BUFFER_BYTES: maxBufferBytes } = this.#options.settings.limits;
    return RedisSubscription.open(
      { log: this.#log, tail: this.#tail, channel, sender, maxBufferBytes, onClosed },
      after,
    );
  }

  async #broadcast(
    channel: ChannelName,
    events: Parameters<Channels["broadcast"]>[1],
    rateKey: string | undefined,
    sender: string,
  ): Promise<void> {
    await this.#log.broadcast(channel, events, rateKey, sender);
    this.#tail.poke();
  }

  async #enter(connection: Connection): Promise<void> {
    const { own, members } = await this.#presence.join(connection);
    if (own === 1 && members <= this.#options.settings.limits.MAX_ANNOUNCED_MEMBERS) {
      await this.#announce("presence.join", connection);
    }
  }

  /** Never rejects. */
  async #exit(connection: Connection): Promise<void> {
    try {
      const { own, members } = await this.#presence.leave(connection);
      if (own === 0 && members < this.#options.settings.limits.MAX_ANNOUNCED_MEMBERS) {
        await this.#announce("presence.leave", connection);
      }
    } catch {
      // The client has logged why; who has left is out when its time is over.
    }
  }

  /** An anonymous connection is listed and counted; that "somebody" came would tell the others nothing. */
  async #announce(type: "presence.join" | "presence.leave", connection: Connection): Promise<void> {
    if (connection.isAnonymous) return;
    const { channel, member, id } = connection;
    const json = encodePresenceEvent(type, channel, member, Date.now());
    await this.#broadcast(channel, [{ type, json, dedupeKey: undefined }], undefined, id);
  }
}

/** Which channels exist, in Redis. */
export function createRedisDirectory(redis: RedisClient): Directory {
  const list = redis.script(LIST_CHANNELS_SCRIPT);
  const range = async ({ prefix, afterName, limit }: ListChannelsRequest): Promise<ChannelListing[]> => {
    const from = afterName !== undefined && afterName >= prefix ? `(${afterName}` : `[${prefix}`;
    const rows = toList(await list(from, `(${prefix}${AFTER_ALL}`, String(limit)));
    const found: ChannelListing[] = [];
    for (let at = 0; at < rows.length; at += 2) {
      const createdAt = new Date(Number(rows[at + 1])).toISOString();
      found.push({ name: toText(rows[at]) as ChannelName, createdAt });
    }
    return found;
  };
  return {
    list: range,
    async match(glob, afterName, limit) {
      const prefix = globPrefix(glob);
      const names: ChannelName[] = [];
      for (let last = afterName; ; ) {
        const page = await range({ prefix, afterName: last, limit: SCAN_PAGE });
        for (const { name } of page) {
          if (matchesGlob(name, glob)) names.push(name);
          if (names.length === limit) return names;
        }
        last = page.at(-1)?.name;
        if (page.length < SCAN_PAGE) return names;
      }
    },
  };
}

/** Streams need what a channel's own object keeps; the door that asks for them is not mounted where this is used. */
async function notHere(): Promise<never> {
  throw new EverywireError("unavailable", "Durable Streams are not served by this edge.");
}
