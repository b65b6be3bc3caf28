import type { EverywireError } from "./error.ts";
import type { CloudEvent, Gap, GapEvent, NewEvent, Published } from "./event.ts";
import type { SubscribeOptions } from "./options.ts";
import type { ChannelSchema, OutputOf } from "./schema.ts";
import type { TransportName } from "./transport.ts";

/**
 * - `connecting`: nothing has come yet.
 * - `live`: a connection is open.
 * - `reconnecting`: it was lost; the next one goes on from the cursor.
 * - `offline`: the server cannot be reached by any wire.
 * - `paused`: more waits than the buffer holds; it goes on when some was taken.
 * - `closed`: by {@link Subscription.close}, or because the channel was closed and all of it was read.
 * - `failed`: the server refuses, and would again.
 */
export type SubscriptionState =
  | "connecting"
  | "live"
  | "reconnecting"
  | "offline"
  | "paused"
  | "closed"
  | "failed";

/** A step from one wire to another, and why. */
export interface Fallback {
  readonly from: TransportName;
  readonly to: TransportName;
  readonly reason: string;
  /** Milliseconds since the epoch. */
  readonly atMs: number;
}

export interface SubscriptionStats {
  /** Payload bytes that were received, over all connections. */
  readonly bytes: number;
  /** Events that were received; those that came twice over a change of connections are not counted. */
  readonly events: number;
  /** Events that were dropped because they had come already. */
  readonly repeats: number;
  /** Events that the schema did not let through. */
  readonly refused: number;
  readonly gaps: number;
  /** Connections after the first. */
  readonly reconnects: number;
  /** From the start of the newest connection until its first bytes, in milliseconds; undefined before. */
  readonly connectMs: number | undefined;
  /** When the newest connection opened; milliseconds since the epoch. */
  readonly connectedAtMs: number | undefined;
  readonly lastEventAtMs: number | undefined;
  readonly fallbacks: readonly Fallback[];
}

export interface SubscriptionEvents<Event extends CloudEvent> {
  /** Each event, gaps included, in order. */
  event: Event;
  gap: Gap;
  state: SubscriptionState;
  /** The wire that is in use from now on. */
  transport: TransportName;
  /** What ended a connection, what a schema refused, and, in the state `failed`, what ended the subscription. */
  error: EverywireError;
}

/**
 * A reader of one channel: each event once, in order, over whatever wire works. Read it with `for await`, which ends
 * when it is closed and throws when it fails, or with {@link on}, or both.
 */
export interface Subscription<Event extends CloudEvent = CloudEvent> extends AsyncIterable<Event> {
  readonly channel: string;
  /** Behind the last event that was handed out: what to pass as `after` in order to go on, on any wire, any time. */
  readonly cursor: string;
  readonly state: SubscriptionState;
  /** The wire in use, or being tried. */
  readonly transport: TransportName | undefined;
  readonly stats: SubscriptionStats;
  /** Resolves when the first connection is open: what is published from then on will come. Rejects when it fails. */
  readonly ready: Promise<void>;
  /** Adds a listener; gives what removes it. Events that came before the first listener for them are given to it. */
  on<Name extends keyof SubscriptionEvents<Event>>(
    name: Name,
    listener: (value: SubscriptionEvents<Event>[Name]) => void,
  ): () => void;
  /** Drops the connection as a network would; it comes back by itself. For demonstrations and tests. */
  cut(): void;
  /** Ends it: iteration ends when what was received has been taken. */
  close(): void;
  [Symbol.asyncIterator](): AsyncIterator<Event, undefined>;
}

/** What comes on a channel with a schema: an event of one of its types, or a gap. */
export type TypedEvent<Schema extends ChannelSchema> =
  | { [Type in keyof Schema & string]: CloudEvent<OutputOf<Schema[Type]>, Type> }[keyof Schema & string]
  | GapEvent;

/** What can be published on a channel with a schema. */
export type TypedNewEvent<Schema extends ChannelSchema> = {
  [Type in keyof Schema & string]: NewEvent<OutputOf<Schema[Type]>, Type>;
}[keyof Schema & string];

