import type { ChannelName } from "../core/channel-name.ts";
import { EverywireError } from "../core/error.ts";
import { isEphemeralType, parsePlainEvent } from "../core/event.ts";
import type { Limits } from "../core/limits.ts";
import { toEncodedEvent } from "../core/operations/publish-event.ts";
import type { AppendRequest, Receipt } from "../core/ports.ts";
import type { AckRef, ClientFrame } from "../wire/socket-frame.ts";
import {
  decodeClientFrame,
  encodeAck,
  encodePong,
  encodeSocketError,
  encodeWho,
  SocketFrameError,
} from "../wire/socket-frame.ts";
import type { ChannelRates } from "./channel-rates.ts";
import type { ChannelSockets, ClientAttachment } from "./channel-sockets.ts";

type PongFrame = Extract<ClientFrame, { readonly op: "pong" }>;

/** What a socket can make its channel do. */
export interface SocketHost {
  readonly channelName: string;
  appendNow(request: AppendRequest): readonly Receipt[];
}

/**
 * Answers what arrives on sockets. A frame that cannot be taken is answered by an error frame, and the connection goes
 * on; nothing that a client sends ends it but its own close, an expired token, or a frame over the platform's limit.
 */
export class SocketCommands {
  readonly #host: SocketHost;
  readonly #sockets: ChannelSockets;
  readonly #rates: ChannelRates;
  readonly #limits: Limits;

  constructor(host: SocketHost, sockets: ChannelSockets, rates: ChannelRates, limits: Limits) {
    this.#host = host;
    this.#sockets = sockets;
    this.#rates = rates;
    this.#limits = limits;
  }

  /** Handles one message; true where something was appended. */
  onMessage(socket: WebSocket, message: string | ArrayBuffer): boolean {
    const attachment = this.#sockets.find(socket);
    if (attachment === undefined) return false;
    if (attachment.kind === "feed") {
      if (typeof message === "string" && message.startsWith("pong "))
        this.#sockets.onPong(socket, message.slice(5));
      return false;
    }
    try {
      return this.#onFrame(socket, attachment, message);
    } catch (thrown) {
      this.#refuse(socket, thrown);
      return false;
    }
  }

  #onFrame(socket: WebSocket, attachment: ClientAttachment, message: string | ArrayBuffer): boolean {
    if (typeof message !== "string") {
      throw new EverywireError("unsupported_media_type", "Frames are text; put bytes into 'data_base64'.");
    }
    // The event itself is measured when it is encoded; this only spares the parser what can be no event at all, and
    // leaves room to read the `ack` of one that is somewhat too large.
    if (message.length > 4 * this.#limits.MAX_EVENT_BYTES) {
      throw new EverywireError(
        "payload_too_large",
        `An event has at most ${this.#limits.MAX_EVENT_BYTES} bytes.`,
      );
    }
    const frame = decodeClientFrame(message);
    if (frame.op === "pong") {
      // We asked for it, so it is not counted.
      this.#sockets.onPong(socket, String(frame.ref));
      return false;
    }
    try {
      this.#rates.takeFrame(attachment.rateKey, Date.now());
      return this.#answer(socket, attachment, frame);
    } catch (thrown) {
      const id = frame.op === "publish" ? idOf(frame.event) : undefined;
      this.#refuse(socket, thrown, typeof frame.ref === "boolean" ? id : frame.ref);
      return false;
    }
  }

  #answer(socket: WebSocket, attachment: ClientAttachment, frame: Exclude<ClientFrame, PongFrame>): boolean {
    switch (frame.op) {
      case "ping":
        socket.send(encodePong(frame.ref));
        return false;
      case "who":
        socket.send(encodeWho(this.#sockets.members, frame.ref));
        return false;
      case "publish":
        return this.#publish(socket, attachment, frame.event, frame.ref);
    }
  }

  #publish(
    socket: WebSocket,
    attachment: ClientAttachment,
    value: unknown,
    ref: AckRef | undefined,
  ): boolean {
    const nowMs = Date.now();
    this.#assertMayWrite(attachment, nowMs);
    const channel = this.#host.channelName as ChannelName;
    const event = parsePlainEvent(value, { source: attachment.source, nowMs });
    const encoded = toEncodedEvent(event, channel, this.#limits);
    const rateKey = attachment.rateKey;
    let receipt: Receipt | undefined;
    if (isEphemeralType(event.type)) {
      this.#rates.takePublishes(rateKey, 1, nowMs);
      // The sender knows what it sent and is left out.
      this.#sockets.broadcast(encoded.type, encoded.json, socket);
    } else {
      [receipt] = this.#host.appendNow({ events: [encoded], rateKey });
    }
    if (ref !== undefined) {
      const ack = {
        ref: ref === true ? event.id : ref,
        id: event.id,
        sequence: receipt?.sequence,
        duplicate: receipt?.duplicate ?? false,
      };
      socket.send(encodeAck(ack));
    }
    return receipt !== undefined;
  }

  #assertMayWrite(attachment: ClientAttachment, nowMs: number): void {
    if (attachment.expiresAtMs !== undefined && attachment.expiresAtMs <= nowMs) {
      throw new EverywireError("unauthenticated", "The token has expired.");
    }
    if (attachment.mayWrite) return;
    throw attachment.isAnonymous
      ? new EverywireError("unauthenticated", "Publishing here needs a bearer token.")
      : new EverywireError("permission_denied", "You may read this channel, and not write to it.");
  }

  #refuse(socket: WebSocket, thrown: unknown, ref?: string | number): void {
    const isFrame = thrown instanceof SocketFrameError;
    const error = isFrame
      ? new EverywireError("invalid_argument", thrown.message)
      : EverywireError.from(thrown);
    if (error.code === "internal") console.error(error.cause);
    const known = isFrame && typeof thrown.ref !== "boolean" ? thrown.ref : ref;
    const { code, message, retryAfterMs } = error;
    socket.send(encodeSocketError({ code, message, ref: known, retryAfterMs }));
  }
}

function idOf(event: unknown): string | undefined {
  const id = (event as { readonly id?: unknown }).id;
  return typeof id === "string" ? id : undefined;
}
