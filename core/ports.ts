import type { ChannelGlob, ChannelName } from "./channel-name.ts";
import type { After } from "./cursor.ts";
import type { Identity } from "./identity.ts";
import type { Jobs } from "./jobs.ts";
import type { Gap, ProducerStamp, StoredEvent } from "./log-entry.ts";
import type { MqttSessions } from "./mqtt-session.ts";
import type { Outbox } from "./outbox.ts";
import type { Queue } from "./queue.ts";
import type { Records } from "./records.ts";
import type {
  CreatedStream,
  CreateStreamRequest,
  ReadStreamRequest,
  StreamAppended,
  StreamAppendRequest,
  StreamInfo,
  StreamPage,
} from "./stream.ts";
import type { WebhookScheme } from "./webhook-schemes/scheme.ts";
import type { Webhooks } from "./webhooks.ts";
import type { WorkQueues } from "./work-queue.ts";

/**
 * What the operations need of the outside world. `services/` implements these; operations and doors see no more
 * than this, so that another store or another edge is another implementation and nothing else.
 */
export interface Ports {
  readonly channels: Channels;
  readonly directory: Directory;
  readonly records: Records;
  readonly tokens: Tokens;
  readonly socketHosts: SocketHosts;
  readonly sockets: Sockets;
  readonly jobs: Jobs;
  readonly webhookSources: WebhookSources;
  readonly webhooks: Webhooks;
  readonly names: Names;
  readonly queue: Queue;
  readonly workQueues: WorkQueues;
  readonly outbox: Outbox;
  readonly mqttSessions: MqttSessions;
  readonly gateway: Gateway;
}

export type { Gap, ProducerStamp, StoredEvent } from "./log-entry.ts";

/** An event ready for the log: encoded once by the publisher's side. */
export interface EncodedEvent {
  readonly type: string;
  /** The CloudEvent as JSON, without `sequence`. */
  readonly json: string;
  /** What makes a second publish of the same event a duplicate; undefined where the id was minted for it. */
  readonly dedupeKey: string | undefined;
}

export interface AppendRequest {
  readonly events: readonly EncodedEvent[];
  /** Whose publish rate this counts against; undefined where rates do not apply (the outbox, a delivery). */
  readonly rateKey: string | undefined;
  readonly producer?: ProducerStamp | undefined;
}

/** What a publisher is told of one event (CONTRACT §2, row HTTP). */
export interface Receipt {
  readonly sequence: string;
  readonly duplicate: boolean;
}

export interface ReadRequest {
  readonly after: After;
  readonly limit: number;
}

export interface Page {
  /** Set where `after` asked for more than is kept; comes before the events. */
  readonly gap: Gap | undefined;
  readonly events: readonly StoredEvent[];
  /** The cursor to go on from. */
  readonly next: string;
  readonly upToDate: boolean;
}

/** One thing that a subscription tells its reader, in order. */
export type FeedRecord =
  /** A stored event. `cursor` is its sequence. */
  | { readonly kind: "event"; readonly cursor: string; readonly type: string; readonly json: string }
  /** Where the reader stands: sent first, and after a catch-up; there is no event in it. */
  | { readonly kind: "position"; readonly cursor: string }
  /** `everywire.gap`, as JSON; `cursor` is where reading goes on. */
  | { readonly kind: "gap"; readonly cursor: string; readonly type: string; readonly json: string }
  /** An event that is not stored. */
  | { readonly kind: "ephemeral"; readonly type: string; readonly json: string };

/**
 * A live reader. Iterating gives records in order, several at a time where several are there. The iterator ends when
 * {@link close} is called, and when the channel was closed as a stream and all of it was read: nothing more will come.
 * It throws an EverywireError when the reader was cut: `unavailable` where it was too slow
 * (it can resume from its cursor), `gone` where the channel was deleted.
 */
export interface Subscription extends AsyncIterable<readonly FeedRecord[]> {
  close(): void;
}

/**
 * A subscription that can also be taken from without a promise for each event, by one reader at a time, which then does
 * not iterate it. All live readers of a channel in one isolate are given the same array, so that what a wire makes of it
 * can be made once.
 */
export interface LiveSubscription extends Subscription {
  /**
   * What comes next, and stays; undefined where nothing is there yet.
   *
   * @throws EverywireError where the reader was cut, when all that came before is taken
   */
  peek(): readonly FeedRecord[] | undefined;
  /** The same, and it is taken. What was taken before is then known to have been passed on. */
  take(): readonly FeedRecord[] | undefined;
  /** Whether it ended in order, and all of it is taken. */
  readonly isOver: boolean;
  /** Has `listener` be called whenever there may be something to take, or the end came. In place of any other. */
  onReady(listener: () => void): void;
}

