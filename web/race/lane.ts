import { signal } from "@preact/signals";
import { toMessage } from "../shell/server.ts";
import { Latencies } from "./latencies.ts";
import type { Publications } from "./ledger.ts";
import { Ledger } from "./ledger.ts";
import type { LaneEvent, LaneWire } from "./wire.ts";

export type LaneState = "idle" | "connecting" | "live" | "catching-up" | "cut" | "retrying" | "unavailable";

/** How the last cut ended. */
export interface CatchUp {
  readonly events: number;
  readonly tookMs: number;
}

export interface LaneStart {
  readonly origin: string;
  readonly channel: string;
  readonly cursor: string;
  readonly token: string | undefined;
  readonly publications: Publications;
}

const RETRY_MS = 1000;

/** One wire in a race: its connection, and what came over it. */
export class Lane {
  readonly wire: LaneWire;
  readonly state = signal<LaneState>("idle");
  readonly problem = signal<string | undefined>(undefined);
  /** Whether it runs when the race does. */
  readonly isChosen = signal(true);
  readonly catchUp = signal<CatchUp | undefined>(undefined);
  latencies = new Latencies();
  ledger: Ledger | undefined;
  bytes = 0;
  #start: LaneStart | undefined;
  #connection: AbortController | undefined;
  /** What was published before the connection was made is late for another reason than the wire's. */
  #timedFrom = 0;
  /** How many events the log had when the connection was made. */
  #target = 0;
  #reconnect: { readonly atMs: number; readonly from: number } | undefined;

  constructor(wire: LaneWire) {
    this.wire = wire;
  }

  start(start: LaneStart): void {
    this.#start = start;
    this.ledger = new Ledger(start.publications, start.cursor);
    this.latencies = new Latencies();
    this.bytes = 0;
    this.catchUp.value = undefined;
    this.#reconnect = undefined;
    this.#connect();
  }

  stop(): void {
    this.#start = undefined;
    this.#connection?.abort();
    this.state.value = "idle";
    this.problem.value = undefined;
  }

  /** Ends the connection as a client does that goes away, and stays away. */
  cut(): void {
    this.#connection?.abort();
    this.state.value = "cut";
  }

  /** Goes on from the cursor. */
  reconnect(): void {
    if (this.#start === undefined || this.ledger === undefined) return;
    this.#reconnect = { atMs: performance.now(), from: this.ledger.distinct };
    this.#connect();
  }

  #connect(): void {
    const { ledger } = this;
    if (this.#start === undefined || ledger === undefined) return;
    const reason = this.wire.unavailable?.();
    if (reason !== undefined) {
      this.problem.value = reason;
      this.state.value = "unavailable";
      return;
    }
    const { origin, channel, token, publications } = this.#start;
    const connection = new AbortController();
    this.#connection = connection;
    this.#timedFrom = publications.count;
    this.#target = publications.acked;
    this.state.value = "connecting";
    const isCurrent = () => this.#connection === connection && !connection.signal.aborted;
    const sink = {
      onLive: () => {
        if (isCurrent() && this.state.value === "connecting") this.#onLive();
      },
      onBytes: (count: number) => {
        if (isCurrent()) this.bytes += count;
      },
      onEvent: (event: LaneEvent) => {
        if (isCurrent()) this.#onEvent(event, ledger, publications);
      },
    };
    this.wire.run({ origin, channel, token, after: ledger.cursor }, sink, connection.signal).then(
      () => isCurrent() && this.#onEnd("The server ended the stream."),
      (thrown: unknown) => isCurrent() && this.#onEnd(toMessage(thrown)),
    );
  }

  #onLive(): void {
    this.problem.value = undefined;
    this.state.value = "catching-up";
    this.settle();
  }

  #onEvent({ data, sequence }: LaneEvent, ledger: Ledger, publications: Publications): void {
    const nowMs = performance.now();
    const number = (data as { n?: unknown } | null | undefined)?.n;
    if (typeof number !== "number" || sequence == null) return;
    const sentAtMs = publications.sentAtMs(number);
    if (sentAtMs === undefined) return;
    const isFirst = ledger.take(number, sequence);
    if (isFirst && number >= this.#timedFrom) this.latencies.add(nowMs - sentAtMs);
    if (this.state.value === "catching-up") this.settle();
  }

  /** Sees whether a lane has caught up: with what the log had when it connected, since more comes all the time. */
  settle(): void {
    const { ledger } = this;
    if (ledger === undefined) return;
    ledger.check();
    if (this.state.value !== "catching-up" || ledger.distinct + ledger.lost < this.#target) return;
    this.state.value = "live";
    if (this.#reconnect === undefined) return;
    const { atMs, from } = this.#reconnect;
    this.#reconnect = undefined;
    this.catchUp.value = { events: Math.max(0, this.#target - from), tookMs: performance.now() - atMs };
  }

  #onEnd(reason: string): void {
    this.#connection?.abort();
    this.problem.value = reason;
    this.state.value = "retrying";
    setTimeout(() => {
      if (this.state.value === "retrying") this.reconnect();
    }, RETRY_MS);
  }
}
