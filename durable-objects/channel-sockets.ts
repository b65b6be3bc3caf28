import type { ErrorCode } from "../core/error.ts";
import { ERROR_TABLE } from "../core/error.ts";
import { encodeGapEvent, GAP_TYPE } from "../core/event.ts";
import type { Limits } from "../core/limits.ts";
import type { Member, StoredEvent } from "../core/ports.ts";
import type { Flow } from "../core/reader-flow.ts";
import { NEW_FLOW, onPong, onSent } from "../core/reader-flow.ts";
import { encodeFeedRecord, NORMAL_CLOSE, STREAM_CLOSED_REASON } from "../wire/feed-frame.ts";
import { encodeBatchFrames, encodePing, PING_TEXT, PONG_TEXT } from "../wire/socket-frame.ts";
import type { ChannelBatches } from "./channel-batches.ts";
import type { ChannelLog } from "./channel-log.ts";
import { PresenceRoll } from "./channel-presence.ts";
import type { Start } from "./channel-state.ts";
import { cursorAt } from "./channel-state.ts";

/** What a socket is, kept with it through hibernation. */
export type SocketAttachment = ClientAttachment | FeedAttachment;

/** A client's own socket: it reads CloudEvents and may publish. */
export interface ClientAttachment {
  readonly kind: "client";
  readonly memberId: string;
  readonly memberName: string;
  readonly mayWrite: boolean;
  /** Whether a frame may hold several events; a socket that slept through an upgrade does not say. */
  readonly takesBatches?: boolean;
  /** Whether anybody is signed in: what a refusal has to say depends on it. */
  readonly isAnonymous: boolean;
  readonly source: string;
  readonly rateKey: string;
  readonly expiresAtMs: number | undefined;
}

/** A function's subscription: it reads feed frames. */
export interface FeedAttachment {
  readonly kind: "feed";
}

interface Reader {
  readonly socket: WebSocket;
  readonly attachment: SocketAttachment;
  flow: Flow;
}

/** Pings that are written exactly so are answered by the platform, and do not wake the object. */
const AUTO_PONG = new WebSocketRequestResponsePair(PING_TEXT, PONG_TEXT);
/** Events that go out before a reader that is catching up lets others have a turn. */
const CATCH_UP_EVENTS = 500;
/** The longest turn between two looks whether a page was taken. */
const MAX_TAKEN_WAIT_MS = 50;
const SLOW =
  'slow reader: reconnect with your last cursor as \'after\' and answer {"op":"ping"} with its pong';

/**
 * The sockets of a channel. An event is encoded once for each of the two forms and then only sent; a reader that is
 * behind is fed pages until it has caught up, and only then counts as live, so that order holds.
 */
export class ChannelSockets {
  readonly #context: DurableObjectState;
  readonly #limits: Limits;
  readonly #log: ChannelLog;
  readonly #live = new Map<WebSocket, Reader>();
  readonly #catchingUp = new Map<WebSocket, Reader>();
  readonly #roll = new PresenceRoll();
  #hasAutoPong = true;
  readonly #batches: ChannelBatches;
  readonly #isClosed: () => boolean;
  readonly #onBroadcast: (type: string, json: string) => void;

  /**
   * @param batches what is gathered for live readers
   * @param isClosed whether nothing more will ever be appended
   * @param onBroadcast called with each event that is not stored, for readers that have no socket here
   */
  constructor(
    context: DurableObjectState,
    log: ChannelLog,
    limits: Limits,
    batches: ChannelBatches,
    isClosed: () => boolean,
    onBroadcast: (type: string, json: string) => void,
  ) {
    this.#batches = batches;
    this.#isClosed = isClosed;
    this.#onBroadcast = onBroadcast;
    this.#context = context;
    this.#limits = limits;
    this.#log = log;
    context.setWebSocketAutoResponse(AUTO_PONG);
    for (const socket of context.getWebSockets()) {
      const attachment = socket.deserializeAttachment() as SocketAttachment | null;
      if (attachment === null || socket.readyState !== WebSocket.OPEN) continue;
      this.#live.set(socket, { socket, attachment, flow: NEW_FLOW });
      if (attachment.kind === "client") this.#roll.join(attachment.memberId, attachment.memberName);
    }
  }

  get members(): readonly Member[] {
    return this.#roll.list();
  }

