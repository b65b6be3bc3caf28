import { EverywireError } from "./error.ts";
import type { CloudEvent } from "./event.ts";
import type { Timing } from "./options.ts";
import type { Transport, TransportConnection, TransportSink } from "./transport.ts";

/** How a connection ended. `withheld`: the server answers others meanwhile, so something on the way keeps the bytes back. */
export interface Ending {
  readonly error: EverywireError;
  readonly isWithheld: boolean;
  /** Nothing came for so long that it counts as cut. */
  readonly isSilent: boolean;
  /** Cut by {@link Attempt.cut}, which says nothing of the wire. */
  readonly isOwn: boolean;
}

export interface AttemptHost {
  onOpen(attempt: Attempt): void;
  /** It has lasted for long enough to trust its wire. */
  onStable(attempt: Attempt): void;
  onPosition(attempt: Attempt, cursor: string): void;
  onEvent(attempt: Attempt, event: CloudEvent): void;
  onBytes(count: number): void;
  room(): Promise<void> | undefined;
  onEnd(attempt: Attempt, ending: Ending): void;
  /** Whether the log has something that has not come. @throws EverywireError */
  isBehind(attempt: Attempt): Promise<boolean>;
  /** A short request to the same server: resolves with how long it took, in milliseconds. @throws EverywireError */
  probe(): Promise<number>;
}

export interface AttemptOptions {
  readonly transport: Transport;
  readonly channel: string;
  readonly after: string;
  readonly timing: Timing;
  /** How long a short request took here, where that is known. */
  readonly roundTripMs: number | undefined;
}

/** The wait for first bytes is so many round trips, where they are known, and at least the other. */
const OPEN_ROUND_TRIPS = 10;
const MIN_FIRST_BYTES_MS = 500;
/** Quiet after which the log is asked whether it has more, the first time and at most; it doubles. */
const FIRST_QUIET_MS = 1000;
const MAX_QUIET_MS = 8000;
/** So little, alone and after quiet, comes through nothing that gathers blocks: a heartbeat does that every 10 s. */
const ALONE_BYTES = 512;

/**
 * One connection over one wire, watched: that its first bytes come, and that it does not fall silent. Whether first bytes
 * that do not come are withheld or only late is told by a probe: where a short request that began later is answered
 * first, something on the way keeps them. What gathers bytes into blocks lets the first ones through, perhaps, and keeps the
 * last ones of every burst: so the log is asked, until something small has come alone.
 */
export class Attempt implements TransportSink {
  readonly transport: Transport;
  readonly after: string;
  readonly startedAtMs = Date.now();
  openedAtMs: number | undefined;
  readonly #host: AttemptHost;
  readonly #timing: Timing;
  readonly #connection: TransportConnection;
  readonly #timers = new Set<ReturnType<typeof setTimeout>>();
  #lastSignMs = Date.now();
  #isHeld = false;
  #isUnbuffered: boolean;
  #isOver = false;

