import type { Line } from "./worker-lines.ts";

/** A message that was received: the line it stands for, or why it is none. */
export interface Decoded {
  readonly line: Line | undefined;
  readonly fault: string | undefined;
}

/** Cuts a stream of bytes into messages. */
export interface MessageSplitter {
  push(chunk: Uint8Array): Iterable<Decoded>;
  /** What is left at the end of the stream. */
  end(): Iterable<Decoded>;
}

/** How lines are written on the streams and in the datagrams of a session. */
export interface MessageFormat {
  /** The subprotocol. */
  readonly name: string;
  createSplitter(maxBytes: number): MessageSplitter;
  /** With what tells one message from the next. */
  encode(line: Line): Uint8Array;
  encodeDatagram(line: Line): Uint8Array;
  decodeDatagram(payload: Uint8Array): Decoded;
}

/** A fault in one message. */
export function faulty(fault: string): Decoded {
  return { line: undefined, fault };
}

/** @param read throws where the bytes are no message */
export function attempt(read: () => unknown, fault: string): Decoded {
  try {
    const value = read();
    if (typeof value !== "object" || value === null || Array.isArray(value)) return faulty(fault);
    return { line: value as Line, fault: undefined };
  } catch {
    return faulty(fault);
  }
}
