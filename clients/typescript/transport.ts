import type { EverywireError } from "./error.ts";
import type { CloudEvent, NewEvent, Published } from "./event.ts";

/** The rungs of the ladder, the best first. */
export const TRANSPORT_NAMES = ["webtransport", "websocket", "sse", "ndjson", "long-poll"] as const;

export type TransportName = (typeof TRANSPORT_NAMES)[number];

/** How one wire carries one channel to one reader. A new wire is a file with one of these. */
export interface Transport {
  readonly name: TransportName;
  /** Why it cannot be used here at all (a runtime without WebSocket, say); undefined where it can. */
  readonly unavailable: string | undefined;
  /** Milliseconds that it needs at least to open where nothing is in its way. */
  readonly minOpenMs: number;
  /** Whether something on the way may gather what comes into blocks: then the log is asked now and then what it has. */
  readonly isBufferable?: boolean | undefined;
  /** The longest silence that means nothing on this wire, in milliseconds, where it is not what `Timing.silenceMs` says. */
  readonly maxSilenceMs?: number | undefined;
  /** Begins to read. What comes, and how it ends, is told to the sink; this neither waits nor throws. */
  open(request: OpenRequest, sink: TransportSink): TransportConnection;
}

export interface OpenRequest {
  readonly channel: string;
  /** A cursor, `earliest` or `latest`. */
  readonly after: string;
}

/** Who hears of a connection. After {@link onEnd}, or the connection's `close`, nothing more is told. */
export interface TransportSink {
  /** The other end has shown itself, by bytes of its own: headers alone prove nothing, since a proxy can make them. */
  onOpen(): void;
  /** Where reading stands before any event: what to resume from if none comes. */
  onPosition(cursor: string): void;
  /** An event, a gap, or something that is not stored, in the order of the wire. */
  onEvent(event: CloudEvent): void;
  /** So many bytes came, whatever they mean: a sign of life. */
  onBytes(count: number): void;
  /** Undefined while more can be taken; a promise to wait for before more is read, on wires that can be held back. */
  room(): Promise<void> | undefined;
  /** It is over, once; the error says whether the server ended it or something on the way did. */
  onEnd(error: EverywireError): void;
}

export interface TransportConnection {
  /** Ends it; the sink hears nothing more. */
  close(): void;
  /** Asks the other end for a sign of life; left out where it gives one by itself. */
  readonly ping?: (() => void) | undefined;
  /** Publishes over the same connection, with the log's answer; left out on wires that only read. */
  readonly publish?: ((event: NewEvent) => Promise<Published>) | undefined;
}
