import { setTimeout as delay } from "node:timers/promises";
import { log } from "../log.ts";
import type { Caller } from "../webtransport/worker-lines.ts";
import { WorkerLines } from "../webtransport/worker-lines.ts";
import type { Worker } from "../worker/worker.ts";
import { listChannels } from "./channel-list.ts";
import type { CursorFile } from "./cursor-file.ts";
import { Followed } from "./followed.ts";
import type { Glob } from "./glob.ts";
import type { Sink } from "./sink.ts";

/** How soon a new channel is noticed: it is read from its beginning, so that nothing of it is missed. */
const ROUND_MS = 500;
const LAST_ROUND_MS = 10_000;
/** Of what asking for the list costs, how much is given to not asking. */
const REST_PER_WORK = 10;
/** Fewer than the Worker lets one connection have. */
const CHANNELS_PER_CONNECTION = 32;

export interface MirrorOptions {
  /** In the log. */
  readonly name: string;
  readonly worker: Worker;
  readonly token: string | undefined;
  readonly globs: readonly Glob[];
  readonly cursors: CursorFile;
  readonly sink: Sink;
  /** Told when the sink does not take any more. */
  readonly onLost: (why: unknown) => void;
}

/**
 * Carries every event of the channels that match to a sink, in the order of each channel, from where it was left. The
 * list of channels is asked for again and again; whatever was lost (the Worker, one channel) is followed again in the next round.
 */
export class Mirror {
  readonly #options: MirrorOptions;
  readonly #open = new Set<Followed>();
  #isOver = false;

  constructor(options: MirrorOptions) {
    this.#options = options;
    void this.#run();
  }

  get channels(): number {
    return [...this.#open].reduce((sum, { size }) => sum + size, 0);
  }

  stop(): void {
    this.#isOver = true;
    for (const followed of this.#open) followed.end();
  }

  async #run(): Promise<void> {
    let roundMs = ROUND_MS;
    let isFailing = false;
    while (!this.#isOver) {
      const startedAtMs = Date.now();
      try {
        await this.#round();
        if (isFailing) log(`${this.#options.name}: follows again`);
        isFailing = false;
        roundMs = Math.min(LAST_ROUND_MS, Math.max(ROUND_MS, (Date.now() - startedAtMs) * REST_PER_WORK));
      } catch (thrown) {
        if (!isFailing && !this.#isOver) log(`${this.#options.name}: cannot follow`, { why: thrown });
        isFailing = true;
        roundMs = Math.min(LAST_ROUND_MS, roundMs * 2);
      }
      await delay(roundMs * (0.9 + Math.random() / 5));
    }
  }

  /** Follows what is not followed yet. @throws Error */
  async #round(): Promise<void> {
    const { worker, token, globs } = this.#options;
    const wanted = await listChannels(worker, token, globs);
    const missing = [...wanted].filter(
      (channel) => ![...this.#open].some((followed) => followed.has(channel)),
    );
    for (const channel of missing) {
      if (this.#isOver) return;
      let room = [...this.#open].find(({ size, isEnded }) => size < CHANNELS_PER_CONNECTION && !isEnded);
      room ??= await this.#connect();
      room.add(channel, this.#options.cursors.get(channel) ?? "earliest");
    }
  }

  async #connect(): Promise<Followed> {
    const { worker, token, cursors, sink, onLost } = this.#options;
    const origin: Caller["origin"] = {
      remoteAddress: "127.0.0.1",
      authority: worker.url.host,
      scheme: "http",
      version: "1.1",
    };
    const lines = await WorkerLines.open(worker, { token, origin });
    const followed = new Followed(lines, cursors, sink);
    this.#open.add(followed);
    if (this.#isOver) followed.end();
    followed
      .run()
      .catch(onLost)
      .finally(() => this.#open.delete(followed));
    return followed;
  }
}
