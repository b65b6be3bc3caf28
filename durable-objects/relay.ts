import { DurableObject } from "cloudflare:workers";
import type { After } from "../core/cursor.ts";
import { EverywireError } from "../core/error.ts";
import type { Gap, StoredEvent } from "../core/ports.ts";
import type { Failure } from "../core/result.ts";
import { parseSettings } from "../core/settings.ts";
import { SOCKET_REQUEST_HEADER } from "../wire/feed-frame.ts";
import type { FeedPlace, RelayItem, RelayReferral } from "../wire/relay-text.ts";
import { decodeRelayNews, parseRelayName, SEE_RELAY_STATUS } from "../wire/relay-text.ts";
import { decodeClientFrame } from "../wire/socket-frame.ts";
import { ChannelBatches } from "./channel-batches.ts";
import type { SocketOpening } from "./channel-entrance.ts";
import { toClientAttachment, toUpgrade } from "./channel-entrance.ts";
import type { SocketAttachment } from "./channel-sockets.ts";
import { ChannelSockets, DELETED_REASON } from "./channel-sockets.ts";
import { RelayFrames } from "./relay-frames.ts";
import { RelayKeeper } from "./relay-keeper.ts";
import { RelayLog, toNumber } from "./relay-log.ts";
import type { MemberChange, RelayedChannel, RelayReport, RelayStart } from "./relay-object.ts";
import { RelayOpenings } from "./relay-openings.ts";
import { RelayReports } from "./relay-reports.ts";

export interface RelayEnv {
  readonly CHANNEL: DurableObjectNamespace<RelayedChannel>;
}

const UNREACHABLE = "the channel did not take what was sent: reconnect, and send again what has no ack";

/**
 * Holds sockets for a channel that has enough of them, and passes on to them what the channel tells it. Its name is the
 * channel's and its own number. It stores nothing: where its readers stand is kept with their sockets, and all the rest is
 * the channel's.
 */
