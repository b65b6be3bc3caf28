import type { AttemptHost, Ending } from "./attempt.ts";
import { Attempt } from "./attempt.ts";
import { backoffMs } from "./backoff.ts";
import type { Credentials } from "./credentials.ts";
import { EverywireError } from "./error.ts";
import type { CloudEvent } from "./event.ts";
import { GAP_TYPE } from "./event.ts";
import type { Ladder } from "./ladder.ts";
import type { Log } from "./log.ts";
import type { Timing } from "./options.ts";
import type { Outcome } from "./outcome.ts";
import { decideOutcome } from "./outcome.ts";
import { isBehind, isCursor, positionBehind } from "./position.ts";
import type { Transport } from "./transport.ts";
import type { SubscriptionState } from "./types.ts";

/** Who hears of what is read. */
export interface ReaderHost {
  onEvent(event: CloudEvent): void;
  /** Something came that had come before. */
  onRepeat(): void;
  onBytes(count: number): void;
  onState(state: SubscriptionState): void;
  onOpen(connectMs: number): void;
  /** Another wire is tried, or taken. @param reason why the one before was left */
  onTransport(transport: Transport, from: Transport | undefined, reason: string): void;
  onError(error: EverywireError): void;
  /** Nothing more will come; without an error where that is in order. */
  onOver(error: EverywireError | undefined): void;
  room(): Promise<void> | undefined;
}

export interface ReaderOptions {
  readonly channel: string;
  readonly after: string;
  /** The only wire to use. */
  readonly pinned: Transport | undefined;
  readonly ladder: Ladder;
  readonly log: Log;
  readonly credentials: Credentials;
  readonly timing: Timing;
}

/** Timers that are set here, so that they can be told apart. */
type TimerName = "connect" | "upwards";

/**
 * Reads one channel from a position, over whatever wire works, each event once. All that it is, is that position:
 * connections come and go, and whatever a connection brings that is not behind the position came before.
 */
export class Reader implements AttemptHost {
  readonly #host: ReaderHost;
  readonly #options: ReaderOptions;
  readonly #closed = new AbortController();
  readonly #timers = new Map<TimerName, ReturnType<typeof setTimeout>>();
  #position: string;
  #transport: Transport | undefined;
  #attempt: Attempt | undefined;
  /** A better wire, tried while the other goes on. */
  #trial: Attempt | undefined;
  #state: SubscriptionState = "connecting";
  #roundTripMs: number | undefined;
  #token: string | undefined;
  #hasBeenLive = false;
  /** In a row, of whatever kind: how long to wait for the next try. */
  #failures = 0;
  #shortLives = 0;
  #silences = 0;
  #refusedTokens = 0;
  #goneInRow = 0;
  /** How often the wire in use did not open while the server answered, in a row. */
  #blames = 0;

  constructor(host: ReaderHost, options: ReaderOptions) {
    this.#host = host;
    this.#options = options;
    this.#position = options.after;
    // Later: whoever asked has no listeners yet.
    this.#connectIn(0);
  }

  /** Where the next connection goes on. */
  get position(): string {
    return this.#position;
  }

  get transport(): Transport | undefined {
    return this.#transport;
  }

  /** The connection, while it is open. */
  get open(): Attempt | undefined {
    return this.#attempt?.isOpen === true ? this.#attempt : undefined;
  }

  cut(): void {
    this.#attempt?.cut();
  }

