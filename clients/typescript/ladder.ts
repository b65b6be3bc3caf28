import type { LadderStorage } from "./options.ts";
import type { Transport, TransportName } from "./transport.ts";

/** A wire that something on the way does not let through: when it may be tried again, and how often it has failed. */
interface Block {
  readonly untilMs: number;
  readonly times: number;
}

const MAX_BLOCK_MS = 3_600_000;

export interface LadderOptions {
  readonly transports: readonly Transport[];
  /** The first time that a wire is left alone; doubles each time. */
  readonly blockMs: number;
  readonly storage: LadderStorage | undefined;
  /** One network may let through what another does not, and one server what another does not. */
  readonly storageKey: string;
}

/**
 * What works here, the best first. Shared by all subscriptions of a client, so that only the first has to find out. The
 * last rung is never given up: where nothing works, it is the one to wait on.
 */
export class Ladder {
  readonly transports: readonly Transport[];
  readonly #options: LadderOptions;
  readonly #blocks: Map<TransportName, Block>;

  constructor(options: LadderOptions) {
    this.#options = options;
    this.transports = options.transports;
    this.#blocks = load(options);
  }

  /** The best that is not known to fail. */
  choose(nowMs: number): Transport {
    const free = this.transports.find(({ name }) => !this.#isBlocked(name, nowMs));
    return free ?? (this.transports.at(-1) as Transport);
  }

  /** What is better than a wire and may be tried again. */
  better(than: TransportName, nowMs: number): Transport | undefined {
    return this.#above(than).find(({ name }) => !this.#isBlocked(name, nowMs));
  }

  /** How long until something better may be tried; undefined where there is nothing better. */
  untilBetterMs(than: TransportName, nowMs: number): number | undefined {
    const times = this.#above(than).map(({ name }) => (this.#blocks.get(name)?.untilMs ?? 0) - nowMs);
    return times.length === 0 ? undefined : Math.max(0, Math.min(...times));
  }

  /** Something does not let it through: it is left alone for a while. */
  onBlocked(name: TransportName, nowMs: number): void {
    const times = (this.#blocks.get(name)?.times ?? 0) + 1;
    const forMs = Math.min(MAX_BLOCK_MS, this.#options.blockMs * 2 ** (times - 1));
    // Jitter, so that many clients behind one proxy do not all try in the same moment.
    this.#blocks.set(name, { untilMs: nowMs + forMs * (0.75 + Math.random() / 2), times });
    this.#save();
  }

  /** It has worked for long enough to be trusted. */
  onProven(name: TransportName): void {
    if (this.#blocks.delete(name)) this.#save();
  }

  #above(name: TransportName): readonly Transport[] {
    return this.transports.slice(
      0,
      this.transports.findIndex((transport) => transport.name === name),
    );
  }

  #isBlocked(name: TransportName, nowMs: number): boolean {
    return (this.#blocks.get(name)?.untilMs ?? 0) > nowMs;
  }

  #save(): void {
    const { storage, storageKey } = this.#options;
    try {
      storage?.setItem(storageKey, JSON.stringify([...this.#blocks]));
    } catch {
      // Full, or not allowed: it is remembered here all the same.
    }
  }
}

function load({ storage, storageKey }: LadderOptions): Map<TransportName, Block> {
  try {
    const blocks: unknown = JSON.parse(storage?.getItem(storageKey) ?? "[]");
    if (Array.isArray(blocks)) return new Map(blocks.filter(isBlockEntry));
  } catch {
    // Somebody else's, or an older form: nothing is known then.
  }
  return new Map();
}

function isBlockEntry(entry: unknown): entry is [TransportName, Block] {
  const block: unknown = Array.isArray(entry) ? entry[1] : undefined;
  if (typeof block !== "object" || block === null) return false;
  return (
    "untilMs" in block && Number.isFinite(block.untilMs) && "times" in block && Number.isFinite(block.times)
  );
}
