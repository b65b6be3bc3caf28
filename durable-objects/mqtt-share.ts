import { DurableObject } from "cloudflare:workers";
import type { ChannelGlob } from "../core/channel-name.ts";
import { matchesGlob } from "../core/channel-name.ts";
import type { StoredEvent } from "../core/ports.ts";
import { unwrap } from "../core/result.ts";
import type { Channel } from "./channel.ts";
import { ChannelFollower } from "./channel-follower.ts";
import type { Directory } from "./directory.ts";
import type { ChannelNews } from "./subscriber.ts";

/** An event that one member of a group is to have. */
export interface SharedEvent {
  readonly channel: string;
  readonly json: string;
}

/** A session, as the groups see it that it is a member of. */
export interface ShareMember extends Rpc.DurableObjectBranded {
  /**
   * Takes events of one channel as its own, from the first on, and durably. Gives how many: none where there is no room,
   * or no connection; {@link MAY_NOT_READ} where they are not for its client.
   */
  offer(text: string, events: readonly SharedEvent[]): Promise<number>;
}

export const MAY_NOT_READ = -1;

export interface MqttShareEnv {
  readonly CHANNEL: DurableObjectNamespace<Channel>;
  readonly DIRECTORY: DurableObjectNamespace<Directory>;
  readonly MQTT_SESSION: DurableObjectNamespace<ShareMember>;
}

/** Events that one member gets in a row. Few, so that the work is spread; more than one, so that it is not slow. */
const OFFERED_AT_ONCE = 10;
const RETRY_MS = 2000;

/**
 * A group of sessions that share a subscription (MQTT 5 §4.8.2), named by the subscription. It follows the channels as
 * one durable subscriber, and each event goes to one member that is connected; while none is, its place in the log stays.
 */
export class MqttShare extends DurableObject<MqttShareEnv> {
  readonly #sql: SqlStorage;
  readonly #follower: ChannelFollower;
  #glob: ChannelGlob | undefined;
  #members: string[] = [];
  /** Members that took nothing when they were last asked; they say when they can again. */
  readonly #full = new Set<string>();
  #turn = 0;