export interface Member {
  readonly id: string;
  readonly name: string;
  /** How many connections this member has open. */
  readonly connections: number;
}

export interface Presence {
  readonly members: readonly Member[];
  /** Everything that follows the channel live: sockets of members, and the streams of every other door. */
  readonly readers: number;
}

/** A socket that a client opened on a channel itself: it reads, and publishes where it may. */
export interface SocketRequest {
  readonly after: After;
  readonly identity: Identity;
  readonly mayWrite: boolean;
  /** Announced to others; for an anonymous client a fresh id. */
  readonly member: { readonly id: string; readonly name: string };
  /** The `Sec-WebSocket-Protocol` to answer with, if any. */
  readonly subprotocol: string | undefined;
}

/**
 * A way to one channel for whoever appends to it again and again: it costs something to open and to hold, and little for
 * each append.
 */
export interface AppendLine {
  /** False once it was closed, from either end. */
  readonly isOpen: boolean;
  /**
   * {@link Channels.append}, one after the other: the next is asked when this one is answered.
   *
   * @throws EverywireError `unavailable` too, where the line was cut and whether it happened is unknown
   */
  append(request: AppendRequest): Promise<readonly Receipt[]>;
  close(): void;
}

/** A reader of one channel to whom the channel writes itself. */
export interface HeldStreamRequest {
  readonly after: After;
  /** How it is written. */
  readonly wire: "sse" | "ndjson";
  /** When the reader's token ends; undefined where it does not. */
  readonly expiresAtMs: number | undefined;
}

export interface HeldStream {
  /** All that the reader is sent, heartbeats and the last word included. Passed on as it is, it costs a function nothing. */
  readonly body: ReadableStream;
  /** Where the reader stands before the first event. */
  readonly cursor: string;
}

/** The log of every channel (ARCHITECTURE, decision 1). */
export interface Channels {
  /** Appends, all or none, durably: when this resolves, `kill -9` cannot lose them. */
  append(channel: ChannelName, request: AppendRequest): Promise<readonly Receipt[]>;
  openAppendLine(channel: ChannelName): Promise<AppendLine>;
  /** Sends events to who listens now, without storing them. */
  broadcast(
    channel: ChannelName,
    events: readonly EncodedEvent[],
    rateKey: string | undefined,
  ): Promise<void>;
  /**
   * Counts publishes that reach the channel later against their publisher's rate now.
   *
   * @throws EverywireError `rate_limited`
   */
  takeRate(channel: ChannelName, rateKey: string, cost: number): Promise<void>;
  read(channel: ChannelName, request: ReadRequest): Promise<Page>;
  /** Like `read`, but where there is nothing yet, waits for the first event or for `timeoutMs`. */
  wait(channel: ChannelName, request: ReadRequest & { readonly timeoutMs: number }): Promise<Page>;
  subscribe(channel: ChannelName, request: { readonly after: After }): Promise<LiveSubscription>;
  /**
   * Opens a stream that is written where the log is. Left out where the edge has no such place, or its operator wants
   * channels to sleep; undefined where the channel takes no more of them. {@link subscribe} is for both.
   */
  openStream?(channel: ChannelName, request: HeldStreamRequest): Promise<HeldStream | undefined>;
  /** Answers a WebSocket upgrade: the socket ends in the channel itself, or as near to it as the edge allows. */
  openSocket(channel: ChannelName, request: SocketRequest, upgrade: Request): Promise<Response>;
  presence(channel: ChannelName): Promise<Presence>;
  /**
   * Deletes the log; true where there was one. What is published afterwards is a new life. While forks of it live, its
   * name stays taken instead, and everything but that is `gone`.
   */
  delete(channel: ChannelName): Promise<boolean>;
  /** Makes a channel a stream of a content type; the same again changes nothing. */
  createStream(channel: ChannelName, request: CreateStreamRequest): Promise<CreatedStream>;
  /** Appends to a stream, all or none, durably, and closes it where that is asked for. */
  appendToStream(channel: ChannelName, request: StreamAppendRequest): Promise<StreamAppended>;
  readStream(channel: ChannelName, request: ReadStreamRequest): Promise<StreamPage>;
  describeStream(channel: ChannelName): Promise<StreamInfo>;
}

export interface ChannelListing {
  readonly name: ChannelName;
  readonly createdAt: string;
}

export interface ListChannelsRequest {
  readonly prefix: string;
  /** Names after this one. */
  readonly afterName: string | undefined;
  readonly limit: number;
}