  /** Whether the platform answers plain pings: such an answer comes before those to frames that wait here. */
  setAutoPong(hasAutoPong: boolean): void {
    if (hasAutoPong === this.#hasAutoPong) return;
    this.#hasAutoPong = hasAutoPong;
    this.#context.setWebSocketAutoResponse(hasAutoPong ? AUTO_PONG : undefined);
  }

  find(socket: WebSocket): SocketAttachment | undefined {
    return this.#readerOf(socket)?.attachment;
  }

  /**
   * Takes a socket in and sends it what it missed. True where a member came in who has to be announced.
   *
   * The catch-up goes on after this returns, so that the client's handshake does not wait for it.
   */
  accept(
    socket: WebSocket,
    attachment: SocketAttachment,
    start: Start,
    channel: string,
    nowMs: number,
  ): boolean {
    // It reads those from the log.
    this.#batches.flush();
    this.#context.acceptWebSocket(socket);
    socket.serializeAttachment(attachment);
    const reader: Reader = { socket, attachment, flow: NEW_FLOW };
    const isNew = attachment.kind === "client" && this.#roll.join(attachment.memberId, attachment.memberName);
    if (attachment.kind === "feed") {
      this.#send(
        reader,
        encodeFeedRecord({ kind: "position", cursor: cursorAt(this.#log.state, start.number) }),
      );
    }
    if (start.gap !== undefined) {
      const json = encodeGapEvent(channel, start.gap, nowMs);
      const cursor = start.gap.resumedAt;
      this.#send(
        reader,
        attachment.kind === "feed" ? encodeFeedRecord({ kind: "gap", cursor, type: GAP_TYPE, json }) : json,
      );
    }
    this.#catchingUp.set(socket, reader);
    const behindAt = this.#catchUpPage(reader, start.number);
    if (behindAt !== undefined) this.#context.waitUntil(this.#catchUp(reader, behindAt));
    return isNew && isAnnounced(attachment) && this.#roll.size <= this.#limits.MAX_ANNOUNCED_MEMBERS;
  }

  /** Sends stored events to everyone who is live. */
  send(events: readonly StoredEvent[]): void {
    const nowMs = Date.now();
    let feedFrame: string | undefined;
    let batchFrames: readonly string[] | undefined;
    for (const reader of this.#live.values()) {
      if (reader.attachment.kind === "feed") {
        feedFrame ??= toFeedFrame(events);
        this.#send(reader, feedFrame);
        continue;
      }
      const { expiresAtMs } = reader.attachment;
      if (expiresAtMs !== undefined && expiresAtMs <= nowMs) {
        this.close(reader.socket, "unauthenticated", "the token has expired");
        continue;
      }
      if (reader.attachment.takesBatches === true) {
        batchFrames ??= toClientFrames(reader.attachment, events);
        for (const frame of batchFrames) this.#send(reader, frame);
      } else {
        for (const event of events) this.#send(reader, event.json);
      }
    }
  }

  /** Sends an event that is not stored to everyone who is live, but not back to its sender. */
  broadcast(type: string, json: string, except: WebSocket | undefined): void {
    this.#batches.flush();
    const frame = encodeFeedRecord({ kind: "ephemeral", type, json });
    for (const reader of this.#live.values()) {
      if (reader.socket !== except) this.#send(reader, reader.attachment.kind === "feed" ? frame : json);
    }
    this.#onBroadcast(type, json);
  }

  onPong(socket: WebSocket, ref: string): void {
    const reader = this.#readerOf(socket);
    if (reader !== undefined) reader.flow = onPong(reader.flow, ref);
  }

  /** Forgets a socket that closed. Gives the member that left with it, where that has to be announced. */
  onClose(socket: WebSocket): ClientAttachment | undefined {
    this.#live.delete(socket);
    this.#catchingUp.delete(socket);
    // From the socket itself: one that was cut is in neither map any more.
    const attachment = socket.deserializeAttachment() as SocketAttachment | null;
    if (attachment?.kind !== "client") return undefined;
    const hasLeft = this.#roll.leave(attachment.memberId) && isAnnounced(attachment);
    return hasLeft && this.#roll.size < this.#limits.MAX_ANNOUNCED_MEMBERS ? attachment : undefined;
  }

  /** Closes a socket with the code's own close code; nothing more is sent to it. */
  close(socket: WebSocket, code: ErrorCode, reason: string): void {
    this.#live.delete(socket);
    this.#catchingUp.delete(socket);
    try {
      socket.close(ERROR_TABLE[code].webSocketClose, reason);
    } catch {
      // It closed in the meantime, which is what was wanted.
    }
  }

  /** How many are live. */
  get liveSize(): number {
    return this.#live.size;
  }

  /** How many read, those that catch up among them. */
  get size(): number {
    return this.#live.size + this.#catchingUp.size;
  }

  /** Ends whoever has read everything, since nothing more will come; who is behind ends when that is read. */
  finishAll(): void {
    this.#batches.flush();
    for (const socket of [...this.#live.keys()]) this.#finish(socket);
  }

  #finish(socket: WebSocket): void {
    this.#live.delete(socket);
    try {
      socket.close(NORMAL_CLOSE, STREAM_CLOSED_REASON);
    } catch {
      // It closed in the meantime, which is what was wanted.
    }
  }

  /** Closes everyone, as when the channel is deleted. */
  closeAll(code: ErrorCode, reason: string): void {
    this.#batches.flush();
    for (const socket of [...this.#live.keys(), ...this.#catchingUp.keys()]) this.close(socket, code, reason);
  }

  #readerOf(socket: WebSocket): Reader | undefined {
    return this.#live.get(socket) ?? this.#catchingUp.get(socket);
  }

  async #catchUp(reader: Reader, from: number): Promise<void> {
    let behindAt: number | undefined = from;
    while (behindAt !== undefined && this.#catchingUp.has(reader.socket)) {
      // A turn for publishers and for other readers between two pages.
      if (reader.attachment.kind === "feed") await this.#untilTaken(reader);
      else await scheduler.wait(0);
      behindAt = this.#catchUpPage(reader, behindAt);
    }
  }

  /**
   * Waits until a function has taken what it was sent, so that a backlog goes as fast as its reader takes it, and no
   * reader is cut for what it missed. It asks by timer: a promise that only a frame can keep would let the object
   * hibernate meanwhile, and the rest of the backlog with it.
   */
  async #untilTaken(reader: Reader): Promise<void> {
    if (reader.flow.pingedAtBytes === undefined) {
      const { sentBytes, pings } = reader.flow;
      reader.flow = { ...reader.flow, pingedAtBytes: sentBytes, pings: pings + 1 };
      this.#send(reader, encodeFeedRecord({ kind: "ping", ref: String(pings + 1) }));
    }
    for (
      let waitMs = 0;
      this.#catchingUp.has(reader.socket);
      waitMs = Math.min(waitMs + 1, MAX_TAKEN_WAIT_MS)
    ) {
      await scheduler.wait(waitMs);
      if (reader.flow.pingedAtBytes === undefined) return;
    }
  }

  /** Sends the next page; undefined when the reader is live, else where it stands. */
  #catchUpPage(reader: Reader, number: number): number | undefined {
    const { events, last } = this.#log.read(number, CATCH_UP_EVENTS);
    if (events.length > 0) {
      if (reader.attachment.kind === "feed") this.#send(reader, toFeedFrame(events));
      else for (const frame of toClientFrames(reader.attachment, events)) this.#send(reader, frame);
    }
    if (last < this.#log.state.head) return last;
    // What waits for the others was in the page.
    this.#batches.flush();
    // Cut meanwhile: it must not come back as live.
    if (this.#catchingUp.delete(reader.socket)) this.#live.set(reader.socket, reader);
    if (this.#isClosed()) this.#finish(reader.socket);
    return undefined;
  }

  #send(reader: Reader, text: string): void {
    try {
      reader.socket.send(text);
    } catch {
      // Closed already; `webSocketClose` follows and takes it out.
      return;
    }
    // Characters stand for bytes: the bound is for memory, and the text is mostly ASCII.
    const { flow, action } = onSent(reader.flow, text.length, this.#limits);
    reader.flow = flow;
    if (action === "ping") {
      const ref = String(flow.pings);
      reader.socket.send(
        reader.attachment.kind === "feed" ? encodeFeedRecord({ kind: "ping", ref }) : encodePing(ref),
      );
    } else if (action === "cut") {
      this.close(reader.socket, "unavailable", SLOW);
    }
  }
}

/** An anonymous connection is listed and counted; that "somebody" came would tell the others nothing. */
function isAnnounced(attachment: SocketAttachment): boolean {
  return attachment.kind === "client" && !attachment.isAnonymous;
}

function toFeedFrame(events: readonly StoredEvent[]): string {
  return events
    .map(({ sequence, type, json }) => encodeFeedRecord({ kind: "event", cursor: sequence, type, json }))
    .join("\n");
}

function toClientFrames(
  { takesBatches }: ClientAttachment,
  events: readonly StoredEvent[],
): readonly string[] {
  const texts = events.map(({ json }) => json);
  return takesBatches === true ? encodeBatchFrames(texts) : texts;
}
