import type { ChannelName } from "../../core/channel-name.ts";
import type { AppendLine } from "../../core/ports.ts";

/** So many publishes within {@link WINDOW_MS} make a channel a busy one. A line costs as much memory as a client does. */
const BUSY_PUBLISHES = 4;
const WINDOW_MS = 1000;
/** Lines that one connection has at once. */
const MAX_LINES = 4;
/** Channels that are watched; a client that publishes to more of them in turn is busy with none. */
const MAX_WATCHED = 16;
/** How often it is looked whether lines are still worth it: each needs as many publishes in that time as it took to open it. */
const CHECK_MS = 5000;

interface Watched {
  sinceMs: number;
  publishes: number;
  /** Publishes since the last check. */
  recent: number;
  line: AppendLine | undefined;
}

/** The channels that a connection publishes to so often that a line to each is worth what it costs. */
export class BusyChannels {
  readonly #openLine: (channel: ChannelName) => Promise<AppendLine>;
  /** Those that are watched for longest are first. */
  readonly #watched = new Map<ChannelName, Watched>();
  #lines = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(open: (channel: ChannelName) => Promise<AppendLine>) {
    this.#openLine = open;
  }

  /** Notes a publish; whether its channel is busy, and so has a line or should have one. */
  note(channel: ChannelName, nowMs: number): boolean {
    const watched = this.#watched.get(channel) ?? this.#watch(channel, nowMs);
    if (nowMs - watched.sinceMs > WINDOW_MS) {
      watched.sinceMs = nowMs;
      watched.publishes = 0;
    }
    watched.publishes += 1;
    watched.recent += 1;
    if (watched.line?.isOpen === true) return true;
    return watched.publishes >= BUSY_PUBLISHES && (this.#lines < MAX_LINES || watched.line !== undefined);
  }

  /** The line to a channel, where one is open. */
  find(channel: ChannelName): AppendLine | undefined {
    const line = this.#watched.get(channel)?.line;
    return line?.isOpen === true ? line : undefined;
  }

  /** Opens a line to a busy channel that has none; undefined where that cannot be. */
  async open(channel: ChannelName): Promise<AppendLine | undefined> {
    const watched = this.#watched.get(channel);
    if (watched === undefined) return undefined;
    this.#forget(watched);
    try {
      const line = await this.#openLine(channel);
      watched.line = line;
      this.#lines += 1;
      this.#timer ??= setTimeout(() => this.#check(), CHECK_MS);
      return line;
    } catch (thrown) {
      // The session publishes it, and tells the client if that cannot be either.
      console.warn(`No line could be opened to ${channel}.`, thrown);
      watched.publishes = 0;
      return undefined;
    }
  }

  close(): void {
    clearTimeout(this.#timer);
    for (const watched of this.#watched.values()) this.#forget(watched);
    this.#watched.clear();
  }

  #watch(channel: ChannelName, nowMs: number): Watched {
    if (this.#watched.size >= MAX_WATCHED) {
      for (const [name, { line }] of this.#watched) {
        if (line !== undefined) continue;
        this.#watched.delete(name);
        break;
      }
    }
    const watched: Watched = { sinceMs: nowMs, publishes: 0, recent: 0, line: undefined };
    this.#watched.set(channel, watched);
    return watched;
  }

  #check(): void {
    for (const watched of this.#watched.values()) {
      if (watched.recent < BUSY_PUBLISHES) this.#forget(watched);
      watched.recent = 0;
    }
    this.#timer = this.#lines === 0 ? undefined : setTimeout(() => this.#check(), CHECK_MS);
  }

  #forget(watched: Watched): void {
    if (watched.line === undefined) return;
    watched.line.close();
    watched.line = undefined;
    this.#lines -= 1;
  }
}
