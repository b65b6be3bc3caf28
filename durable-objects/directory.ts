import { DurableObject } from "cloudflare:workers";
import type { ChannelGlob, ChannelName } from "../core/channel-name.ts";
import { globPrefix, matchesGlob } from "../core/channel-name.ts";
import type { ChannelListing, ListChannelsRequest } from "../core/ports.ts";
import { DirectoryFollowers } from "./directory-followers.ts";
import type { FollowedObject, Following, SubscriberKey } from "./subscriber.ts";

export interface DirectoryEnv {
  readonly CHANNEL: DurableObjectNamespace<FollowedObject>;
}

/** Names that a glob lookup looks at before it gives a page back. */
const SCAN_PAGE = 1000;
/** Sorts after every character that a channel name can have. */
const AFTER_ALL = "\u{10ffff}";

/** Channels that are told of a change at once. */
const TOLD_AT_ONCE = 50;
/** How long a change waits until the channels know of it. They are told in any case; this is for who made the change. */
const TELL_WAIT_MS = 5000;
const RETRY_MS = 2000;

/** Which channels exist, and who follows which of them: one object, told by each channel when it begins and ends. */
export class Directory extends DurableObject<DirectoryEnv> {
  readonly #sql: SqlStorage;
  readonly #followers: DirectoryFollowers;
  #telling: Promise<void> | undefined;
  /** Whether an alarm of this object's own is on its way. */
  #hasAlarm = false;
  /** Who follows nothing more, while channels have still to be told. */
  readonly #forgotten = new Set<string>();

  constructor(context: DurableObjectState, env: DirectoryEnv) {
    super(context, env);
    this.#sql = context.storage.sql;
    this.#followers = new DirectoryFollowers(context.storage);
    this.#sql.exec(
      "CREATE TABLE IF NOT EXISTS channels (name TEXT PRIMARY KEY, created_ms INTEGER NOT NULL) WITHOUT ROWID",
    );
  }

  /** Says that the directory can be asked. */
  ping(): boolean {
    return true;
  }

  /** Notes a channel that begins, and gives who follows it. */
  register(name: string, createdMs: number): Following {
    this.#sql.exec("INSERT OR IGNORE INTO channels (name, created_ms) VALUES (?, ?)", name, createdMs);
    return this.#followers.of(name);
  }

  remove(name: string): void {
    this.#sql.exec("DELETE FROM channels WHERE name = ?", name);
  }

  /**
   * Has a subscriber follow what the globs match, in place of what it followed before. When this resolves, the channels
   * that exist know of it, or (where they are many, or cannot be reached) it is noted that they have to be told; those
   * that begin later learn of it when they begin.
   */
  async subscribe(key: SubscriberKey, globs: readonly string[]): Promise<void> {
    // A channel that is told of the end and the new beginning at once would take the one for going on with the other.
    if (this.#forgotten.has(toText(key))) await this.#told();
    this.#replace(key, globs);
    await this.#told();
  }

  unsubscribe(key: SubscriberKey): Promise<void> {
    return this.subscribe(key, []);
  }

  /** Has a subscriber follow nothing more, without waiting until the channels know: for one that is gone. */
  forget(key: SubscriberKey): void {
    this.#replace(key, []);
    this.#forgotten.add(toText(key));
    void this.#told();
  }

  /** Notes what a subscriber follows, and who has to be told. */
  #replace(key: SubscriberKey, globs: readonly string[]): void {
    const now = globs as readonly ChannelGlob[];
    const before = this.#followers.replace(key, now);
    // Those in both change nothing.
    const changed = new Set([
      ...before.filter((glob) => !now.includes(glob)),
      ...now.filter((glob) => !before.includes(glob)),
    ]);
    // Read and noted in one go with the change: nothing is awaited before the write is whole.
    for (const glob of changed) {
      this.#followers.addUntold(this.match(glob, undefined, Number.MAX_SAFE_INTEGER));
    }
    if (this.#hasAlarm || this.#followers.untold(1).length === 0) return;
    // One that is set already comes soon enough.
    this.#hasAlarm = true;
    void this.ctx.storage.setAlarm(Date.now() + RETRY_MS);
  }

  /** Resolves when all channels know what they have to, or after {@link TELL_WAIT_MS}: they will. */
  async #told(): Promise<void> {
    if (this.#followers.untold(1).length === 0 && this.#telling === undefined) {
      this.#forgotten.clear();
      return;
    }
    const deadline = new Promise<void>((resolve) => setTimeout(resolve, TELL_WAIT_MS));
    await Promise.race([this.#tellChannels(), deadline]);
  }

  override async alarm(): Promise<void> {
    this.#hasAlarm = false;
    await this.#tellChannels();
    if (this.#followers.untold(1).length === 0) return;
    this.#hasAlarm = true;
    await this.ctx.storage.setAlarm(Date.now() + RETRY_MS);
  }

  /** One loop at a time; who comes while it runs waits for it, and it looks again before it ends. */
  #tellChannels(): Promise<void> {
    this.#telling ??= this.#tellUntold().finally(() => {
      this.#telling = undefined;
    });
    return this.#telling;
  }

  async #tellUntold(): Promise<void> {
    for (;;) {
      const channels = this.#followers.untold(TOLD_AT_ONCE);
      if (channels.length === 0) {
        this.#forgotten.clear();
        return;
      }
      const answers = await Promise.all(channels.map((channel) => this.#tellChannel(channel)));
      // The rest is for the alarm: whoever cannot be reached now will not be reached in this loop.
      if (answers.includes(false)) return;
    }
  }

  async #tellChannel(channel: string): Promise<boolean> {
    // Removed first: a change that comes while the channel is told puts it in again.
    this.#followers.removeUntold(channel);
    try {
      await this.env.CHANNEL.getByName(channel).setFollowing(this.#followers.of(channel));
      return true;
    } catch (cause) {
      this.#followers.addUntold([channel]);
      console.warn(`${channel} was not told who follows it; it will be.`, cause);
      return false;
    }
  }

  /** Names that start with a prefix, in order; the index gives them without reading any others. */
  list(request: ListChannelsRequest): ChannelListing[] {
    const { prefix, afterName, limit } = request;
    return this.#range(prefix, afterName, limit).map(({ name, created_ms }) => ({
      name: name as ChannelName,
      createdAt: new Date(created_ms).toISOString(),
    }));
  }

  /** Names that match a glob, in order, after `afterName`. */
  match(glob: ChannelGlob, afterName: string | undefined, limit: number): ChannelName[] {
    const prefix = globPrefix(glob);
    const names: ChannelName[] = [];
    let last = afterName;
    for (;;) {
      const rows = this.#range(prefix, last, SCAN_PAGE);
      for (const { name } of rows) {
        if (matchesGlob(name, glob)) names.push(name as ChannelName);
        if (names.length === limit) return names;
      }
      last = rows.at(-1)?.name;
      if (rows.length < SCAN_PAGE) return names;
    }
  }

  #range(prefix: string, afterName: string | undefined, limit: number) {
    return this.#sql
      .exec<{ name: string; created_ms: number }>(
        "SELECT name, created_ms FROM channels WHERE name >= ? AND name > ? AND name < ? ORDER BY name LIMIT ?",
        prefix,
        afterName ?? "",
        `${prefix}${AFTER_ALL}`,
        limit,
      )
      .toArray();
  }
}

function toText({ kind, id }: SubscriberKey): string {
  return `${kind} ${id}`;
}
