import type { ChannelName } from "../core/channel-name.ts";
import { EverywireError } from "../core/error.ts";
import { isEphemeralType, parsePlainEvent } from "../core/event.ts";
import type { Limits } from "../core/limits.ts";
import { toEncodedEvent } from "../core/operations/publish-event.ts";
import type { AppendRequest, Receipt } from "../core/ports.ts";
import type { Failure } from "../core/result.ts";
import type { AckRef, ClientFrame } from "../wire/socket-frame.ts";
import {
  decodeClientFrame,
  encodeAck,
  encodePong,
  encodeSocketError,
  encodeWho,
  PING_TEXT,
  SocketFrameError,
} from "../wire/socket-frame.ts";
import { ChannelGathering } from "./channel-gathering.ts";
import type { ChannelRates } from "./channel-rates.ts";
import type { ChannelSockets, ClientAttachment } from "./channel-sockets.ts";

type PongFrame = Extract<ClientFrame, { readonly op: "pong" }>;

/** A frame that publishes what is stored. */
interface Publication {
  readonly socket: WebSocket;
  readonly request: AppendRequest;
  readonly eventId: string;
  readonly ref: AckRef | undefined;
  /** What a refusal is answered by. */
  readonly refusalRef: string | number | undefined;
}

/** What a socket can make its channel do. */
export interface SocketHost {
  readonly channelName: string;
  /** Appends what sockets publish: of each request its receipts, or why there are none. @throws EverywireError */
  appendNow(requests: readonly AppendRequest[]): readonly (readonly Receipt[] | Failure)[];
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
  readonly #publications: ChannelGathering<Publication>;

