import type { Attempt } from "./attempt.ts";
import { Emitter } from "./emitter.ts";
import { EverywireError } from "./error.ts";
import type { CloudEvent, Gap } from "./event.ts";
import { isEphemeralType, isGap } from "./event.ts";
import { Inbox } from "./inbox.ts";
import type { SubscribeOptions } from "./options.ts";
import { positionBehind } from "./position.ts";
import type { ReaderHost, ReaderOptions } from "./reader.ts";
import { Reader } from "./reader.ts";
import type { ChannelSchema } from "./schema.ts";
import { validate } from "./schema.ts";
import type { Transport, TransportName } from "./transport.ts";
import type { Subscription, SubscriptionEvents, SubscriptionState, SubscriptionStats } from "./types.ts";

const DEFAULT_BUFFER_EVENTS = 1000;

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };

/** What a subscription is to its client, beside what it is to its user. */
export interface SubscriptionHooks {
  /** It has ended: it is forgotten. */
  onClosed(subscription: ChannelSubscription): void;
}

/** A reader, and what its events go through on their way to the user: the schema, listeners, the buffer. */
export class ChannelSubscription implements Subscription, ReaderHost {
  readonly channel: string;
  readonly ready: Promise<void>;
  /** Told who comes and goes, whatever becomes of the events: whoever watches takes nothing away from the user. */
  readonly watchers = new Set<(event: CloudEvent) => void>();
  readonly #reader: Reader;
  readonly #hooks: SubscriptionHooks;
  readonly #schema: ChannelSchema | undefined;
  readonly #signal: AbortSignal | undefined;
  readonly #bufferEvents: number;
  readonly #emitter = new Emitter<SubscriptionEvents<CloudEvent>>();
  readonly #inbox = new Inbox<CloudEvent>();
  readonly #stats: Mutable<SubscriptionStats>;
  #settleReady!: { resolve(): void; reject(error: EverywireError): void };
  #state: SubscriptionState = "connecting";
  /** Behind what was handed out last; undefined before. */
  #cursor: string | undefined;
  #hasIterator = false;
  /** While a schema takes its time, what comes later waits behind it. */
  #checking: Promise<void> | undefined;
  #room: { readonly promise: Promise<void>; resolve(): void } | undefined;
  readonly #after: string;

  constructor(
    hooks: SubscriptionHooks,
    options: SubscribeOptions<ChannelSchema | undefined>,
    reader: Omit<ReaderOptions, "after">,
  ) {
    this.channel = reader.channel;
    this.#hooks = hooks;
    this.#schema = options.schema;
    this.#signal = options.signal;
    this.#bufferEvents = options.bufferEvents ?? DEFAULT_BUFFER_EVENTS;
    this.#after = options.after ?? "latest";
    this.#stats = {
      bytes: 0,
      events: 0,
      repeats: 0,
      refused: 0,
      gaps: 0,
      reconnects: -1,
      connectMs: undefined,
      connectedAtMs: undefined,
      lastEventAtMs: undefined,
      fallbacks: [],
    };
    this.ready = new Promise((resolve, reject) => {
      this.#settleReady = { resolve, reject };
    });
    // Whoever does not wait for it hears of the failure elsewhere.
    this.ready.catch(() => {});
    this.#reader = new Reader(this, { ...reader, after: this.#after });
    if (this.#signal?.aborted === true) this.close();
    else this.#signal?.addEventListener("abort", this.#onAbort);
  }

