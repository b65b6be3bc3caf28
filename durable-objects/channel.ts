import { DurableObject } from "cloudflare:workers";
import type { After } from "../core/cursor.ts";
import { EverywireError } from "../core/error.ts";
import type { AppendRequest, EncodedEvent, Page, Presence, ReadRequest, StoredEvent } from "../core/ports.ts";
import type { Failure, Result } from "../core/result.ts";
import { attempt, attemptAsync } from "../core/result.ts";
import { parseSettings } from "../core/settings.ts";
import type {
  CreatedStream,
  CreateStreamRequest,
  ReadStreamRequest,
  StreamAppended,
  StreamAppendRequest,
  StreamInfo,
  StreamPage,
} from "../core/stream.ts";
import { CURSOR_HEADER, SOCKET_REQUEST_HEADER } from "../wire/feed-frame.ts";
import type { RelayReferral } from "../wire/relay-text.ts";
import { SEE_RELAY_STATUS, toRelayName } from "../wire/relay-text.ts";
import { decodeAppends, encodeOutcomes, encodeReceipts } from "../wire/rpc-text.ts";
import { ChannelAlarm } from "./channel-alarm.ts";
import { ChannelAppendLines } from "./channel-append-lines.ts";
import type { AppendedAll } from "./channel-appends.ts";
import { ChannelAppends } from "./channel-appends.ts";
import type { LineOpening, SocketOpening, StreamOpening } from "./channel-entrance.ts";
import { ChannelEntrance, toUpgrade } from "./channel-entrance.ts";
import type { OpenedFork, OpenForkRequest } from "./channel-fork.ts";
import { openFork } from "./channel-fork.ts";
import { ChannelLog } from "./channel-log.ts";
import type { LogRow } from "./channel-log-rows.ts";
import { ChannelPages } from "./channel-pages.ts";
import { ChannelRates } from "./channel-rates.ts";
import { ChannelReaders } from "./channel-readers.ts";
import { ChannelRegistration } from "./channel-registration.ts";
import { RelayDesk } from "./channel-relay-desk.ts";
import type { RelaySizes } from "./channel-relays.ts";
import { ChannelRelays } from "./channel-relays.ts";
import { SocketCommands } from "./channel-socket-commands.ts";
import type { Start } from "./channel-state.ts";
import { cursorAt, resolveStart } from "./channel-state.ts";
import { ChannelStream } from "./channel-stream.ts";
import { StreamCommands } from "./channel-stream-commands.ts";
import { ChannelSubscribers } from "./channel-subscribers.ts";
import { Waiters } from "./channel-waiters.ts";
import type { Directory } from "./directory.ts";
import type { RelayedAnswer, RelayedFrame, RelayObject, RelayReport, RelayStart } from "./relay-object.ts";
import { RelayedPort } from "./relayed-port.ts";
import type { Following, LiveSubscriberObject, SubscriberKind, SubscriberObject } from "./subscriber.ts";

export interface ChannelEnv {
  readonly CHANNEL: DurableObjectNamespace<Channel>;
  readonly RELAY: DurableObjectNamespace<RelayObject>;
  readonly DIRECTORY: DurableObjectNamespace<Directory>;
  readonly WEBHOOK_ENDPOINT: DurableObjectNamespace<SubscriberObject>;
  readonly MQTT_SESSION: DurableObjectNamespace<LiveSubscriberObject>;
  readonly MQTT_SHARE: DurableObjectNamespace<SubscriberObject>;
}

type WaitRequest = ReadRequest & { readonly timeoutMs: number };

/** Where the objects of each kind of durable subscriber are. */
const SUBSCRIBER_BINDINGS = {
  webhook: "WEBHOOK_ENDPOINT",
  mqtt: "MQTT_SESSION",
  "mqtt-share": "MQTT_SHARE",
} as const satisfies Record<SubscriberKind, keyof ChannelEnv>;

/**
 * One channel: its log, its live readers and its waiters (ARCHITECTURE, decision 1). The object's name is the
 * channel's name. Decisions are in `channel-state.ts`; this shell holds storage, sockets and the clock.
 */
export class Channel extends DurableObject<ChannelEnv> {
  readonly #limits;
  readonly #log: ChannelLog;
  readonly #readers: ChannelReaders;
  readonly #relays: ChannelRelays;
  readonly #relayDesk: RelayDesk;
  readonly #commands: SocketCommands;
  readonly #stream: ChannelStream;
  readonly #streams: StreamCommands;
  readonly #waiters = new Waiters();
  readonly #rates: ChannelRates;
  readonly #subscribers: ChannelSubscribers;
  readonly #registration: ChannelRegistration;
  readonly #pages: ChannelPages;
  readonly #entrance: ChannelEntrance;
  readonly #alarm: ChannelAlarm;
  readonly #appends: ChannelAppends;
  readonly #lines: ChannelAppendLines;

