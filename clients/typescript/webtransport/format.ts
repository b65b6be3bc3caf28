/** An operation, an answer or an event, as functions/tcp/README.md has them. */
export type Line = Readonly<Record<string, unknown>>;

/** Cuts a stream into messages, wherever its chunks begin and end. */
export interface MessageCutter {
  push(chunk: Uint8Array): Iterable<Line>;
}

/** How lines are written on the streams and in the datagrams of a session (gateway/README.md, "WebTransport"). */
export interface MessageFormat {
  readonly subprotocol: string;
  /** With what tells one message from the next. */
  encode(line: Line): Uint8Array;
  encodeDatagram(line: Line): Uint8Array;
  createCutter(): MessageCutter;
}
