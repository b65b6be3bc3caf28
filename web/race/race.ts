import { signal } from "@preact/signals";
import { api } from "../shell/api.ts";
import { capabilities, hasDoor, loadCapabilities, ORIGIN, toMessage } from "../shell/server.ts";
import { session } from "../shell/session.ts";
import { Lane } from "./lane.ts";
import { Publications } from "./ledger.ts";
import { findConnectionBudget } from "./origins.ts";
import type { Publisher, PublisherName } from "./publisher.ts";
import { createPublisher } from "./publisher.ts";
import { WIRES } from "./wires.ts";

/** Sizes of an event's padding, in bytes: the steps of the slider. */
export const SIZES = [0, 64, 256, 1024, 4096, 16_384, 65_536] as const;
const MAX_RATE = 200;
const TICK_MS = 250;
const TICKS_PER_SECOND = 1000 / TICK_MS;
const CHART_SECONDS = 60;
/** Publishes that may be unanswered before the next one waits. */
const MAX_UNANSWERED = 64;

/** One publisher, and a lane for each wire. There is one race on the page, and it goes on while other views are shown. */
export class Race {
  readonly lanes: readonly Lane[] = WIRES.map((wire) => new Lane(wire));
  readonly budget = findConnectionBudget(location);
  readonly isRunning = signal(false);
  readonly isPublishing = signal(true);
  readonly problem = signal<string | undefined>(undefined);
  readonly rate = signal(10);
  readonly sizeIndex = signal(1);
  readonly publisherName = signal<PublisherName>("socket");
  readonly channel = signal(`demo/race-${crypto.randomUUID().slice(0, 8)}`);
  /** Changes four times a second while a race runs: what is drawn from it is drawn again. */
  readonly tick = signal(0);
  /** One row a second: the second, then the median of each lane. */
  readonly history: (number | null)[][] = [];
  publications = new Publications();
  #publisher: Publisher | undefined;
  #ticker: ReturnType<typeof setInterval> | undefined;
  #nextAtMs = 0;
  #unanswered = 0;
  #startedAtMs = 0;

  constructor() {
    let left = this.budget.lanes;
    for (const lane of this.lanes) {
      if (!lane.wire.holdsConnection) continue;
      lane.isChosen.value = left > 0;
      left -= 1;
    }
  }

  /** The most that the server takes from one sender on one channel. */
  get maxRate(): number {
    const { rateLimits = true, limits } = capabilities.value ?? {};
    return rateLimits ? Math.min(MAX_RATE, limits?.PUBLISHES_PER_SECOND ?? 60) : MAX_RATE;
  }

  /** How many of the chosen lanes hold an HTTP/1.1 connection. */
  get heldConnections(): number {
    return this.lanes.filter(({ wire, isChosen }) => wire.holdsConnection && isChosen.value).length;
  }

  async start(): Promise<void> {
    this.isRunning.value = true;
    this.problem.value = undefined;
    try {
      await loadCapabilities();
      // As a channel of events: the wire of Durable Streams reads nothing that was not created.
      await this.#createChannel();
      const { body } = await api<{ next: string }>(
        "GET",
        `/channels/${this.channel.value}?after=latest&limit=1`,
      );
      const { token } = session.value ?? {};
      this.publications = new Publications();
      this.history.length = 0;
      this.#startedAtMs = performance.now();
      this.#unanswered = 0;
      this.#publisher = createPublisher(this.publisherName.value, ORIGIN, token);
      let held = 0;
      for (const lane of this.lanes) {
        if (!lane.isChosen.value || !hasDoor(lane.wire.name)) continue;
        // HTTP lanes take the names in turn; the others need no connection of those six.
        const origin = lane.wire.holdsConnection ? this.#originOf(held++) : ORIGIN;
        lane.start({
          origin,
          channel: this.channel.value,
          cursor: body.next,
          token,
          publications: this.publications,
        });
      }
      this.#nextAtMs = performance.now();
      this.isPublishing.value = true;
      this.#ticker = setInterval(() => this.#onTick(), TICK_MS);
      this.#publishDue();
    } catch (thrown) {
      this.stop();
      this.problem.value = toMessage(thrown);
    }
  }

  stop(): void {
    clearInterval(this.#ticker);
    for (const lane of this.lanes) lane.stop();
    this.#publisher?.close();
    this.#publisher = undefined;
    this.isRunning.value = false;
    this.tick.value += 1;
  }

  /** Cuts every lane that is connected, or connects all of them again. */
  toggleAll(): void {
    const isAnyCut = this.lanes.some(({ state }) => state.value === "cut");
    for (const lane of this.lanes) {
      if (isAnyCut && lane.state.value === "cut") lane.reconnect();
      else if (!isAnyCut && lane.ledger !== undefined && lane.state.value !== "unavailable") lane.cut();
    }
  }

  #originOf(index: number): string {
    const { origins } = this.budget;
    // From the last: the page's own name is also asked for everything else.
    return origins[origins.length - 1 - (index % origins.length)] ?? ORIGIN;
  }

  async #createChannel(): Promise<void> {
    const response = await fetch(`${ORIGIN}/v1/stream/${this.channel.value}`, {
      method: "PUT",
      headers: {
        "content-type": "application/cloudevents+json",
        ...(session.value === undefined ? {} : { authorization: `Bearer ${session.value.token}` }),
      },
    });
    await response.body?.cancel();
  }

  /** Publishes what is due, evenly spread, and comes back when the next one is. */
  #publishDue(): void {
    const publisher = this.#publisher;
    if (publisher === undefined) return;
    const nowMs = performance.now();
    const gapMs = 1000 / Math.min(this.rate.value, this.maxRate);
    const isHeldBack = !this.isPublishing.value || document.hidden || this.#unanswered >= MAX_UNANSWERED;
    if (isHeldBack) this.#nextAtMs = nowMs + gapMs;
    else if (nowMs >= this.#nextAtMs) {
      this.#publish(publisher, nowMs);
      // Never more than a few behind: after a pause there is no burst.
      this.#nextAtMs = Math.max(this.#nextAtMs + gapMs, nowMs - 2 * gapMs);
    }
    setTimeout(() => this.#publishDue(), Math.max(0, Math.min(this.#nextAtMs - performance.now(), 50)));
  }

  #publish(publisher: Publisher, nowMs: number): void {
    const { publications } = this;
    const n = publications.send(nowMs);
    const size = SIZES[this.sizeIndex.value] ?? 0;
    this.#unanswered += 1;
    publisher
      .publish(this.channel.value, size === 0 ? { n } : { n, pad: "x".repeat(size) })
      .then(
        (sequence) => {
          publications.ack(n, sequence);
          if (this.#publisher === publisher) this.problem.value = undefined;
        },
        (thrown: unknown) => {
          publications.fail(n);
          if (this.#publisher === publisher) this.problem.value = `Publishing fails: ${toMessage(thrown)}`;
        },
      )
      .finally(() => {
        this.#unanswered -= 1;
      });
  }

  #onTick(): void {
    for (const lane of this.lanes) lane.settle();
    if (this.tick.value % TICKS_PER_SECOND === 0) {
      const second = Math.round((performance.now() - this.#startedAtMs) / 1000);
      this.history.push([second, ...this.lanes.map(({ latencies }) => latencies.takeRecent() ?? null)]);
      if (this.history.length > CHART_SECONDS) this.history.shift();
    }
    this.tick.value += 1;
  }
}

export const race = new Race();