  constructor(host: AttemptHost, { transport, channel, after, timing, roundTripMs }: AttemptOptions) {
    this.#host = host;
    this.#timing = timing;
    this.transport = transport;
    this.after = after;
    this.#isUnbuffered = transport.isBufferable !== true;
    const expectedMs = roundTripMs === undefined ? timing.firstBytesMs : roundTripMs * OPEN_ROUND_TRIPS;
    const firstBytesMs = Math.min(timing.firstBytesMs, Math.max(MIN_FIRST_BYTES_MS, expectedMs));
    this.#later(Math.max(firstBytesMs, transport.minOpenMs), () => this.#suspect());
    this.#later(Math.max(timing.openMs, transport.minOpenMs), () => {
      if (this.openedAtMs === undefined) this.#end("It did not open in time.");
    });
    this.#connection = transport.open({ channel, after }, this);
  }

  get isOpen(): boolean {
    return this.openedAtMs !== undefined && !this.#isOver;
  }

  get publish(): TransportConnection["publish"] {
    const { publish } = this.#connection;
    return publish?.bind(this.#connection);
  }

  /** How long it was open, in milliseconds; 0 where it never was. */
  get livedMs(): number {
    return this.openedAtMs === undefined ? 0 : Date.now() - this.openedAtMs;
  }

  close(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    for (const timer of this.#timers) clearTimeout(timer);
    this.#connection.close();
  }

  /** As if it had been lost. */
  cut(): void {
    this.#end("The connection was cut.", { isOwn: true });
  }

  onOpen(): void {
    if (this.#isOver || this.openedAtMs !== undefined) return;
    this.openedAtMs = Date.now();
    this.#watch();
    if (!this.#isUnbuffered) this.#compareLater(FIRST_QUIET_MS);
    this.#later(this.#timing.stableMs, () => this.#host.onStable(this));
    this.#host.onOpen(this);
  }

  onPosition(cursor: string): void {
    if (!this.#isOver) this.#host.onPosition(this, cursor);
  }

  onEvent(event: CloudEvent): void {
    if (!this.#isOver) this.#host.onEvent(this, event);
  }

  onBytes(count: number): void {
    if (this.#isOver) return;
    const quietMs = Date.now() - this.#lastSignMs;
    if (this.openedAtMs !== undefined && count <= ALONE_BYTES && quietMs > FIRST_QUIET_MS)
      this.#isUnbuffered = true;
    this.#lastSignMs = Date.now();
    this.#host.onBytes(count);
  }

  room(): Promise<void> | undefined {
    const held = this.#host.room();
    if (held === undefined) return undefined;
    this.#isHeld = true;
    return held.then(() => {
      this.#isHeld = false;
      this.#lastSignMs = Date.now();
    });
  }

  onEnd(error: EverywireError, ending: Partial<Ending> = {}): void {
    if (this.#isOver) return;
    this.close();
    this.#host.onEnd(this, { error, isWithheld: false, isSilent: false, isOwn: false, ...ending });
  }

  #end(message: string, ending?: Partial<Ending>): void {
    this.onEnd(new EverywireError("unavailable", message), ending);
  }

  /** The first bytes are late: is that the way, or this wire on it? */
  async #suspect(): Promise<void> {
    if (this.openedAtMs !== undefined) return;
    try {
      const probeMs = await this.#host.probe();
      if (this.#isOver || this.openedAtMs !== undefined) return;
      // What a short request needs, twice, and a little more: the stream asks the same server for more.
      this.#later(Math.max(MIN_FIRST_BYTES_MS, probeMs * 2), () => {
        if (this.openedAtMs === undefined)
          this.#end("Its bytes are withheld on the way.", { isWithheld: true });
      });
    } catch {
      // Nothing comes through now, by whatever wire: the longest wait decides.
    }
  }

  /** After so much quiet, asks the log whether it has more than has come. */
  #compareLater(quietMs: number): void {
    const restMs = quietMs - (Date.now() - this.#lastSignMs);
    this.#later(Math.max(restMs, 0), () => {
      if (this.#isUnbuffered) return;
      // Something came meanwhile, or could have.
      if (this.#isHeld || Date.now() - this.#lastSignMs < quietMs) this.#compareLater(FIRST_QUIET_MS);
      else void this.#compare(Math.min(quietMs * 2, MAX_QUIET_MS));
    });
  }

  async #compare(nextQuietMs: number): Promise<void> {
    const signMs = this.#lastSignMs;
    const startedMs = Date.now();
    const isBehind = await this.#host.isBehind(this).catch(() => false);
    if (this.#isOver) return;
    if (!isBehind) {
      this.#compareLater(nextQuietMs);
      return;
    }
    // It may be on its way just now.
    this.#later(Math.max(MIN_FIRST_BYTES_MS, 2 * (Date.now() - startedMs)), () => {
      if (this.#lastSignMs === signMs)
        this.#end("Its last bytes are withheld on the way.", { isWithheld: true });
      else this.#compareLater(FIRST_QUIET_MS);
    });
  }

  /** Ends a connection that fell silent, after asking it for a sign of life where its wire has a way to ask. */
  #watch(): void {
    const silenceMs = this.transport.maxSilenceMs ?? this.#timing.silenceMs;
    const ping = this.#connection.ping?.bind(this.#connection);
    const stepMs = ping === undefined ? silenceMs : Math.min(this.#timing.pingMs, silenceMs);
    const look = () => {
      const silentMs = this.#isHeld ? 0 : Date.now() - this.#lastSignMs;
      if (silentMs >= silenceMs) {
        this.#end(`Nothing came for ${Math.round(silentMs / 1000)} s.`, { isSilent: true });
        return;
      }
      if (silentMs >= stepMs) ping?.();
      this.#later(silentMs >= stepMs ? silenceMs - silentMs : stepMs - silentMs, look);
    };
    this.#later(stepMs, look);
  }

  #later(ms: number, run: () => void): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      if (!this.#isOver) run();
    }, ms);
    this.#timers.add(timer);
  }
}
