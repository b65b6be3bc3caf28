import type { PublishTerms } from "../core/mqtt-session.ts";
import {
  CONSUMED_STEP_BYTES,
  encodeConsumed,
  encodeSettled,
  MAX_UNCONSUMED_BYTES,
  STOP,
} from "../core/mqtt-session.ts";
import { concatBytes } from "../wire/bytes.ts";

/** What is kept on the socket while the object sleeps. */
interface LinkAttachment {
  readonly version: number;
  /** What the session keeps here ({@link SessionStore.takeSnapshot}). */
  readonly kept?: string;
}

/** A function that says nothing for so long has died: its answer comes when what it publishes is stored. */
const STOP_TIMEOUT_MS = 1000;

/** The connection of a session: a socket to the function that holds the client's own. */
export class MqttLink {
  readonly socket: WebSocket;
  readonly version: number;
  /** What the session kept beside the connection before the object slept. */
  readonly kept: string | undefined;
  #waiting: Uint8Array[] = [];
  #unconsumedBytes = 0;
  #consumedBytes = 0;
  #isOpen = true;
  readonly #stopped = Promise.withResolvers<void>();

  constructor(socket: WebSocket, version: number, kept?: string) {
    this.socket = socket;
    this.version = version;
    this.kept = kept;
    if (kept === undefined) socket.serializeAttachment({ version } satisfies LinkAttachment);
  }

  /** The link of a socket that was there before the object slept; undefined for one that was never connected. */
  static restore(socket: WebSocket): MqttLink | undefined {
    const attachment = socket.deserializeAttachment() as LinkAttachment | null;
    return attachment === null ? undefined : new MqttLink(socket, attachment.version, attachment.kept);
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** Keeps a text beside the connection, at most 16 KiB. */
  keep(kept: string): void {
    if (!this.#isOpen) return;
    this.socket.serializeAttachment({ version: this.version, kept } satisfies LinkAttachment);
  }

  /** False while the client does not take what was sent. */
  get hasRoom(): boolean {
    return this.#isOpen && this.#unconsumedBytes < MAX_UNCONSUMED_BYTES;
  }

  /** Sends packets, those of one turn together. */
  send(packet: Uint8Array): void {
    if (!this.#isOpen) return;
    this.#unconsumedBytes += packet.byteLength;
    this.#waiting.push(packet);
    if (this.#waiting.length === 1) queueMicrotask(() => this.flush());
  }

  flush(): void {
    if (this.#waiting.length === 0) return;
    const bytes = concatBytes(this.#waiting);
    this.#waiting = [];
    try {
      this.socket.send(bytes);
    } catch {
      // The function is gone; the object is told of that by the socket's own event.
      this.#isOpen = false;
    }
  }

  /** The function has handed so many bytes to the client. What was sent before the object slept is not counted. */
  onConsumed(bytes: number): void {
    this.#unconsumedBytes = Math.max(0, this.#unconsumedBytes - bytes);
  }

  /** Tells the function how much of what it sent was dealt with. */
  consume(bytes: number): void {
    this.#consumedBytes += bytes;
    if (this.#consumedBytes < CONSUMED_STEP_BYTES || !this.#isOpen) return;
    this.#tell(encodeConsumed(this.#consumedBytes));
    this.#consumedBytes = 0;
  }

  /** Tells the function that all that it sent is dealt with; the answers to that go first. */
  settle(terms: PublishTerms): void {
    this.flush();
    this.#tell(encodeSettled(terms));
  }

  /** Has the function publish nothing more. Resolves when what it had begun is stored, or it is gone. */
  async stop(): Promise<void> {
    if (!this.#isOpen) return;
    this.#tell(STOP);
    await Promise.race([this.#stopped.promise, scheduler.wait(STOP_TIMEOUT_MS)]);
  }

  onStopped(): void {
    this.#stopped.resolve();
  }

  #tell(text: string): void {
    if (!this.#isOpen) return;
    try {
      this.socket.send(text);
    } catch {
      this.#isOpen = false;
    }
  }

  close(): void {
    if (!this.#isOpen) return;
    this.flush();
    this.#isOpen = false;
    this.socket.serializeAttachment(null);
    try {
      this.socket.close(1000);
    } catch {
      // It was closed by the other end first.
    }
  }
}