/** Which channels exist. */
export interface Directory {
  list(request: ListChannelsRequest): Promise<readonly ChannelListing[]>;
  match(glob: ChannelGlob, afterName: string | undefined, limit: number): Promise<readonly ChannelName[]>;
}

export interface TokenClaims {
  readonly subject: string;
  readonly name: string;
  readonly roles: readonly string[];
  readonly channels?: { readonly read: readonly string[]; readonly write: readonly string[] } | undefined;
  /** Seconds until the token ends; undefined means an hour. */
  readonly ttlSeconds?: number | undefined;
}

export interface IssuedToken {
  readonly token: string;
  readonly expiresInSeconds: number;
}

/** Bearer tokens (CONTRACT §6). */
export interface Tokens {
  /** @throws EverywireError `unauthenticated` for any token that is not good now */
  verify(token: string): Promise<Identity>;
  /** What {@link verify} would say, where it is known without waiting: of a token that was good and has not expired. */
  recall(token: string): Identity | undefined;
  /** @throws EverywireError `not_found` where development tokens are off */
  issue(claims: TokenClaims): Promise<IssuedToken>;
}

/** The names of the internet. */
export interface Names {
  /**
   * The addresses of a name, IPv4 and IPv6; undefined where names are not looked up here (`DNS_RESOLVER_URL=off`).
   *
   * @throws EverywireError `unavailable` where it cannot be found out now
   */
  resolve(hostname: string): Promise<readonly string[] | undefined>;
}

/** What a place for a connection is told of who opened it; plain data, since it crosses to another isolate. */
export interface SocketOpening {
  readonly identity: Identity;
  /** The `Sec-WebSocket-Protocol` to answer with, if any. */
  readonly subprotocol: string | undefined;
  readonly requestId: string;
}

/**
 * Places where a connection can live that has a state of its own, such as many subscriptions over one socket. A
 * function is no such place: its context ends with the request, and what a generator meant to do in `finally` is
 * never done.
 */
export interface SocketHosts {
  /** Answers a WebSocket upgrade with a socket that ends in a place of its own. */
  open(opening: SocketOpening, upgrade: Request): Promise<Response>;
}

/** The server's end of a WebSocket, as far as doors use it: every runtime has that much (WHATWG WebSockets §3.1). */
export interface ServerSocket {
  /** Bytes that were sent and are still held here; left out where the runtime does not say. */
  readonly bufferedAmount?: number;
  /** Nothing arrives before this is called, so that no listener comes too late. */
  accept(): void;
  /** @throws where the socket is closed */
  send(data: string | ArrayBufferView<ArrayBuffer>): void;
  close(code?: number, reason?: string): void;
  addEventListener(type: "message", listener: (event: { readonly data: unknown }) => void): void;
  addEventListener(
    type: "close",
    listener: (event: { readonly code: number; readonly reason: string }) => void,
  ): void;
  addEventListener(type: "error", listener: () => void): void;
}

/** Takes WebSockets in the function itself, each runtime in its own way. */
export interface Sockets {
  /** The response must be what the request is answered with, as it is. */
  accept(
    upgrade: Request,
    subprotocol: string | undefined,
  ): { readonly socket: ServerSocket; readonly response: Response };
}

/** How many requests each identity makes (CONTRACT §6). */
export interface RequestRates {
  /**
   * Counts one request of an identity (`toRateKey`). Where that can be decided here and now there is no promise, so that
   * a request need not wait for its turn in vain.
   *
   * @throws EverywireError `rate_limited` (RequestsExceeded), thrown or as the promise's rejection
   */
  take(key: string, ratePerSecond: number, nowMs: number): Promise<void> | undefined;
}

/** Who may send webhooks here, by name. Their secrets stay behind this. */
export interface WebhookSources {
  /** Undefined where no source of that name is set up. */
  find(name: string): WebhookScheme | undefined;
}

/** What is there now by way of the gateway. */
export interface GatewayOffer {
  /** Where it listens, by the name of the setting. */
  readonly ports: Readonly<Record<string, number>>;
  /** The versions of HTTP on which it carries every HTTP door. */
  readonly http: readonly string[];
  /** SHA-256 of its certificate in base64, by which a page's WebTransport takes one that no authority signed. */
  readonly certificateHash: string | undefined;
  readonly doors: readonly {
    readonly name: string;
    readonly summary: string;
    readonly guarantees: Readonly<Record<string, boolean>>;
  }[];
}

/** The process before this Worker that terminates what an isolate cannot. */
export interface Gateway {
  /**
   * Undefined where none was set up.
   *
   * @throws EverywireError `unavailable` where it does not answer
   */
  describe(): Promise<GatewayOffer | undefined>;
}