export class Relay extends DurableObject<RelayEnv> {
  readonly #log: RelayLog;
  readonly #sockets: ChannelSockets;
  readonly #batches = new ChannelBatches(
    (events) => this.#sockets.send(events),
    () => this.#sockets.liveSize,
    (delayMs) => scheduler.wait(delayMs),
  );
  readonly #keeper: RelayKeeper;
  readonly #reports: RelayReports;
  readonly #frames: RelayFrames;
  #name: { readonly channel: string; readonly relay: number } | undefined;
  /** Whether it is known where readers stand; where there are none that does not matter. */
  #isPlaced = false;
  #isClosed = false;
  /** How often everybody was ended; who comes in meanwhile has to ask again. */
  #ends = 0;
  readonly #openings = new RelayOpenings();
  #stub: DurableObjectStub<RelayedChannel> | undefined;
  /** One call after the other, also where one has to read what it missed. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(context: DurableObjectState, env: RelayEnv) {
    super(context, env);
    const { limits } = parseSettings(env as unknown as Record<string, unknown>);
    this.#log = new RelayLog((request) => this.#ask(async (channel) => channel.readText(request)));
    this.#keeper = new RelayKeeper(context);
    const born = this.#recall();
    this.#sockets = new ChannelSockets(
      context,
      this.#log,
      limits,
      this.#batches,
      () => this.#isClosed,
      () => undefined,
    );
    this.#reports = this.#createReports(born ?? Date.now());
    this.#frames = new RelayFrames({
      send: (frames) => this.#ask(async (channel, relay) => channel.onRelayedFrames(relay, frames)),
      // The platform's own answer to a ping would come before those that are under way.
      onBusy: (isBusy) => this.#sockets.setAutoPong(!isBusy),
      cut: (socket) => this.#sockets.close(socket, "unavailable", UNREACHABLE),
    });
  }

  /** Lets a reader in, where the channel says that it may come in. */
  override async fetch(request: Request): Promise<Response> {
    const header = request.headers.get(SOCKET_REQUEST_HEADER);
    if (header === null) return new Response(null, { status: 400 });
    const opening = JSON.parse(header) as SocketOpening;
    const attachment: SocketAttachment =
      opening.kind === "feed" ? { kind: "feed" } : toClientAttachment(opening);
    this.#openings.add(attachment);
    try {
      const outcome = await this.#open(opening.after, attachment);
      if (outcome instanceof WebSocket) return toUpgrade(opening, outcome);
      if ("error" in outcome) return this.#turnAway(attachment, outcome.error, 400);
      return this.#turnAway(attachment, outcome, SEE_RELAY_STATUS);
    } catch (thrown) {
      console.warn("A relay's channel could not be asked.", thrown);
      const error = new EverywireError("unavailable", "The channel cannot be reached now: try again.");
      return this.#turnAway(attachment, error.toData(), 503);
    }
  }

  /** What the channel tells; resolves when it was passed on. */
  async deliver(news: string): Promise<RelayReport> {
    const { before, items, asksMembers } = decodeRelayNews(news);
    await this.#inTurn(async () => {
      await this.#goTo(before);
      // Of a life that is over here, by a call that was long under way.
      if (before.life === this.#log.life) this.#passOn(items);
      this.#keep();
    });
    return this.#reports.answer(asksMembers);
  }

  /** Only what the reader's own pace depends on is taken here; the rest is the channel's, in the order in which it came. */
  override webSocketMessage(socket: WebSocket, message: string | ArrayBuffer): Promise<void> | void {
    const attachment = this.#sockets.find(socket);
    if (attachment === undefined) return;
    const pong = readPong(attachment, message);
    if (pong !== undefined) this.#sockets.onPong(socket, pong);
    else if (attachment.kind === "client") return this.#frames.add(socket, attachment, message);
  }

  override webSocketClose(socket: WebSocket): Promise<void> {
    const told = this.#onGone(socket);
    // Without arguments: 1005, 1006 and 1015 must not be sent back (RFC 6455 §7.4.1).
    socket.close();
    return told;
  }

  override webSocketError(socket: WebSocket): Promise<void> {
    return this.#onGone(socket);
  }

  get #whose(): { readonly channel: string; readonly relay: number } {
    const name = this.ctx.id.name;
    if (name !== undefined) this.#name ??= parseRelayName(name);
    if (this.#name === undefined) throw new Error("A relay is reached by its name.");
    return this.#name;
  }

  /** Calls the channel: in the order of the calls, as long as none of them fails. */
  async #ask<T>(call: (channel: DurableObjectStub<RelayedChannel>, relay: number) => Promise<T>): Promise<T> {
    const { channel, relay } = this.#whose;
    this.#stub ??= this.env.CHANNEL.getByName(channel);
    try {
      return await call(this.#stub, relay);
    } catch (thrown) {
      this.#stub = undefined;
      throw thrown;
    }
  }

  async #open(after: After, attachment: SocketAttachment): Promise<WebSocket | RelayReferral | Failure> {
    for (;;) {
      const ends = this.#ends;
      const report = this.#reports.next(this.#changeOf(attachment, 1));
      const answer = await this.#ask(async (channel, relay) => channel.openRelayed(relay, after, report));
      if (!answer.ok) return answer;
      if ("relay" in answer.value) return answer.value;
      const start = answer.value;
      let socket: WebSocket | undefined;
      await this.#inTurn(async () => {
        await this.#goTo(start.place);
        if (ends === this.#ends) socket = this.#accept(start, attachment);
      });
      if (socket !== undefined) return socket;
    }
  }

  #accept({ from, gap }: RelayStart, attachment: SocketAttachment): WebSocket {
    const { 0: client, 1: server } = new WebSocketPair();
    const start = { number: toNumber(from), gap };
    this.#openings.delete(attachment);
    this.#sockets.accept(server, attachment, start, this.#whose.channel, Date.now());
    this.#keep();
    return client;
  }

  /** The channel may have counted it. */
  #turnAway(attachment: SocketAttachment, body: object, status: number): Response {
    this.#openings.delete(attachment);
    this.ctx.waitUntil(this.#tellGone(attachment));
    return Response.json(body, { status });
  }

  #onGone(socket: WebSocket): Promise<void> {
    if (!this.#isPlaced) this.#recall(socket);
    this.#frames.forget(socket);
    this.#keeper.release(socket);
    this.#sockets.onClose(socket);
    this.#keep();
    return this.#tellGone(socket.deserializeAttachment() as SocketAttachment);
  }

  #tellGone(attachment: SocketAttachment): Promise<void> {
    const change = this.#changeOf(attachment, -1);
    return change === undefined ? this.#reports.tell() : this.#reports.tellOf(change);
  }

  /** What the channel is told of the member whose connection came or went just now. */
  #changeOf(attachment: SocketAttachment, change: 1 | -1): MemberChange | undefined {
    if (attachment.kind === "feed") return undefined;
    const { memberId: id, memberName: name, isAnonymous } = attachment;
    const connections = this.#countConnections(id);
    return { id, name, isAnonymous, connections, before: connections - change };
  }

  #countConnections(memberId: string): number {
    return this.#sockets.countConnections(memberId) + this.#openings.count(memberId);
  }

  #createReports(born: number): RelayReports {
    const relay = this;
    return new RelayReports(
      {
        get readers() {
          return relay.#sockets.size + relay.#openings.size;
        },
        get members() {
          return relay.#openings.listMembers(relay.#sockets.attachments());
        },
        send: (report) => this.#ask(async (channel, number) => channel.onRelayReport(number, report)),
      },
      born,
    );
  }

  async #inTurn(run: () => Promise<void>): Promise<void> {
    const turn = this.#turn.then(run);
    this.#turn = turn.catch(() => undefined);
    await turn;
  }

  /** Brings readers to where the channel's others stand. */
  async #goTo(place: FeedPlace): Promise<void> {
    if (this.#isPlaced && place.life < this.#log.life) return;
    if (this.#isPlaced && place.life > this.#log.life) this.#endAll();
    if (!this.#isPlaced || place.life > this.#log.life) {
      this.#log.moveTo(place);
      this.#isPlaced = true;
    } else if (place.at > this.#log.at) {
      if (this.#sockets.size === 0) this.#log.moveTo(place);
      else await this.#log.fill(place.at, this.#missed);
    }
    if (place.isClosed) this.#close();
  }

  readonly #missed = {
    onGap: (gap: Gap) => this.#sockets.tellGap(gap, this.#whose.channel, Date.now()),
    onEvents: (events: readonly StoredEvent[]) => this.#deliver(events),
  };

  #deliver(events: readonly StoredEvent[]): void {
    if (this.#sockets.liveSize > 0) this.#batches.add(events);
  }

  #passOn(items: readonly RelayItem[]): void {
    let events: StoredEvent[] = [];
    const passEvents = () => {
      this.#deliver(this.#log.take(events));
      events = [];
    };
    for (const item of items) {
      if (item.kind === "event") {
        events.push(item);
        continue;
      }
      passEvents();
      if (item.kind === "ephemeral") {
        this.#sockets.broadcast(item.type, item.json, this.#frames.find(item.except));
      } else if (item.kind === "close") {
        this.#close();
      } else {
        this.#endAll();
        this.#log.moveTo({ life: this.#log.life + 1, at: item.at });
      }
    }
    passEvents();
  }

  #endAll(): void {
    this.#ends += 1;
    this.#isClosed = false;
    this.#sockets.closeAll("gone", DELETED_REASON);
  }

  #close(): void {
    this.#isClosed = true;
    this.#sockets.finishAll();
  }

  #keep(): void {
    if (!this.#isPlaced) return;
    const { channel, relay } = this.#whose;
    const { born } = this.#reports;
    this.#keeper.keep({ channel, relay, born, life: this.#log.life, at: this.#log.at });
  }

  /** Knows again what was kept. Gives when the object began that had these sockets first. */
  #recall(more?: WebSocket): number | undefined {
    const kept = this.#keeper.find(more);
    if (kept === undefined) return undefined;
    this.#name = kept;
    this.#log.moveTo(kept);
    this.#isPlaced = true;
    return kept.born;
  }
}

/** The ref of a pong, where it is one: an answer to what was asked here. */
function readPong(attachment: SocketAttachment, message: string | ArrayBuffer): string | undefined {
  if (typeof message !== "string") return undefined;
  if (attachment.kind === "feed") return message.startsWith("pong ") ? message.slice(5) : undefined;
  if (!message.includes('"pong"')) return undefined;
  try {
    const frame = decodeClientFrame(message);
    return frame.op === "pong" ? String(frame.ref) : undefined;
  } catch {
    // The channel says what is wrong with it.
    return undefined;
  }
}
