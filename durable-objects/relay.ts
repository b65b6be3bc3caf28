import { DurableObject } from "cloudflare:workers";
import type { After } from "../core/cursor.ts";
import { EverywireError } from "../core/error.ts";
import type { Gap, StoredEvent } from "../core/ports.ts";
import type { Failure } from "../core/result.ts";
import { parseSettings } from "../core/settings.ts";
import { SOCKET_REQUEST_HEADER } from "../wire/feed-frame.ts";
import type { FeedPlace, RelayItem, RelayReferral } from "../wire/relay-text.ts";
import { decodeRelayNews, parseRelayName, SEE_RELAY_STATUS } from "../wire/relay-text.ts";
import type { SocketOpening } from "./channel-entrance.ts";
import { ChannelSockets, DELETED_REASON } from "./channel-sockets.ts";
import { RelayKeeper } from "./relay-keeper.ts";
import { RelayLog, toNumber } from "./relay-log.ts";
import type { RelayedChannel, RelayReport, RelayStart } from "./relay-object.ts";
import { RelayReports } from "./relay-reports.ts";

export interface RelayEnv {
  readonly CHANNEL: DurableObjectNamespace<RelayedChannel>;
}

/**
 * Holds sockets for a channel that has enough of them, and passes on to them what the channel tells it. Its name is the
 * channel's and its own number. It stores nothing: where its readers stand is kept with their sockets, and all the rest is
 * the channel's.
 */
export class Relay extends DurableObject<RelayEnv> {
  readonly #log: RelayLog;
  readonly #sockets: ChannelSockets;
  readonly #keeper: RelayKeeper;
  readonly #reports: RelayReports;
  #name: { readonly channel: string; readonly relay: number } | undefined;
  /** Whether it is known where readers stand; where there are none that does not matter. */
  #isPlaced = false;
  #isClosed = false;
  /** How often everybody was ended; who comes in meanwhile has to ask again. */
  #ends = 0;
  #openings = 0;
  /** One call after the other, also where one has to read what it missed. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(context: DurableObjectState, env: RelayEnv) {
    super(context, env);
    const { limits } = parseSettings(env as unknown as Record<string, unknown>);
    this.#log = new RelayLog((request) => this.#channel.readText(request));
    this.#keeper = new RelayKeeper(context);
    this.#recall();
    this.#sockets = new ChannelSockets(
      context,
      this.#log,
      limits,
      () => this.#isClosed,
      () => undefined,
    );
    this.#reports = new RelayReports(
      () => this.#sockets.size + this.#openings,
      (report) => this.#channel.onRelayReport(this.#whose.relay, report),
    );
  }

  /** Lets a reader in, where the channel says that it may come in. */
  override async fetch(request: Request): Promise<Response> {
    const header = request.headers.get(SOCKET_REQUEST_HEADER);
    if (header === null) return new Response(null, { status: 400 });
    const opening = JSON.parse(header) as SocketOpening;
    this.#openings += 1;
    let isIn = false;
    try {
      const start = await this.#askStart(opening.after);
      if ("error" in start) return Response.json(start.error, { status: 400 });
      if ("relay" in start) return Response.json(start, { status: SEE_RELAY_STATUS });
      isIn = true;
      return new Response(null, { status: 101, webSocket: this.#accept(start) });
    } catch (thrown) {
      console.warn("A relay's channel could not be asked.", thrown);
      const error = new EverywireError("unavailable", "The channel cannot be reached now: try again.");
      return Response.json(error.toData(), { status: 503 });
    } finally {
      this.#openings -= 1;
      if (!isIn) this.ctx.waitUntil(this.#reports.tell());
    }
  }

  /** What the channel tells; resolves when it was passed on. */
  async deliver(news: string): Promise<RelayReport> {
    const { before, items } = decodeRelayNews(news);
    await this.#inTurn(async () => {
      await this.#goTo(before);
      // Of a life that is over here, by a call that was long under way.
      if (before.life === this.#log.life) this.#passOn(items);
      this.#keep();
    });
    return this.#reports.next();
  }

  override webSocketMessage(socket: WebSocket, message: string | ArrayBuffer): void {
    const attachment = this.#sockets.find(socket);
    if (attachment?.kind === "feed" && typeof message === "string" && message.startsWith("pong "))
      this.#sockets.onPong(socket, message.slice(5));
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

  get #channel(): DurableObjectStub<RelayedChannel> {
    return this.env.CHANNEL.getByName(this.#whose.channel);
  }

  async #askStart(after: After): Promise<RelayStart | RelayReferral | Failure> {
    for (;;) {
      const ends = this.#ends;
      const answer = await this.#channel.openRelayed(this.#whose.relay, after, this.#reports.next());
      if (!answer.ok) return answer;
      if ("relay" in answer.value) return answer.value;
      const { place } = answer.value;
      await this.#inTurn(() => this.#goTo(place));
      if (ends === this.#ends) return answer.value;
    }
  }

  #accept({ from, gap }: RelayStart): WebSocket {
    const { 0: client, 1: server } = new WebSocketPair();
    const start = { number: toNumber(from), gap };
    this.#sockets.accept(server, { kind: "feed" }, start, this.#whose.channel, Date.now());
    this.#keep();
    return client;
  }

  #onGone(socket: WebSocket): Promise<void> {
    if (!this.#isPlaced) this.#recall(socket);
    this.#sockets.onClose(socket);
    this.#keep();
    return this.#reports.tell();
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
    onEvents: (events: readonly StoredEvent[]) => this.#sockets.deliver(events),
  };

  #passOn(items: readonly RelayItem[]): void {
    let events: StoredEvent[] = [];
    const passEvents = () => {
      this.#sockets.deliver(this.#log.take(events));
      events = [];
    };
    for (const item of items) {
      if (item.kind === "event") {
        events.push(item);
        continue;
      }
      passEvents();
      if (item.kind === "ephemeral") {
        this.#sockets.broadcast(item.type, item.json, undefined);
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
    this.#keeper.keep({ channel, relay, life: this.#log.life, at: this.#log.at });
  }

  #recall(more?: WebSocket): void {
    const kept = this.#keeper.find(more);
    if (kept === undefined) return;
    this.#name = kept;
    this.#log.moveTo(kept);
    this.#isPlaced = true;
  }
}
