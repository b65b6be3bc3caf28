import type { ChannelName } from "../core/channel-name.ts";
import type { ErrorCode } from "../core/error.ts";
import { ERROR_TABLE, EverywireError } from "../core/error.ts";
import { isEphemeralType, parsePlainEvent } from "../core/event.ts";
import { toDefaultSource, toRateKey } from "../core/identity.ts";
import { toEncodedEvent } from "../core/operations/publish-event.ts";
import type {
  EncodedEvent,
  Presence,
  Receipt,
  ServerSocket,
  SocketRequest,
  Subscription,
} from "../core/ports.ts";
import { Buckets, RequestsExceeded } from "../core/rate.ts";
import type { Settings } from "../core/settings.ts";
import type { AckRef, ClientFrame } from "../wire/socket-frame.ts";
import {
  decodeClientFrame,
  encodeAck,
  encodePong,
  encodeSocketError,
  encodeWho,
  SocketFrameError,
} from "../wire/socket-frame.ts";

/** What a client's socket does to its channel. */
export interface ChannelSocketHost {
  readonly settings: Settings;
  append(event: EncodedEvent, rateKey: string): Promise<Receipt>;
  /** Sends what is not stored to everybody but the connection itself. */
  broadcast(event: EncodedEvent, rateKey: string): Promise<void>;
  presence(): Promise<Presence>;
  /** The connection is over, whichever end closed it. */
  onEnd(): void;
}

/** Bytes that are on their way to a client before no more are sent: it takes them, or nothing more is read for it. */
const MAX_UNSENT_BYTES = 1024 * 1024;
const ROOM_POLL_MS = 20;
/** setTimeout overflows beyond this; a token that lasts longer than 24 days outlives any connection. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** What sockets ask for, by identity and channel: counted in this process, since asking Redis would cost more than the answer. */
const frames = new Buckets();

/**
 * A client's own socket on a channel that has no place of its own: it ends in the function, which reads the log for it
 * (functions/websocket/README.md has the frames). Frames are answered in the order in which they came.
 */
export class ChannelSocket {
  readonly #host: ChannelSocketHost;
  readonly #channel: ChannelName;
  readonly #request: SocketRequest;
  readonly #socket: ServerSocket;
  readonly #subscription: Subscription;
  readonly #rateKey: string;
  #queue: Promise<void> = Promise.resolve();
  #queuedCharacters = 0;
  #expiry: ReturnType<typeof setTimeout> | undefined;
  #isEnded = false;

  constructor(
    host: ChannelSocketHost,
    channel: ChannelName,
    request: SocketRequest,
    socket: ServerSocket,
    subscription: Subscription,
  ) {
    this.#host = host;
    this.#channel = channel;
    this.#request = request;
    this.#socket = socket;
    this.#subscription = subscription;
    this.#rateKey = toRateKey(request.identity);
    socket.addEventListener("message", ({ data }) => this.#onMessage(data));
    socket.addEventListener("close", () => this.#end());
    socket.addEventListener("error", () => this.#end());
    const { identity } = request;
    const expiresAtMs = identity.kind === "user" ? identity.expiresAtMs : undefined;
    if (expiresAtMs !== undefined && expiresAtMs - Date.now() <= MAX_TIMER_MS) {
      const onExpired = () => this.#close("unauthenticated", "the token has expired");
      this.#expiry = setTimeout(onExpired, expiresAtMs - Date.now());
    }
    socket.accept();
    void this.#pump();
  }

  async #pump(): Promise<void> {
    try {
      for await (const records of this.#subscription) {
        for (const record of records) {
          if (this.#isEnded) return;
          if (record.kind !== "position") this.#send(record.json);
        }
        await this.#untilRoom();
      }
    } catch (thrown) {
      const error = EverywireError.from(thrown);
      if (error.code === "internal") console.error(error.cause);
      this.#close(error.code, error.code === "gone" ? "the channel was deleted" : error.message);
    }
  }

  /** By timer: a socket does not say when it has sent what it holds. */
  async #untilRoom(): Promise<void> {
    while (!this.#isEnded && (this.#socket.bufferedAmount ?? 0) > MAX_UNSENT_BYTES) {
      await new Promise((resolve) => setTimeout(resolve, ROOM_POLL_MS));
    }
  }

  #onMessage(data: unknown): void {
    if (this.#isEnded) return;
    const length = typeof data === "string" ? data.length : 0;
    this.#queuedCharacters += length;
    if (this.#queuedCharacters > this.#host.settings.limits.MAX_UNCONFIRMED_BYTES) {
      this.#close("unavailable", "more frames at once than can be answered");
      return;
    }
    this.#queue = this.#queue.then(async () => {
      if (!this.#isEnded) await this.#onFrame(data).catch((thrown) => this.#refuse(thrown));
      this.#queuedCharacters -= length;
    });
  }

  async #onFrame(data: unknown): Promise<void> {
    if (typeof data !== "string") {
      throw new EverywireError("unsupported_media_type", "Frames are text; put bytes into 'data_base64'.");
    }
    const { MAX_EVENT_BYTES, REQUESTS_PER_SECOND } = this.#host.settings.limits;
    // As in a channel's own object: what can be no event is not parsed, and one that is somewhat too large is told so by its ref.
    if (data.length > 4 * MAX_EVENT_BYTES) {
      throw new EverywireError("payload_too_large", `An event has at most ${MAX_EVENT_BYTES} bytes.`);
    }
    const frame = decodeClientFrame(data);
    if (frame.op === "pong") return;
    try {
      if (this.#host.settings.hasRateLimits) {
        this.#takeFrame(REQUESTS_PER_SECOND);
      }
      await this.#answer(frame);
    } catch (thrown) {
      const id = frame.op === "publish" ? idOf(frame.event) : undefined;
      this.#refuse(thrown, typeof frame.ref === "boolean" ? id : frame.ref);
    }
  }

