import type { FeedFrameRecord } from "./feed-frame.ts";

/** What a feed tells its reader; a ping is between a channel and a function. */
export type FeedWireRecord = Exclude<FeedFrameRecord, { readonly kind: "ping" }>;

/** An error as the last word of a stream. */
export interface FeedWireError {
  readonly code: string;
  readonly message: string;
}

/** How the feed of one channel is written on a response that goes on; it looks the same to all of its readers. */
export interface FeedWire {
  /**
   * The first thing on the stream: without it a client's response would begin with the first event.
   *
   * @param random from 0 to 1, by which readers differ in when they come back
   */
  opening(random: number): string;
  /** What says that the stream is alive and means nothing else. */
  readonly heartbeat: string;
  /** Empty for a record that the wire does not tell. */
  encodeRecord(record: FeedWireRecord): string;
  /** The last thing on a stream that the server ends. */
  encodeError(error: FeedWireError): string;
}
