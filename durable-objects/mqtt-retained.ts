import { DurableObject } from "cloudflare:workers";
import type { ChannelGlob } from "../core/channel-name.ts";
import { globPrefix, matchesGlob } from "../core/channel-name.ts";
import type { CloudEvent } from "../core/event.ts";
import { matchesTopicFilter } from "../core/mqtt-topic.ts";
import { toDeliveryFacts } from "./mqtt-event.ts";

/** The message that a topic keeps for who subscribes later. */
export interface RetainedMessage {
  readonly channel: string;
  readonly topic: string;
  /** Its place in the channel's log: of two, the later one is kept. */
  readonly sequence: string;
  /** The event; undefined where the topic keeps none any more. */
  readonly json: string | undefined;
}

export interface RetainedQuery {
  readonly filter: string;
  readonly glob: string;
  /** Channels after this one. */
  readonly afterChannel: string;
}

export interface RetainedPage {
  readonly messages: readonly (RetainedMessage & { readonly json: string })[];
  /** Where to go on; undefined where that was all. */
  readonly next: string | undefined;
}

const AFTER_ALL = "\u{10ffff}";
const SCAN_PAGE = 500;
/** What crosses to a session at once. */
const MAX_PAGE_CHARS = 512 * 1024;
/** How long it is remembered that a topic keeps nothing: until no late write of an older message can come. */
const CLEARED_MS = 3_600_000;

/** The retained messages of all topics, and the topics of channels whose names do not give them back. */
export class MqttRetained extends DurableObject {
  readonly #sql: SqlStorage;

  constructor(context: DurableObjectState, env: unknown) {
    super(context, env as never);
    this.#sql = context.storage.sql;
    for (const statement of [
      "CREATE TABLE IF NOT EXISTS retained (channel TEXT PRIMARY KEY, topic TEXT NOT NULL, sequence TEXT NOT NULL, json TEXT, cleared_ms INTEGER) WITHOUT ROWID",
      "CREATE INDEX IF NOT EXISTS retained_cleared ON retained (cleared_ms) WHERE cleared_ms IS NOT NULL",
      "CREATE TABLE IF NOT EXISTS topics (channel TEXT PRIMARY KEY, topic TEXT NOT NULL) WITHOUT ROWID",
    ]) {
      this.#sql.exec(statement);
    }
  }

  /** Keeps messages, each in place of an older one of its topic. */
  keep(messages: readonly RetainedMessage[]): void {
    const nowMs = Date.now();
    for (const { channel, topic, sequence, json } of messages) {
      this.#sql.exec(
        `INSERT INTO retained VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT (channel) DO UPDATE SET topic = ?2, sequence = ?3, json = ?4, cleared_ms = ?5
         WHERE excluded.sequence > retained.sequence`,
        channel,
        topic,
        sequence,
        json ?? null,
        json === undefined ? nowMs : null,
      );
    }
    this.#sql.exec("DELETE FROM retained WHERE cleared_ms < ?", nowMs - CLEARED_MS);
  }

  /** A page of what the topics that a filter matches keep. */
  find({ filter, glob, afterChannel }: RetainedQuery): RetainedPage {
    const prefix = globPrefix(glob as ChannelGlob);
    const nowMs = Date.now();
    const messages: (RetainedMessage & { readonly json: string })[] = [];
    let length = 0;
    let count = 0;
    for (const row of this.#sql.exec<{ channel: string; topic: string; sequence: string; json: string }>(
      "SELECT channel, topic, sequence, json FROM retained WHERE channel >= ? AND channel > ? AND channel < ? AND json IS NOT NULL ORDER BY channel LIMIT ?",
      prefix,
      afterChannel,
      `${prefix}${AFTER_ALL}`,
      SCAN_PAGE,
    )) {
      count += 1;
      if (matchesGlob(row.channel, glob as ChannelGlob) && matchesTopicFilter(row.topic, filter)) {
        const { expiresMs } = toDeliveryFacts(JSON.parse(row.json) as CloudEvent);
        if (expiresMs === undefined || expiresMs > nowMs) messages.push(row);
        length += row.json.length;
      }
      if (length > MAX_PAGE_CHARS || count === SCAN_PAGE) return { messages, next: row.channel };
    }
    return { messages, next: undefined };
  }

  /** How many topics keep a message. */
  count(): number {
    return this.#sql.exec<{ n: number }>("SELECT COUNT(*) AS n FROM retained WHERE json IS NOT NULL").one().n;
  }

  /** Notes the topic of a channel whose name does not give it back. */
  noteTopic(channel: string, topic: string): void {
    this.#sql.exec("INSERT OR IGNORE INTO topics VALUES (?, ?)", channel, topic);
  }

  findTopic(channel: string): string | undefined {
    const query = "SELECT topic FROM topics WHERE channel = ?";
    return this.#sql.exec<{ topic: string }>(query, channel).toArray()[0]?.topic;
  }
}
