import { setTimeout as delay } from "node:timers/promises";
import { log } from "../log.ts";

const FIRST_PAUSE_MS = 100;
const LAST_PAUSE_MS = 5000;

export interface BrokerLinkOptions {
  /** In the log: "the AMQP broker". */
  readonly name: string;
  readonly url: string;
  /** One connection, until it is over; says when it carries. @throws Error why it is over */
  readonly session: (onUp: () => void) => Promise<never>;
}

/** How a broker stands, as `/health` tells it. */
export interface BrokerStatus {
  readonly status: "connecting" | "ok" | "unreachable" | "blocked";
  /** Since when it is away. */
  readonly since?: string;
  readonly why?: string;
}

/** A connection to a broker that is made again, with growing pauses, for as long as the gateway runs. */
export class BrokerLink {
  readonly #options: BrokerLinkOptions;
  /** Resolves when it was stopped and the last connection is over. */
  readonly ended: Promise<void>;
  #status: BrokerStatus = { status: "connecting" };
  #isStopped = false;

  constructor(options: BrokerLinkOptions) {
    this.#options = options;
    this.ended = this.#run();
  }

  get status(): BrokerStatus {
    return this.#status;
  }

  get isStopped(): boolean {
    return this.#isStopped;
  }

  /** Begins no further connection; ending the one that is there is up to whoever has it. */
  stop(): void {
    this.#isStopped = true;
  }

  async #run(): Promise<void> {
    let pauseMs = FIRST_PAUSE_MS;
    // Whoever makes it has to have it before its first session begins.
    await Promise.resolve();
    while (!this.#isStopped) {
      const startedAtMs = Date.now();
      try {
        await this.#options.session(() => this.#onUp());
      } catch (thrown) {
        if (this.#isStopped) return;
        this.#onLost(thrown);
      }
      if (Date.now() - startedAtMs > LAST_PAUSE_MS) pauseMs = FIRST_PAUSE_MS;
      await delay(pauseMs * (0.5 + Math.random() / 2));
      pauseMs = Math.min(LAST_PAUSE_MS, pauseMs * 2);
    }
  }

  #onUp(): void {
    const { since } = this.#status;
    if (since !== undefined) {
      log(`${this.#options.name} is back`, { awayMs: Date.now() - Date.parse(since) });
    }
    this.#status = { status: "ok" };
  }

  #onLost(thrown: unknown): void {
    const why = thrown instanceof Error ? thrown.message : String(thrown);
    const { since } = this.#status;
    if (since === undefined) {
      log(`${this.#options.name} is away`, { url: withoutPassword(this.#options.url), why });
    }
    this.#status = { status: "unreachable", since: since ?? new Date().toISOString(), why };
  }
}

function withoutPassword(url: string): string {
  const shown = new URL(url);
  shown.password = "";
  return shown.href;
}