  /** Drops the connection until {@link resume}. */
  pause(): void {
    if (this.#state === "paused" || this.#closed.signal.aborted) return;
    this.#drop();
    this.#setState("paused");
  }

  resume(): void {
    if (this.#state !== "paused" || this.#closed.signal.aborted) return;
    this.#setState("reconnecting");
    this.#connectIn(0);
  }

  /** The network is back, perhaps: what waits for its time tries now. */
  hurry(): void {
    if (!this.#timers.has("connect")) return;
    this.#failures = 0;
    this.#connectIn(0);
  }

  close(): void {
    this.#closed.abort();
    this.#drop();
  }

  onOpen(attempt: Attempt): void {
    if (attempt === this.#trial) this.#promote(attempt);
    this.#hasBeenLive = true;
    this.#blames = 0;
    this.#host.onOpen(Date.now() - attempt.startedAtMs);
    this.#setState("live");
    this.#lookUpwards();
  }

  onStable(attempt: Attempt): void {
    this.#failures = 0;
    this.#shortLives = 0;
    this.#goneInRow = 0;
    this.#options.ladder.onProven(attempt.transport.name);
  }

  onPosition(attempt: Attempt, cursor: string): void {
    // Where there is a cursor already, events alone move it: a gap is told behind the position that it leads to.
    if (attempt === this.#attempt && !isCursor(this.#position)) this.#position = cursor;
  }

  onEvent(attempt: Attempt, event: CloudEvent): void {
    if (attempt !== this.#attempt) return;
    const position = positionBehind(event);
    if (position !== undefined) {
      // A gap that answers the position as it is goes wherever it goes: a log that was put back from a copy goes backwards.
      const isAnswer = event.type === GAP_TYPE && attempt.after === this.#position;
      if (!isAnswer && !isBehind(position, this.#position)) {
        this.#host.onRepeat();
        return;
      }
      this.#position = position;
      this.#goneInRow = 0;
    }
    this.#host.onEvent(event);
  }

  onBytes(count: number): void {
    this.#host.onBytes(count);
  }

  room(): Promise<void> | undefined {
    return this.#host.room();
  }

  async isBehind(attempt: Attempt): Promise<boolean> {
    if (attempt !== this.#attempt) return false;
    const position = this.#position;
    const { log, channel } = this.#options;
    const { events } = await log.read(channel, { after: position, limit: 1 }, this.#closed.signal);
    return position === this.#position && events.length > 0;
  }

  async probe(): Promise<number> {
    await this.#askPosition();
    return this.#roundTripMs ?? 0;
  }

  onEnd(attempt: Attempt, ending: Ending): void {
    if (attempt === this.#trial) {
      this.#trial = undefined;
      // Whatever the reason was: the one that works is there, so there is no hurry.
      this.#options.ladder.onBlocked(attempt.transport.name, Date.now());
      this.#lookUpwards();
      return;
    }
    this.#drop();
    this.#host.onError(ending.error);
    // Away is away until something is live again.
    if (this.#state !== "offline") this.#setState(this.#hasBeenLive ? "reconnecting" : "connecting");
    void this.#follow(this.#decide(attempt, ending), attempt, ending.error);
  }

  #decide(attempt: Attempt, { error, isWithheld, isSilent, isOwn }: Ending): Outcome {
    const { timing } = this.#options;
    const wasOpen = attempt.openedAtMs !== undefined;
    if (wasOpen && !isOwn && attempt.livedMs < timing.stableMs) this.#shortLives += 1;
    // One that outlived the silence that is allowed was given signs of life.
    if (isSilent) this.#silences += 1;
    if (attempt.livedMs > 2 * timing.silenceMs) this.#silences = 0;
    // It brought something, so whoever waits for the next need not wait for long.
    if (this.#position !== attempt.after) this.#failures = 0;
    const isRefused = error.isTold && error.code === "unauthenticated";
    this.#refusedTokens = isRefused ? (wasOpen ? 1 : this.#refusedTokens + 1) : 0;
    this.#goneInRow = error.isTold && error.code === "gone" ? this.#goneInRow + 1 : 0;
    return decideOutcome({
      error,
      isWithheld,
      wasOpen,
      shortLives: this.#shortLives,
      silences: this.#silences,
      refusedTokens: this.#refusedTokens,
      goneInRow: this.#goneInRow,
    });
  }

  async #follow(outcome: Outcome, { transport }: Attempt, error: EverywireError): Promise<void> {
    switch (outcome) {
      case "fail":
        return this.#finish(error);
      case "finish":
        return this.#finish(undefined);
      case "retry":
        return this.#connectIn(error.retryAfterMs ?? this.#backoffMs());
      case "step-down":
        return this.#stepDown(transport, error.message);
      case "renew":
        return this.#attemptTo(async () => {
          if (!(await this.#options.credentials.renew(this.#token))) return this.#finish(error);
          this.#connectIn(0);
        });
      case "probe":
        return this.#attemptTo(async () => {
          await this.#askPosition();
          // The probe itself has renewed the token: that was all, perhaps.
          if ((await this.#options.credentials.get()) !== this.#token) return this.#connectIn(0);
          this.#blames += 1;
          // What has worked before gets one more chance: a server that has just come back looks like this.
          const isFirst = this.#hasBeenLive && this.#shortLives + this.#silences === 0 && this.#blames < 2;
          if (isFirst) return this.#connectIn(0);
          this.#stepDown(transport, error.message);
        });
    }
  }

  /** Does what asks the server; where that fails, it is either refused for good or tried again later. */
  async #attemptTo(run: () => Promise<void>): Promise<void> {
    try {
      await run();
    } catch (thrown) {
      if (this.#closed.signal.aborted) return;
      const error = EverywireError.from(thrown);
      if (error.isTold && !error.isTransient) return this.#finish(error);
      if (!error.isTold) this.#setState("offline");
      this.#connectIn(error.retryAfterMs ?? this.#backoffMs());
    }
  }

  #stepDown(transport: Transport, reason: string): void {
    this.#options.ladder.onBlocked(transport.name, Date.now());
    this.#shortLives = 0;
    this.#silences = 0;
    this.#blames = 0;
    const next = this.#choose();
    // Where there is no other, it has to be this one, in its time.
    this.#connectIn(next === transport ? this.#backoffMs() : 0, reason);
  }

  #choose(): Transport {
    return this.#options.pinned ?? this.#options.ladder.choose(Date.now());
  }

  #connectIn(ms: number, reason = ""): void {
    if (this.#closed.signal.aborted) return;
    this.#set("connect", ms, () => void this.#attemptTo(() => this.#connect(reason)));
  }

  async #connect(reason: string): Promise<void> {
    // Asked first, so that what is published from now on is not lost however long it takes to find a wire.
    if (this.#position === "latest") this.#position = await this.#askPosition();
    this.#token = await this.#options.credentials.get();
    // Another reason to connect may have come meanwhile, or one not to.
    if (this.#closed.signal.aborted || this.#state === "paused" || this.#attempt !== undefined) return;
    const transport = this.#choose();
    this.#use(transport, reason);
    this.#attempt = this.#start(transport);
  }

  #start(transport: Transport): Attempt {
    const { channel, timing } = this.#options;
    const after = this.#position;
    return new Attempt(this, { transport, channel, after, timing, roundTripMs: this.#roundTripMs });
  }

  #use(transport: Transport, reason: string): void {
    if (transport === this.#transport) return;
    const from = this.#transport;
    this.#transport = transport;
    this.#host.onTransport(transport, from, reason);
  }

  /** Tries something better when its time has come, beside what works. */
  #lookUpwards(): void {
    const { pinned, ladder } = this.#options;
    const current = this.#transport;
    if (pinned !== undefined || current === undefined || this.open === undefined) return;
    const waitMs = ladder.untilBetterMs(current.name, Date.now());
    if (waitMs === undefined) return;
    this.#set("upwards", waitMs, () => {
      const better = ladder.better(current.name, Date.now());
      if (better === undefined) this.#lookUpwards();
      else if (this.open !== undefined) this.#trial = this.#start(better);
    });
  }

  /** The better one has shown itself: it takes over in this very turn, and what it repeats is known by its place. */
  #promote(trial: Attempt): void {
    this.#attempt?.close();
    this.#attempt = trial;
    this.#trial = undefined;
    // On probation: one early cut is enough to go back.
    this.#shortLives = 2;
    this.#use(trial.transport, "It works again.");
  }

  async #askPosition(): Promise<string> {
    const startedMs = Date.now();
    const position = await this.#options.log.position(this.#options.channel, this.#closed.signal);
    this.#roundTripMs = Date.now() - startedMs;
    return position;
  }

  #backoffMs(): number {
    const { backoffMs: baseMs, maxBackoffMs } = this.#options.timing;
    const waitMs = backoffMs(this.#failures, baseMs, maxBackoffMs);
    this.#failures += 1;
    return waitMs;
  }

  #finish(error: EverywireError | undefined): void {
    if (this.#closed.signal.aborted) return;
    this.close();
    this.#host.onOver(error);
  }

  #drop(): void {
    for (const timer of this.#timers.values()) clearTimeout(timer);
    this.#timers.clear();
    this.#attempt?.close();
    this.#trial?.close();
    this.#attempt = this.#trial = undefined;
  }

  #set(name: TimerName, ms: number, run: () => void): void {
    clearTimeout(this.#timers.get(name));
    const timer = setTimeout(() => {
      this.#timers.delete(name);
      run();
    }, ms);
    this.#timers.set(name, timer);
  }

  #setState(state: SubscriptionState): void {
    if (this.#state === state) return;
    this.#state = state;
    this.#host.onState(state);
  }
}
