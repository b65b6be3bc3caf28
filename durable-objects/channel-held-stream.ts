import type { FeedWireName } from "../wire/feed-wires.ts";

/** What waits in a stream is counted in bytes, and a stream from which all was taken wants more. */
const BY_BYTES: QueuingStrategy<Uint8Array> = { highWaterMark: 1, size: (chunk) => chunk.byteLength };

/** Who is told of what happens to a stream at its other end. */
export interface HeldStreamOwner {
  /** Its reader left. */
  onGone(stream: HeldStream): void;
  /** All that it was sent is taken, and it wants more. */
  onTaken(stream: HeldStream): void;
}

/**
 * One reader's stream, written by the channel. It is the stream's underlying source itself, since a closure more for each
 * reader is memory for each reader. Chunks are values and no bytes to the stream: all readers are given the same.
 */
export class HeldStream implements UnderlyingDefaultSource<Uint8Array> {
  readonly wire: FeedWireName;
  readonly expiresAtMs: number | undefined;
  /** Heartbeats since it last took anything. */
  missedHeartbeats = 0;
  /** Called when the stream wants more; left out where nothing is to be fetched, or each delivery would call it. */
  readonly pull?: () => void;
  readonly #owner: HeldStreamOwner;
  #controller!: ReadableStreamDefaultController<Uint8Array>;
  #sentBytes = 0;
  /** What is known to have been taken, and what was at the last heartbeat. */
  #takenBytes = 0;
  #takenBefore = 0;

  constructor(
    owner: HeldStreamOwner,
    wire: FeedWireName,
    expiresAtMs: number | undefined,
    { isPulled }: { readonly isPulled: boolean },
  ) {
    this.#owner = owner;
    this.wire = wire;
    this.expiresAtMs = expiresAtMs;
    if (isPulled) this.pull = () => this.#owner.onTaken(this);
  }

  /** The response's body; to be asked for once. */
  open(): ReadableStream<Uint8Array> {
    return new ReadableStream(this, BY_BYTES);
  }

  start(controller: ReadableStreamDefaultController<Uint8Array>): void {
    this.#controller = controller;
  }

  cancel(): void {
    this.#owner.onGone(this);
  }

  /** Sends bytes; false where more than `maxBytes` waited already, and nothing was sent. */
  send(bytes: Uint8Array, maxBytes: number): boolean {
    // Asking what waits is dearer than counting what was sent, so it is asked only when that is a lot.
    if (this.#sentBytes - this.#takenBytes > maxBytes && this.waitingBytes > maxBytes) return false;
    this.#sentBytes += bytes.byteLength;
    this.#controller.enqueue(bytes);
    return true;
  }

  /** What waits to be taken. */
  get waitingBytes(): number {
    const waiting = 1 - (this.#controller.desiredSize ?? 1);
    this.#takenBytes = this.#sentBytes - waiting;
    return waiting;
  }

  /** Whether something was taken since the last time that this was asked, or nothing waits. */
  hasProgressed(): boolean {
    const hasTaken = this.waitingBytes <= 0 || this.#takenBytes > this.#takenBefore;
    this.#takenBefore = this.#takenBytes;
    return hasTaken;
  }

  /** Sends a last word; true where the stream ended with it. Where something waits, {@link close} ends it. */
  end(lastWord: Uint8Array): boolean {
    const isTaken = this.waitingBytes <= 0;
    this.#controller.enqueue(lastWord);
    // One that is closed can not be cut any more, and would hold what waits for as long as its connection lasts.
    if (isTaken) this.#controller.close();
    return isTaken;
  }

  /** Ends it where all is taken; true where it did. */
  close(): boolean {
    if (this.waitingBytes > 0) return false;
    this.#controller.close();
    return true;
  }

  /** Ends it at once, and lets go of what waits. */
  cut(reason: Error): void {
    this.#controller.error(reason);
  }
}