  constructor(
    host: SocketHost,
    sockets: ChannelSockets,
    rates: ChannelRates,
    limits: Limits,
    storage: DurableObjectStorage,
  ) {
    this.#host = host;
    this.#sockets = sockets;
    this.#rates = rates;
    this.#limits = limits;
    this.#publications = new ChannelGathering({
      handle: (publications) => this.#store(publications),
      countChars: ({ request }) => request.events.reduce((chars, { json }) => chars + json.length, 0),
      maxItems: limits.MAX_BATCH_EVENTS,
      maxChars: limits.MAX_BATCH_BYTES,
      yieldTurn: () => yieldTurn(storage),
    });
  }

  /** Stores what waits for company, so that nothing overtakes it. */
  flush(): void {
    this.#publications.flush();
  }

  /** Handles one message; gives what its event has to wait for, where there is something. */
  onMessage(socket: WebSocket, message: string | ArrayBuffer): Promise<void> | undefined {
    const attachment = this.#sockets.find(socket);
    if (attachment === undefined) return undefined;
    if (attachment.kind === "feed") {
      if (typeof message === "string" && message.startsWith("pong "))
        this.#sockets.onPong(socket, message.slice(5));
      return undefined;
    }
    try {
      return this.#onFrame(socket, attachment, message);
    } catch (thrown) {
      this.#refuse(socket, thrown);
      return undefined;
    }
  }

  #onFrame(
    socket: WebSocket,
    attachment: ClientAttachment,
    message: string | ArrayBuffer,
  ): Promise<void> | undefined {
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
      return undefined;
    }
    const id = frame.op === "publish" ? idOf(frame.event) : undefined;
    const refusalRef = typeof frame.ref === "boolean" ? id : frame.ref;
    try {
      // A plain ping is the platform's to answer, uncounted; it comes here only while frames wait (`setAutoPong`).
      if (message !== PING_TEXT) this.#rates.takeFrame(attachment.rateKey, Date.now());
      return this.#answer(socket, attachment, frame, refusalRef);
    } catch (thrown) {
      this.#refuse(socket, thrown, refusalRef);
      return undefined;
    }
  }

  #answer(
    socket: WebSocket,
    attachment: ClientAttachment,
    frame: Exclude<ClientFrame, PongFrame>,
    refusalRef: string | number | undefined,
  ): Promise<void> | undefined {
    if (frame.op === "publish") return this.#publish(socket, attachment, frame.event, frame.ref, refusalRef);
    this.flush();
    const { members } = this.#sockets;
    socket.send(frame.op === "ping" ? encodePong(frame.ref) : encodeWho(members, frame.ref));
    return undefined;
  }

  #publish(
    socket: WebSocket,
    attachment: ClientAttachment,
    value: unknown,
    ref: AckRef | undefined,
    refusalRef: string | number | undefined,
  ): Promise<void> | undefined {
    const nowMs = Date.now();
    this.#assertMayWrite(attachment, nowMs);
    const channel = this.#host.channelName as ChannelName;
    const event = parsePlainEvent(value, { source: attachment.source, nowMs });
    const encoded = toEncodedEvent(event, channel, this.#limits);
    const rateKey = attachment.rateKey;
    if (!isEphemeralType(event.type)) {
      const request = { events: [encoded], rateKey };
      const turn = this.#publications.add({ socket, request, eventId: event.id, ref, refusalRef });
      this.#sockets.setAutoPong(!this.#publications.isWaiting);
      return turn;
    }
    this.flush();
    this.#rates.takePublishes(rateKey, 1, nowMs);
    // The sender knows what it sent and is left out.
    this.#sockets.broadcast(encoded.type, encoded.json, socket);
    this.#acknowledge(socket, event.id, ref, undefined);
    return undefined;
  }

  /** Stores publications in one write, and answers each by itself. It never throws. */
  #store(publications: readonly Publication[]): void {
    this.#sockets.setAutoPong(true);
    let outcomes: readonly (readonly Receipt[] | Failure)[];
    try {
      outcomes = this.#host.appendNow(publications.map(({ request }) => request));
    } catch (thrown) {
      for (const { socket, refusalRef } of publications) this.#refuse(socket, thrown, refusalRef);
      return;
    }
    for (const [index, { socket, eventId, ref, refusalRef }] of publications.entries()) {
      const outcome = outcomes[index];
      if (outcome === undefined) throw new Error("The log gave fewer outcomes than publications.");
      if ("ok" in outcome) this.#refuse(socket, EverywireError.fromData(outcome.error), refusalRef);
      else this.#acknowledge(socket, eventId, ref, outcome[0]);
    }
  }

  #acknowledge(
    socket: WebSocket,
    eventId: string,
    ref: AckRef | undefined,
    receipt: Receipt | undefined,
  ): void {
    if (ref === undefined) return;
    const ack = {
      ref: ref === true ? eventId : ref,
      id: eventId,
      sequence: receipt?.sequence,
      duplicate: receipt?.duplicate ?? false,
    };
    sendIfOpen(socket, encodeAck(ack));
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
    // The answers of one connection are in the order of its frames.
    this.flush();
    const isFrame = thrown instanceof SocketFrameError;
    const error = isFrame
      ? new EverywireError("invalid_argument", thrown.message)
      : EverywireError.from(thrown);
    if (error.code === "internal") console.error(error.cause);
    const known = isFrame && typeof thrown.ref !== "boolean" ? thrown.ref : ref;
    const { code, message, retryAfterMs } = error;
    sendIfOpen(socket, encodeSocketError({ code, message, ref: known, retryAfterMs }));
  }
}

/**
 * Lets in what has arrived already. Not by a timer, which takes a millisecond at least: this takes the few steps of the
 * event loop in which the runtime hands over the next frame. And where what was stored before is not durable yet, it
 * takes until that is, since answers could not leave sooner.
 */
async function yieldTurn(storage: DurableObjectStorage): Promise<void> {
  await storage.sync();
  await storage.sync();
}

/** Who published with others may have left before its answer; that is nothing to the others. */
function sendIfOpen(socket: WebSocket, text: string): void {
  try {
    socket.send(text);
  } catch {
    // It closed in the meantime: nobody is there to be told.
  }
}

function idOf(event: unknown): string | undefined {
  const id = (event as { readonly id?: unknown }).id;
  return typeof id === "string" ? id : undefined;
}