  get cursor(): string {
    // All that came was handed out, so where the reader stands is where the user stands.
    if (this.#inbox.size === 0 && this.#checking === undefined) return this.#reader.position;
    return this.#cursor ?? this.#after;
  }

  get state(): SubscriptionState {
    return this.#state;
  }

  get transport(): TransportName | undefined {
    return this.#reader.transport?.name;
  }

  get stats(): SubscriptionStats {
    return { ...this.#stats, reconnects: Math.max(0, this.#stats.reconnects) };
  }

  /** The connection, while it is open: who publishes may use it. */
  get open(): Attempt | undefined {
    return this.#reader.open;
  }

  on<Name extends keyof SubscriptionEvents<CloudEvent>>(
    name: Name,
    listener: (value: SubscriptionEvents<CloudEvent>[Name]) => void,
  ): () => void {
    const remove = this.#emitter.on(name, listener);
    // What came before anybody listened, unless it is an iterator's.
    if (name === "event" && !this.#hasIterator) queueMicrotask(() => this.#flush());
    return remove;
  }

  [Symbol.asyncIterator](): AsyncIterator<CloudEvent, undefined> {
    this.#hasIterator = true;
    return {
      next: async () => {
        const result = await this.#inbox.next();
        if (result.done !== true) this.#onTaken(result.value);
        return result;
      },
      return: async () => {
        this.close();
        return { done: true, value: undefined };
      },
    };
  }

  cut(): void {
    this.#reader.cut();
  }

  hurry(): void {
    this.#reader.hurry();
  }

  close(): void {
    this.#end("closed", undefined);
  }

  onEvent(event: CloudEvent): void {
    this.#stats.lastEventAtMs = Date.now();
    if (event.type.startsWith("presence.")) for (const watch of this.watchers) watch(event);
    if (this.#checking !== undefined) {
      this.#checkLater(this.#checking.then(() => this.#check(event)));
      return;
    }
    const late = this.#check(event);
    if (late !== undefined) this.#checkLater(late);
  }

  onRepeat(): void {
    this.#stats.repeats += 1;
  }

  onBytes(count: number): void {
    this.#stats.bytes += count;
  }

  onState(state: SubscriptionState): void {
    if (this.#isOver) return;
    this.#state = state;
    this.#emitter.emit("state", state);
  }

  onOpen(connectMs: number): void {
    this.#stats.reconnects += 1;
    this.#stats.connectMs = connectMs;
    this.#stats.connectedAtMs = Date.now();
    this.#settleReady.resolve();
  }

  onTransport(to: Transport, from: Transport | undefined, reason: string): void {
    if (from !== undefined) {
      const step = { from: from.name, to: to.name, reason, atMs: Date.now() };
      this.#stats.fallbacks = [...this.#stats.fallbacks, step].slice(-100);
    }
    this.#emitter.emit("transport", to.name);
  }

  onError(error: EverywireError): void {
    this.#emitter.emit("error", error);
  }

  onOver(error: EverywireError | undefined): void {
    this.#end(error === undefined ? "closed" : "failed", error);
  }

  room(): Promise<void> | undefined {
    if (this.#inbox.size < this.#bufferEvents) return undefined;
    if (this.#room === undefined) {
      let resolve = () => {};
      const promise = new Promise<void>((settle) => {
        resolve = settle;
      });
      this.#room = { promise, resolve };
    }
    return this.#room.promise;
  }

  get #isOver(): boolean {
    return this.#state === "closed" || this.#state === "failed";
  }

  /** Delivers an event that the schema lets through; a promise only where the schema needs one. */
  #check(event: CloudEvent): Promise<void> | undefined {
    const schema = this.#schema;
    if (schema === undefined || isGap(event)) {
      this.#deliver(event);
      return undefined;
    }
    if (!Object.hasOwn(schema, event.type)) {
      // Of another version, or of the protocol: no fault, and not what was asked for.
      this.#stats.refused += 1;
      return undefined;
    }
    try {
      const data = validate(schema, event);
      if (!(data instanceof Promise)) {
        this.#deliver({ ...event, data });
        return undefined;
      }
      return data.then(
        (late: unknown) => this.#deliver({ ...event, data: late }),
        (thrown) => this.#refuse(thrown),
      );
    } catch (thrown) {
      this.#refuse(thrown);
      return undefined;
    }
  }

  #checkLater(late: Promise<void>): void {
    this.#checking = late;
    late.finally(() => {
      if (this.#checking === late) this.#checking = undefined;
    });
  }

  #refuse(thrown: unknown): void {
    this.#stats.refused += 1;
    this.onError(
      thrown instanceof EverywireError
        ? thrown
        : new EverywireError("validation_failed", "The schema failed.", { cause: thrown }),
    );
  }

  #deliver(event: CloudEvent): void {
    if (this.#isOver) return;
    if (isGap(event)) {
      this.#stats.gaps += 1;
      this.#emitter.emit("gap", event.data as Gap);
    } else {
      this.#stats.events += 1;
    }
    const isHeard = this.#emitter.has("event");
    if (this.#hasIterator || !isHeard || this.#inbox.size > 0) this.#keep(event);
    if (!isHeard) return;
    if (!this.#hasIterator && this.#inbox.size > 0) {
      this.#flush();
    } else {
      this.#onHandedOut(event);
      this.#emitter.emit("event", event);
    }
  }

  #keep(event: CloudEvent): void {
    // What is worth nothing later is not worth a place either.
    if (isEphemeralType(event.type) && this.#inbox.size >= this.#bufferEvents) return;
    this.#inbox.push(event);
    // Wires that cannot be held back are cut, and come back for the rest.
    if (this.#inbox.size >= this.#bufferEvents * 2) this.#reader.pause();
  }

  #flush(): void {
    if (this.#hasIterator) return;
    for (let event = this.#inbox.take(); event !== undefined; event = this.#inbox.take()) {
      this.#onTaken(event);
      this.#emitter.emit("event", event);
    }
  }

  #onTaken(event: CloudEvent): void {
    this.#onHandedOut(event);
    if (this.#inbox.size > this.#bufferEvents / 2) return;
    this.#room?.resolve();
    this.#room = undefined;
    this.#reader.resume();
  }

  #onHandedOut(event: CloudEvent): void {
    this.#cursor = positionBehind(event) ?? this.#cursor;
  }

  readonly #onAbort = () => this.close();

  #end(state: "closed" | "failed", error: EverywireError | undefined): void {
    if (this.#isOver) return;
    // Asked before the reader is gone, which is where it comes from.
    this.#cursor = this.cursor;
    this.#signal?.removeEventListener("abort", this.#onAbort);
    this.#reader.close();
    this.#room?.resolve();
    this.#hooks.onClosed(this);
    this.onState(state);
    if (error !== undefined) this.#emitter.emit("error", error);
    const unready = error ?? new EverywireError("unavailable", "The subscription was closed.");
    this.#settleReady.reject(unready);
    // What a schema still looks at comes first.
    if (this.#checking === undefined) this.#inbox.end(error);
    else void this.#checking.then(() => this.#inbox.end(error));
  }
}
