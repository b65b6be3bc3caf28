import type { Place, Traffic } from "./place.ts";

/** What a reader is asked for. */
export interface ReadRequest {
  readonly channel: string;
  /** A cursor, `earliest` or `latest`. */
  readonly after: string;
  /** Given every byte that comes and may hold an event's mark, from the first on. */
  onBytes(chunk: Buffer): void;
  /** Called where the reading ends by itself. */
  onEnd(why: string): void;
}

/** Someone who reads a channel, and is live. */
export interface Reader {
  readonly traffic: Traffic;
  /** Leaves. Rejects never. */
  close(): void | Promise<void>;
}

/**
 * Connects and subscribes; resolves when what is published from now on will come.
 *
 * @throws Error with what the server said
 */
export type OpenReader = (place: Place, request: ReadRequest) => Promise<Reader>;