  /** @throws EverywireError `rate_limited` */
  #takeFrame(perSecond: number): void {
    const key = `${this.#rateKey} ${this.#channel}`;
    const { isAllowed, retryAfterMs } = frames.take(key, perSecond, 1, Date.now());
    if (!isAllowed) throw new RequestsExceeded(perSecond, retryAfterMs);
  }

  async #answer(frame: ClientFrame): Promise<void> {
    switch (frame.op) {
      case "pong":
        return;
      case "ping":
        this.#send(encodePong(frame.ref));
        return;
      case "who":
        this.#send(encodeWho((await this.#host.presence()).members, frame.ref));
        return;
      case "publish":
        await this.#publish(frame.event, frame.ref);
    }
  }

  async #publish(value: unknown, ref: AckRef | undefined): Promise<void> {
    this.#assertMayWrite();
    const { identity } = this.#request;
    const event = parsePlainEvent(value, { source: toDefaultSource(identity), nowMs: Date.now() });
    const encoded = toEncodedEvent(event, this.#channel, this.#host.settings.limits);
    let receipt: Receipt | undefined;
    if (isEphemeralType(event.type)) await this.#host.broadcast(encoded, this.#rateKey);
    else receipt = await this.#host.append(encoded, this.#rateKey);
    if (ref === undefined) return;
    this.#send(
      encodeAck({
        ref: ref === true ? event.id : ref,
        id: event.id,
        sequence: receipt?.sequence,
        duplicate: receipt?.duplicate ?? false,
      }),
    );
  }

  #assertMayWrite(): void {
    const { identity, mayWrite } = this.#request;
    if (mayWrite) return;
    throw identity.kind === "anonymous"
      ? new EverywireError("unauthenticated", "Publishing here needs a bearer token.")
      : new EverywireError("permission_denied", "You may read this channel, and not write to it.");
  }

  #refuse(thrown: unknown, ref?: string | number): void {
    const isFrame = thrown instanceof SocketFrameError;
    const error = isFrame
      ? new EverywireError("invalid_argument", thrown.message)
      : EverywireError.from(thrown);
    if (error.code === "internal") console.error(error.cause);
    const known = isFrame && typeof thrown.ref !== "boolean" ? thrown.ref : ref;
    const { code, message, retryAfterMs } = error;
    this.#send(encodeSocketError({ code, message, ref: known, retryAfterMs }));
  }

  #send(text: string): void {
    if (this.#isEnded) return;
    try {
      this.#socket.send(text);
    } catch {
      this.#end();
    }
  }

  #close(code: ErrorCode, reason: string): void {
    this.#end(ERROR_TABLE[code].webSocketClose, reason);
  }

  /** Safe to call twice. Without a code: 1005, 1006 and 1015 must not be sent back (RFC 6455 §7.4.1). */
  #end(code?: number, reason?: string): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    clearTimeout(this.#expiry);
    this.#subscription.close();
    try {
      this.#socket.close(code, reason);
    } catch {
      // It was closed by the other end first.
    }
    this.#host.onEnd();
  }
}

function idOf(event: unknown): string | undefined {
  const id = (event as { readonly id?: unknown }).id;
  return typeof id === "string" ? id : undefined;
}