  constructor(context: DurableObjectState, env: ChannelEnv) {
    super(context, env);
    const settings = parseSettings(env as unknown as Record<string, unknown>);
    this.#limits = settings.limits;
    this.#rates = new ChannelRates(settings);
    this.#log = new ChannelLog(context.storage, settings.limits);
    this.#stream = new ChannelStream(context.storage.sql, this.#log.hasSchema);
    this.#subscribers = new ChannelSubscribers(
      context.storage.sql,
      this.#log,
      () => this.channelName,
      async ({ kind, id }, news) => {
        const namespace: ChannelEnv[(typeof SUBSCRIBER_BINDINGS)[SubscriberKind]] | undefined =
          this.env[SUBSCRIBER_BINDINGS[kind]];
        // It followed when this Worker had more doors, and goes on where it has them again.
        if (namespace === undefined) throw new Error(`This server was built without ${kind}.`);
        await namespace.getByName(id).onNews(news);
      },
      async (id, channel, json) => this.env.MQTT_SESSION.getByName(id).onUnstored(channel, json),
    );
    this.#registration = new ChannelRegistration(env.DIRECTORY, this.#log, this.#subscribers);
    this.#readers = this.#createReaders();
    this.#relays = this.#createRelays(settings);
    this.#commands = new SocketCommands(
      this,
      this.#readers.sockets,
      this.#rates,
      settings.limits,
      context.storage,
    );
    this.#pages = new ChannelPages(this.#log);
    this.#entrance = new ChannelEntrance(
      this.#readers.sockets,
      () => this.channelName,
      (run) => this.whenKnown(run),
    );
    this.#alarm = new ChannelAlarm(context.storage, settings.limits, {
      log: this.#log,
      stream: this.#stream,
      subscribers: this.#subscribers,
      relays: this.#relays,
      registration: this.#registration,
    });
    this.#streams = this.#createStreamCommands();
    this.#relayDesk = this.#createRelayDesk();
    this.#appends = this.#createAppends();
    this.#lines = new ChannelAppendLines(context, (text) => this.append(text));
  }

  get channelName(): string {
    const name = this.ctx.id.name ?? this.#log.name;
    if (name === undefined) throw new Error("A channel is reached by its name.");
    return name;
  }

  /**
   * Appends the events of one or several requests (`wire/rpc-text.ts`, and so is the answer), those of each all or none.
   * The answer leaves only when the write is durable: the output gate holds it until then.
   */
  append(text: string): Promise<string> | string {
    this.#commands.flush();
    const nowMs = Date.now();
    const { outcomes, fresh } = this.#appends.storeAll(decodeAppends(text), nowMs);
    this.#deliver(fresh, nowMs);
    const answer = encodeOutcomes(outcomes.map((one) => ("ok" in one ? one : encodeReceipts(one))));
    return this.#log.isRegistered ? answer : this.#register().then(() => answer);
  }

  /** What sockets publish; each outcome is by itself. @throws EverywireError */
  appendNow(requests: readonly AppendRequest[]): AppendedAll["outcomes"] {
    const nowMs = Date.now();
    const { outcomes, fresh } = this.#appends.storeAll(requests, nowMs);
    this.#deliver(fresh, nowMs);
    if (fresh.length > 0 && !this.#log.isRegistered) this.ctx.waitUntil(this.#register());
    return outcomes;
  }

  #deliver(fresh: readonly StoredEvent[], nowMs: number): void {
    this.#readers.deliver(fresh);
    this.#relays.deliver(fresh);
    if (fresh.length > 0) {
      if (this.#waiters.size > 0) this.#pages.keepNew(fresh);
      this.#waiters.wakeAll();
      this.#subscribers.note(fresh);
      this.#subscribers.tellAll();
    }
    if (!this.#alarm.isSet || this.#subscribers.size > 0 || this.#relays.size > 0)
      this.#alarm.schedule(nowMs);
  }

  /** Sends events to live readers without storing them. */
  broadcast(events: readonly EncodedEvent[], rateKey: string | undefined): Result<null> {
    this.#commands.flush();
    return attempt(() => {
      this.#rates.takePublishes(rateKey, events.length, Date.now());
      for (const { type, json } of events) this.#readers.sockets.broadcast(type, json, undefined);
      return null;
    });
  }

  /** Counts what is published later: by way of a queue. */
  takeRate(rateKey: string, cost: number): Result<null> {
    return attempt(() => {
      this.#rates.takePublishes(rateKey, cost, Date.now());
      return null;
    });
  }

  /** For other objects; the Worker takes {@link readText}. */
  read(request: ReadRequest): Result<Page> {
    const start = this.#startReading(request);
    return start.ok ? this.#pages.read(start.value, request.limit) : start;
  }

  /** A page as text (`wire/rpc-text.ts`), or why there is none. */
  readText(request: ReadRequest): string | Failure {
    const start = this.#startReading(request);
    return start.ok ? this.#pages.readText(start.value, request.limit) : start;
  }

  /** A long poll: what is there, or the first that comes, or an empty page when `timeoutMs` is over. */
  async wait(request: WaitRequest): Promise<Result<Page>> {
    const ready = await this.#untilReady(request);
    return ready.ok ? this.read(ready.value) : ready;
  }

  /** {@link wait}, as {@link readText}. */
  async waitText(request: WaitRequest): Promise<string | Failure> {
    const ready = await this.#untilReady(request);
    return ready.ok ? this.readText(ready.value) : ready;
  }

  /** Resolves when there is something to read, or nothing came for long enough: with what to ask for then. */
  async #untilReady(request: WaitRequest): Promise<Result<ReadRequest>> {
    const page = this.read(request);
    if (!page.ok) return page;
    const { events, gap, next } = page.value;
    if (events.length > 0 || gap !== undefined) return { ok: true, value: request };
    if (this.#stream.state.isClosed) {
      return attempt(() => {
        throw new EverywireError(
          "gone",
          "The stream is closed, and you have all of it: nothing more will come.",
        );
      });
    }
    await this.#waiters.park(request.timeoutMs);
    // From where the reader stood before, so that what came with others in one append is not passed over.
    return { ok: true, value: { after: next as After, limit: request.limit } };
  }

  #startReading({ after }: ReadRequest): Result<After> {
    this.#commands.flush();
    const nowMs = Date.now();
    const start = attempt(() => (this.#streams.isNeeded ? this.#streams.onRead(after, nowMs) : after));
    if (start.ok) this.#log.expire(nowMs);
    return start;
  }

  /** Runs something when it is known who is on the relays. */
  whenKnown(run: () => void): void {
    const pending = this.#relays.sync();
    if (pending === undefined) run();
    else this.ctx.waitUntil(pending.then(run));
  }

  async presence(): Promise<Presence> {
    await this.#relays.sync();
    const { members, readers } = this.#readers.presence;
    return { members, readers: readers + this.#relays.readers };
  }

  /** Deletes the log. True where there was one; `gone` where it was deleted already and forks of it live. */
  async delete(): Promise<Result<boolean>> {
    this.#commands.flush();
    const outcome = attempt(() => {
      this.#expire(Date.now());
      if (this.#stream.state.isEnded)
        throw new EverywireError("gone", "It was deleted; only forks of it live.");
      return this.#end();
    });
    if (outcome.ok && outcome.value) await this.#settle();
    return outcome;
  }

  /** @see StreamCommands.create */
  createStream(request: CreateStreamRequest): Promise<Result<CreatedStream>> {
    return this.#settled(() => this.#streams.create(request));
  }

  /**
   * Appends of several requests, in their order: each as if it had come by itself, and all of them one write.
   *
   * @see StreamCommands.append
   */
  async appendToStream(requests: readonly StreamAppendRequest[]): Promise<readonly Result<StreamAppended>[]> {
    this.#commands.flush();
    const outcomes = requests.map((request) => attempt(() => this.#streams.append(request)));
    await this.#settle();
    return outcomes;
  }

  /** @see StreamCommands.read */
  readStream(request: ReadStreamRequest): Promise<Result<StreamPage>> {
    return this.#settled(() => this.#streams.read(request));
  }

  /** @see StreamCommands.describe */
  describeStream(): Promise<Result<StreamInfo>> {
    return this.#settled(async () => this.#streams.describe());
  }

  /** What a channel asks that becomes a fork of this one. */
  openFork(request: OpenForkRequest): Promise<Result<OpenedFork>> {
    return this.#settled(async () => {
      this.#expire(Date.now());
      return openFork(this.#log, this.#stream, request);
    });
  }

  /** The rows of a fork, a page of them. `gone` where this life ended meanwhile. */
  readFork(epoch: string, from: number, last: number): Result<readonly LogRow[]> {
    return attempt(() => {
      if (this.#log.state.epoch !== epoch)
        throw new EverywireError("gone", "The source of the fork was deleted.");
      return this.#log.rows.read(from, last);
    });
  }

  /** What the directory tells when durable subscribers come or go. */
  setFollowing(following: Following): void {
    this.#subscribers.set(following, false);
  }

  /** What a channel tells that is no fork of this one any more. */
  async closeFork(name: string): Promise<void> {
    if (!this.#log.hasSchema) return;
    this.#stream.removeFork(name);
    await this.#streams.release();
    this.#alarm.schedule(Date.now());
  }

  /** @see RelayDesk.open */
  openRelayed(relay: number, after: After, report: RelayReport): Promise<Result<RelayStart | RelayReferral>> {
    return this.#relayDesk.open(relay, after, report);
  }

  onRelayReport(relay: number, report: RelayReport): Promise<void> {
    this.#commands.flush();
    return this.#relays.onReport(relay, report);
  }

  /** @see RelayDesk.answer */
  onRelayedFrames(relay: number, frames: readonly RelayedFrame[]): Promise<readonly RelayedAnswer[]> {
    return this.#relayDesk.answer(relay, frames);
  }

  /** A WebSocket for a client or for a function, or a stream that is written here. */
  override async fetch(request: Request): Promise<Response> {
    const header = request.headers.get(SOCKET_REQUEST_HEADER);
    if (header === null) return new Response(null, { status: 400 });
    this.#commands.flush();
    const opening = JSON.parse(header) as SocketOpening | StreamOpening | LineOpening;
    if (opening.kind === "appends") return new Response(null, { status: 101, webSocket: this.#lines.open() });
    if (opening.kind === "stream") return this.#answerStream(opening);
    const relay = this.#relays.choose(this.#readers.size);
    if (relay !== undefined)
      return Response.json({ relay } satisfies RelayReferral, { status: SEE_RELAY_STATUS });
    const outcome = attempt(() => this.#openSocket(opening));
    if (!outcome.ok) return Response.json(outcome.error, { status: 400 });
    return toUpgrade(opening, outcome.value);
  }

  override webSocketMessage(socket: WebSocket, message: string | ArrayBuffer): Promise<void> | undefined {
    return this.#lines.has(socket)
      ? this.#lines.onMessage(socket, message)
      : this.#commands.onMessage(socket, message);
  }

  override webSocketClose(socket: WebSocket): void {
    this.#onGone(socket);
    // Without arguments: 1005, 1006 and 1015 must not be sent back (RFC 6455 §7.4.1).
    socket.close();
  }

  override webSocketError(socket: WebSocket): void {
    this.#onGone(socket);
  }

  #onGone(socket: WebSocket): void {
    this.#commands.flush();
    this.#lines.onGone(socket);
    this.#entrance.onGone(socket);
  }

  /** The one alarm: ends a stream whose time is over, lets go of old events and duplicates, tells what was not told. */
  override async alarm(): Promise<void> {
    this.#commands.flush();
    const nowMs = Date.now();
    this.#alarm.onRing();
    this.#expire(nowMs);
    this.#log.expire(nowMs);
    this.#log.forgetDuplicates(nowMs);
    this.#subscribers.settle();
    this.#relays.settle();
    await this.#settle();
    this.#alarm.schedule(nowMs);
  }

  /** How many readers have a stream that is written here. */
  get heldStreams(): number {
    return this.#readers.streams.size;
  }

  /** Called when the last of those streams is gone; for what stands around the object (self-host/workers/drain.ts). */
  onNoStreams?(): void;

  /** Ends those streams with a last word. */
  closeStreams(message: string): void {
    this.#readers.streams.closeAll(new EverywireError("unavailable", message));
  }

  /** Ends the stream where its time is over. A read that is still going on is one, so it counts as the last. */
  #expire(nowMs: number): void {
    const { endsAtMs, state } = this.#stream;
    if (endsAtMs === undefined || endsAtMs > nowMs) return;
    const isRead = this.#readers.size + this.#relays.readers + this.#waiters.size > 0;
    if (state.ttlSeconds !== undefined && isRead) this.#stream.touch(nowMs);
    else this.#end();
  }

  #end(): boolean {
    const wasThere = this.#log.delete();
    if (!wasThere) return false;
    this.#stream.end();
    this.#subscribers.clear();
    this.#readers.closeAll();
    this.#relays.end();
    this.#waiters.wakeAll();
    this.#alarm.schedule(Date.now());
    return true;
  }

  /** Does something to the stream, and tells the directory and other channels what came of it before it answers. */
  async #settled<T>(run: () => Promise<T>): Promise<Result<T>> {
    this.#commands.flush();
    const outcome = await attemptAsync(run);
    await this.#settle();
    return outcome;
  }

  async #settle(): Promise<void> {
    if (this.#stream.releases.length > 0 && !(await this.#streams.release()))
      this.#registration.noteFailure();
    if (!this.#log.isRegistered) await this.#register();
    else if (!this.#stream.isPlain) this.#alarm.schedule(Date.now());
  }

  #openSocket(opening: SocketOpening): WebSocket {
    const nowMs = Date.now();
    return this.#entrance.open(opening, this.#resolveStart(opening.after, nowMs), nowMs);
  }

  /** 204 where no more streams are held here. */
  #answerStream(opening: StreamOpening): Response {
    const { streams } = this.#readers;
    if (!streams.hasRoom) return new Response(null, { status: 204 });
    const nowMs = Date.now();
    const outcome = attempt(() => streams.open(opening, this.#resolveStart(opening.after, nowMs), nowMs));
    if (!outcome.ok) return Response.json(outcome.error, { status: 400 });
    const { body, cursor } = outcome.value;
    return new Response(body, { headers: { [CURSOR_HEADER]: cursor } });
  }

  /** Where a live reader begins. @throws EverywireError `invalid_argument`, `gone` */
  #resolveStart(after: After, nowMs: number): Start {
    const start = this.#streams.isNeeded ? this.#streams.onRead(after, nowMs) : after;
    this.#log.expire(nowMs);
    return resolveStart(this.#log.state, start);
  }

  async #register(): Promise<void> {
    await this.#registration.run(this.channelName);
    this.#alarm.schedule(Date.now());
  }

  #createReaders(): ChannelReaders {
    const channel = this;
    return new ChannelReaders({
      get channelName() {
        return channel.channelName;
      },
      context: this.ctx,
      limits: this.#limits,
      log: this.#log,
      isClosed: () => this.#stream.state.isClosed,
      onNoStreams: () => this.onNoStreams?.(),
      onBroadcast: (type, json, except) => {
        this.#relays.broadcast(type, json, except instanceof RelayedPort ? except : undefined);
        this.#subscribers.onUnstored(json);
      },
    });
  }

  #createAppends(): ChannelAppends {
    const channel = this;
    return new ChannelAppends({
      get channelName() {
        return channel.channelName;
      },
      log: this.#log,
      rates: this.#rates,
      streams: this.#streams,
    });
  }

  #createRelayDesk(): RelayDesk {
    return new RelayDesk({
      log: this.#log,
      relays: this.#relays,
      commands: this.#commands,
      resolveStart: (after) => this.#resolveStart(after, Date.now()),
    });
  }

  #createRelays(sizes: RelaySizes): ChannelRelays {
    const channel = this;
    return new ChannelRelays(
      {
        sql: this.ctx.storage.sql,
        get place() {
          const { state } = channel.#log;
          const { isClosed } = channel.#stream.state;
          return { life: state.endedLives, at: cursorAt(state, state.head), isClosed };
        },
        moveMember: (member, change, isNews) => this.#entrance.onRelayed(member, change, isNews),
        announceLate: (change) => this.#entrance.announceLate(change),
        reach: (relay) => this.env.RELAY.getByName(toRelayName(this.channelName, relay)),
      },
      sizes,
    );
  }

  #createStreamCommands(): StreamCommands {
    const channel = this;
    return new StreamCommands({
      get channelName() {
        return channel.channelName;
      },
      limits: this.#limits,
      storage: this.ctx.storage,
      log: this.#log,
      stream: this.#stream,
      peers: this.env.CHANNEL,
      expire: (nowMs) => this.#expire(nowMs),
      takeRate: (...cost) => this.#rates.takePublishes(...cost),
      deliver: ({ fresh }, nowMs) => this.#deliver(fresh, nowMs),
      broadcast: (messages) => {
        for (const { event } of messages) this.#readers.sockets.broadcast(event.type, event.json, undefined);
      },
      closeReaders: () => {
        this.#readers.finishAll();
        this.#relays.close();
        this.#waiters.wakeAll();
      },
      park: (timeoutMs) => this.#waiters.park(timeoutMs),
      scheduleAlarm: (nowMs) => this.#alarm.schedule(nowMs),
    });
  }
}