/** A page of a channel's log. */
export interface Page<Event extends CloudEvent = CloudEvent> {
  readonly events: readonly Event[];
  /** Where the next page begins. */
  readonly next: string;
  readonly upToDate: boolean;
}

export interface ReadOptions {
  /** A cursor or `earliest` (the default). */
  readonly after?: string | undefined;
  /** Events in the page; 100 by default, 1000 at most. */
  readonly limit?: number | undefined;
}

/** A channel by name; with a schema, nothing else goes in or comes out. */
export interface Channel<Event extends CloudEvent = CloudEvent, New extends NewEvent = NewEvent> {
  readonly name: string;
  /** @throws EverywireError `validation_failed` before anything is sent */
  publish(event: New): Promise<Published>;
  subscribe(options?: Omit<SubscribeOptions, "schema">): Subscription<Event>;
  read(options?: ReadOptions): Promise<Page<Event>>;
}

export interface Member {
  readonly id: string;
  readonly name: string;
  /** How many connections it has. */
  readonly connections: number;
}

export interface PresenceEvents {
  /** Who is there, whenever that has changed. */
  change: readonly Member[];
  join: Member;
  leave: Member;
  error: EverywireError;
}

/**
 * Who is connected to a channel. One is present oneself through a subscription over WebSocket; the other wires see who
 * is there, and are not seen.
 */
export interface Presence {
  readonly channel: string;
  /** As last known; empty until it was asked for the first time. */
  readonly members: readonly Member[];
  on<Name extends keyof PresenceEvents>(
    name: Name,
    listener: (value: PresenceEvents[Name]) => void,
  ): () => void;
  /** Asks the server now. */
  refresh(): Promise<readonly Member[]>;
  close(): void;
}

export interface ClientStats {
  /** Publishes that wait for their ack. */
  readonly queued: number;
  /** Publishes that were acknowledged. */
  readonly published: number;
  /** Publishes that had to be sent again. */
  readonly resent: number;
  /** WebTransport sessions that are open. */
  readonly sessions: readonly SessionStats[];
}

/** One WebTransport session. */
export interface SessionStats {
  /** The subprotocol: how messages are written. */
  readonly protocol: string;
  readonly openedAtMs: number;
  /** How many share it. */
  readonly subscriptions: number;
  /** Bytes that came on its streams. */
  readonly bytes: number;
  readonly datagramsSent: number;
  /** The gateway has asked to go elsewhere, or its token has ended: it is not used for anything new. */
  readonly isDraining: boolean;
}

/** One server, one identity. Opens connections when something is subscribed to, and not before. */
export interface Client {
  /** Without a slash at the end. */
  readonly url: string;
  readonly stats: ClientStats;
  /**
   * Appends an event to a channel. Resolves when it is durable; waits, in the order of calls, while the server cannot be
   * reached, and sends again what was not answered: under its id it is stored once.
   *
   * @throws EverywireError what the server refuses for good; `unavailable` where the queue is full or the client closed
   */
  publish(channel: string, event: NewEvent): Promise<Published>;
  /**
   * Says what is so now, where only the newest matters (a position, a reading): by datagram over WebTransport, else by a
   * request at a time, with what came meanwhile for the same channel, type and subject replaced by the newest.
   */
  publishLatest(channel: string, event: NewEvent): void;
  subscribe(channel: string, options?: SubscribeOptions): Subscription;
  subscribe<const Schema extends ChannelSchema>(
    channel: string,
    options: SubscribeOptions<Schema>,
  ): Subscription<TypedEvent<Schema>>;
  /** A page of the log. @throws EverywireError */
  read(channel: string, options?: ReadOptions): Promise<Page>;
  /** A channel by name, to be kept and passed on. */
  channel(name: string): Channel;
  channel<const Schema extends ChannelSchema>(
    name: string,
    options: { readonly schema: Schema },
  ): Channel<TypedEvent<Schema>, TypedNewEvent<Schema>>;
  presence(channel: string): Presence;
  /** Closes all subscriptions and connections. What was published and not acknowledged is refused with `unavailable`. */
  close(): void;
}
