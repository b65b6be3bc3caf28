import type { ChannelSchema } from "./schema.ts";
import type { TransportName } from "./transport.ts";

/** Settings of {@link connect}. Every one may be left out. */
export interface ConnectOptions {
  /** A bearer token, or what gives one: it is called at first, and again whenever the server says that the token is no good any more. */
  readonly token?: string | (() => string | Promise<string>) | undefined;
  /** Which wires may be used, the best first; all of them by default. */
  readonly transports?: readonly TransportName[] | undefined;
  /** In place of the global one. */
  readonly fetch?: typeof globalThis.fetch | undefined;
  /** In place of the global one, where there is none: `ws` in Node 20. */
  readonly WebSocket?: WebSocketConstructor | undefined;
  /** Where the gateway takes sessions (`https://host:8443/wt`); WebTransport is left out without it. */
  readonly webTransportUrl?: string | undefined;
  readonly webTransport?: WebTransportSettings | undefined;
  /** Where what worked is remembered beyond this client: `localStorage` has the form. */
  readonly storage?: LadderStorage | undefined;
  /** Times and bounds, for tests and unusual networks. */
  readonly timing?: Partial<Timing> | undefined;
  /** Publishes that wait for their ack; one more is refused with `unavailable`. 1000 by default. */
  readonly maxQueuedPublishes?: number | undefined;
}

export interface WebTransportSettings {
  /** In place of the global one. */
  readonly WebTransport?: unknown;
  /** SHA-256 of certificates that no authority signed, in base64: what a development gateway has. */
  readonly serverCertificateHashes?: readonly string[] | undefined;
  /** How messages are written; JSON by default. The other two are loaded when they are asked for. */
  readonly format?: "json" | "msgpack" | "protobuf" | undefined;
}

/** What this needs of `WebSocket`, so that any implementation will do. */
export type WebSocketConstructor = new (url: string, protocols?: string[]) => WebSocketLike;

export interface WebSocketLike {
  send(text: string): void;
  close(code?: number, reason?: string): void;
  addEventListener(name: "open" | "error", listener: () => void): void;
  addEventListener(name: "message", listener: (event: { readonly data: unknown }) => void): void;
  addEventListener(
    name: "close",
    listener: (event: { readonly code: number; readonly reason: string }) => void,
  ): void;
}

export interface LadderStorage {
  getItem(key: string): string | null;
  setItem(key: string, value: string): void;
}

/** All in milliseconds. */
export interface Timing {
  /** The longest wait for the first bytes of a connection before it is asked whether something withholds them. */
  readonly firstBytesMs: number;
  /** The longest wait for them at all. */
  readonly openMs: number;
  /** Silence after which a connection counts as cut; the server gives a sign of life every 15 s at least. */
  readonly silenceMs: number;
  /** Silence after which a WebSocket or a session is asked for a sign of life. */
  readonly pingMs: number;
  /** A connection that lasted so long proves that its wire works here. */
  readonly stableMs: number;
  /** The first wait before a reconnect is a random part of this; it doubles each time. */
  readonly backoffMs: number;
  readonly maxBackoffMs: number;
  /** When a wire that did not work is tried again; doubles each time, up to an hour. */
  readonly retryUpwardsMs: number;
}

export interface SubscribeOptions<Schema extends ChannelSchema | undefined = undefined> {
  /** A cursor, `earliest`, or `latest` (the default): from when `subscribe` was called. */
  readonly after?: string | undefined;
  /** A schema for each type: other types and invalid data are not delivered. */
  readonly schema?: Schema;
  /** This wire and no other. */
  readonly transport?: TransportName | undefined;
  /** Events that wait for the iterator before the connection is held back. 1000 by default. */
  readonly bufferEvents?: number | undefined;
  /** Closes the subscription. */
  readonly signal?: AbortSignal | undefined;
}
