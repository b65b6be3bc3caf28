/** The kinds of wire, which the colours tell apart. */
export type Family = "socket" | "stream" | "call" | "poll" | "quic";

export type LaneName =
  | "websocket"
  | "sse"
  | "ndjson"
  | "long-poll"
  | "durable-streams"
  | "graphql-sse"
  | "graphql-socket"
  | "connect"
  | "grpc-web"
  | "json-rpc"
  | "mqtt"
  | "webtransport";

/** Where a lane reads. */
export interface LaneRequest {
  /** Without a slash at the end. */
  readonly origin: string;
  readonly channel: string;
  /** A cursor. */
  readonly after: string;
  /** Undefined for anybody. */
  readonly token: string | undefined;
}

export interface LaneEvent {
  readonly type: string;
  /** Left out for what is not stored, and for a gap. */
  readonly sequence?: string | null | undefined;
  readonly data?: unknown;
}

/** Who hears of what comes on a lane. */
export interface LaneSink {
  /** The other end has shown itself. */
  onLive(): void;
  /** Bytes that the page was given, before anything is decoded. */
  onBytes(count: number): void;
  onEvent(event: LaneEvent): void;
}

/** How one wire carries a channel to this page. A new one is a file in `wires/` and a line in `wires.ts`. */
export interface LaneWire {
  readonly name: LaneName;
  readonly title: string;
  readonly family: Family;
  /** What is asked for, as one sees it in the browser's tools. */
  readonly path: string;
  /** The client that reads it. */
  readonly client: string;
  /** Which bytes are counted. */
  readonly counted: string;
  /** Whether it holds one of the six HTTP/1.1 connections that a browser keeps to a name. */
  readonly holdsConnection: boolean;
  /** Why it cannot be opened here; undefined where it can. */
  unavailable?(): string | undefined;
  /**
   * Reads until the signal says stop. Resolves when the other end ended it in order.
   *
   * @throws Error where it was refused, or broke
   */
  run(request: LaneRequest, sink: LaneSink, signal: AbortSignal): Promise<void>;
}

/** An address with the token in it (CONTRACT §6): a page cannot set the headers of a WebSocket. */
export function withToken(url: string, token: string | undefined): string {
  if (token === undefined) return url;
  return `${url}${url.includes("?") ? "&" : "?"}access_token=${encodeURIComponent(token)}`;
}

const toUtf8 = new TextEncoder();

/** How many bytes a text frame had on the wire. */
export function countBytes(data: unknown): number {
  if (typeof data === "string") return toUtf8.encode(data).byteLength;
  return data instanceof ArrayBuffer ? data.byteLength : 0;
}