  constructor(context: DurableObjectState, env: MqttShareEnv) {
    super(context, env);
    this.#sql = context.storage.sql;
    this.#follower = new ChannelFollower(this.#sql, {
      isReading: () => this.#members.some((member) => !this.#full.has(member)),
      isLasting: () => true,
      isWanted: (channel) => this.#glob !== undefined && matchesGlob(channel, this.#glob),
      take: (channel, events) => this.#take(channel, events),
      read: async (channel, after, limit) =>
        unwrap(await env.CHANNEL.getByName(channel).read({ after, limit })),
      onFault: (thrown) => {
        console.warn(`${this.ctx.id.name} could not hand on events; it will.`, thrown);
        void this.ctx.storage.setAlarm(Date.now() + RETRY_MS);
      },
    });
    this.#glob = context.storage.kv.get<ChannelGlob>("glob");
    if (this.#glob !== undefined) this.#load();
  }

  get #name(): string {
    return this.ctx.id.name ?? "";
  }

  /** Adds a member. When it resolves, the group follows. @param text the subscription, which is the group's name */
  async join(member: string, glob: string): Promise<void> {
    if (this.#glob === undefined) {
      for (const statement of [
        "CREATE TABLE IF NOT EXISTS members (name TEXT PRIMARY KEY) WITHOUT ROWID",
        // What a member had and did not acknowledge before it left.
        "CREATE TABLE IF NOT EXISTS returned (id INTEGER PRIMARY KEY AUTOINCREMENT, channel TEXT NOT NULL, json TEXT NOT NULL)",
      ]) {
        this.#sql.exec(statement);
      }
      this.#follower.begin();
      this.#glob = glob as ChannelGlob;
      this.ctx.storage.kv.put("glob", this.#glob);
    }
    this.#sql.exec("INSERT OR IGNORE INTO members VALUES (?)", member);
    this.#load();
    this.#full.delete(member);
    await this.env.DIRECTORY.getByName("main").subscribe({ kind: "mqtt-share", id: this.#name }, [glob]);
    await this.#run();
  }

  /** Removes a member; what it had not acknowledged goes to another. The group ends with its last member. */
  async leave(member: string, unacknowledged: readonly SharedEvent[]): Promise<void> {
    if (this.#glob === undefined) return;
    this.#sql.exec("DELETE FROM members WHERE name = ?", member);
    for (const { channel, json } of unacknowledged) {
      this.#sql.exec("INSERT INTO returned (channel, json) VALUES (?, ?)", channel, json);
    }
    this.#load();
    if (this.#members.length > 0) return this.#run();
    await this.env.DIRECTORY.getByName("main").forget({ kind: "mqtt-share", id: this.#name });
    // Somebody may have joined meanwhile.
    if (this.#members.length > 0) {
      const glob = this.#glob;
      await this.env.DIRECTORY.getByName("main").subscribe({ kind: "mqtt-share", id: this.#name }, [glob]);
      return;
    }
    this.#glob = undefined;
    this.#follower.clear();
    await this.ctx.storage.deleteAlarm();
    await this.ctx.storage.deleteAll();
  }

  /** A member is connected and has room. */
  async onReady(member: string): Promise<void> {
    if (this.#glob === undefined || !this.#members.includes(member)) return;
    this.#full.delete(member);
    await this.#run();
  }

  onNews(news: ChannelNews): void {
    if (this.#glob !== undefined) this.#follower.onNews(news);
  }

  override async alarm(): Promise<void> {
    if (this.#glob !== undefined) await this.#run();
  }

  async #run(): Promise<void> {
    if (await this.#handReturned()) await this.#follower.resume();
  }

  /** Hands on what members gave back; false where there was nobody to take all of it. */
  async #handReturned(): Promise<boolean> {
    for (;;) {
      const rows = this.#sql
        .exec<{ id: number; channel: string; json: string }>(
          "SELECT id, channel, json FROM returned ORDER BY id LIMIT ?",
          OFFERED_AT_ONCE,
        )
        .toArray();
      const [first] = rows;
      if (first === undefined) return true;
      // Those of one channel at a time: whether a member may have them is asked once.
      const offered = rows.slice(0, rows.findIndex(({ channel }) => channel !== first.channel) >>> 0);
      const taken = await this.#offer(offered.map(({ channel, json }) => ({ channel, json })));
      if (taken === 0) return false;
      this.#sql.exec("DELETE FROM returned WHERE id <= ?", rows[taken - 1]?.id ?? 0);
    }
  }

  async #take(channel: string, events: readonly StoredEvent[]): Promise<number> {
    let taken = 0;
    while (taken < events.length) {
      const next = events.slice(taken, taken + OFFERED_AT_ONCE).map(({ json }) => ({ channel, json }));
      const count = await this.#offer(next);
      if (count === 0) return taken;
      taken += count;
    }
    return taken;
  }

  /** Offers events to the members in turn, until one takes some. */
  async #offer(events: readonly SharedEvent[]): Promise<number> {
    let isForNobody = this.#members.length > 0;
    for (let tried = this.#members.length; tried > 0; tried -= 1) {
      this.#turn = (this.#turn + 1) % Math.max(1, this.#members.length);
      const member = this.#members[this.#turn];
      if (member === undefined) continue;
      if (this.#full.has(member)) {
        isForNobody = false;
        continue;
      }
      this.#full.add(member);
      const text = this.#name;
      const count = await this.env.MQTT_SESSION.getByName(member).offer(text, events);
      if (count !== 0) this.#full.delete(member);
      if (count > 0) return count;
      if (count === 0) isForNobody = false;
    }
    // What no member may read would hold up all that comes after it.
    return isForNobody ? events.length : 0;
  }

  #load(): void {
    this.#members = this.#sql
      .exec<{ name: string }>("SELECT name FROM members ORDER BY name")
      .toArray()
      .map(({ name }) => name);
  }
}
