import type { Delivery, SessionState, Subscription } from "./mqtt-session-state.ts";

/** `queued`: has no packet identifier yet. `sent`: waits for PUBACK or PUBREC. `released`: waits for PUBCOMP. */
export type OutboundPhase = "queued" | "sent" | "released";

export interface Outbound {
  readonly id: number;
  readonly packetId: number | undefined;
  readonly qos: 1 | 2;
  readonly phase: OutboundPhase;
  readonly delivery: Delivery;
}

/** A QoS 2 message that came in: whose event has which id, and what the log said of it. */
export interface Inbound {
  readonly eventId: string;
  readonly sequence: string | undefined;
}

const TABLES = [
  "CREATE TABLE IF NOT EXISTS subscriptions (text TEXT PRIMARY KEY, json TEXT NOT NULL) WITHOUT ROWID",
  "CREATE TABLE IF NOT EXISTS outbound (id INTEGER PRIMARY KEY AUTOINCREMENT, packet_id INTEGER UNIQUE, qos INTEGER NOT NULL, phase TEXT NOT NULL, json TEXT NOT NULL)",
  "CREATE TABLE IF NOT EXISTS inbound (packet_id INTEGER PRIMARY KEY, event_id TEXT NOT NULL, sequence TEXT)",
  // Aliases are of a connection; they are here because the object may sleep while the connection stays.
  "CREATE TABLE IF NOT EXISTS aliases_in (alias INTEGER PRIMARY KEY, topic TEXT NOT NULL)",
  "CREATE TABLE IF NOT EXISTS aliases_out (topic TEXT PRIMARY KEY, alias INTEGER NOT NULL) WITHOUT ROWID",
] as const;

/** An MQTT session in SQLite, with what is looked at for every message also in memory. */
export class SessionStore {
  readonly #storage: DurableObjectStorage;
  readonly #sql: SqlStorage;
  #state: SessionState | undefined;
  #subscriptions = new Map<string, Subscription>();
  #usedIds = new Set<number>();
  #inboundIds = new Set<number>();
  #aliasesOut = new Map<string, number>();
  #queued = 0;
  #lastId = 0;

  constructor(storage: DurableObjectStorage) {
    this.#storage = storage;
    this.#sql = storage.sql;
    this.#state = storage.kv.get<SessionState>("session");
    if (this.#state !== undefined) this.#load();
  }

  get state(): SessionState | undefined {
    return this.#state;
  }

  /** Begins a session, in place of any that there was. */
  begin(state: SessionState): void {
    for (const statement of TABLES) this.#sql.exec(statement);
    for (const table of ["subscriptions", "outbound", "inbound"]) this.#sql.exec(`DELETE FROM ${table}`);
    this.clearAliases();
    this.save(state);
    this.#load();
  }

  save(state: SessionState): void {
    this.#state = state;
    this.#storage.kv.put("session", state);
  }

  /** Nothing is left afterwards. */
  async end(): Promise<void> {
    this.#state = undefined;
    this.#subscriptions.clear();
    this.#usedIds.clear();
    this.#inboundIds.clear();
    this.#queued = 0;
    await this.#storage.deleteAlarm();
    await this.#storage.deleteAll();
  }

  get subscriptions(): ReadonlyMap<string, Subscription> {
    return this.#subscriptions;
  }

  putSubscription(subscription: Subscription): void {
    this.#sql.exec(
      "INSERT OR REPLACE INTO subscriptions VALUES (?, ?)",
      subscription.text,
      JSON.stringify(subscription),
    );
    this.#subscriptions.set(subscription.text, subscription);
  }

  removeSubscription(text: string): Subscription | undefined {
    const known = this.#subscriptions.get(text);
    if (known === undefined) return undefined;
    this.#sql.exec("DELETE FROM subscriptions WHERE text = ?", text);
    this.#subscriptions.delete(text);
    return known;
  }

  /** Messages that have a packet identifier. */
  get inFlight(): number {
    return this.#usedIds.size;
  }

  get queued(): number {
    return this.#queued;
  }

  /** Keeps a message until it is acknowledged. @param isSent whether it is sent now, and so gets a packet identifier */
  addOutbound(delivery: Delivery, qos: 1 | 2, isSent: boolean): number | undefined {
    const packetId = isSent ? this.#nextId() : undefined;
    this.#sql.exec(
      "INSERT INTO outbound (packet_id, qos, phase, json) VALUES (?, ?, ?, ?)",
      packetId ?? null,
      qos,
      isSent ? "sent" : "queued",
      JSON.stringify(delivery),
    );
    if (packetId === undefined) this.#queued += 1;
    else this.#usedIds.add(packetId);
    return packetId;
  }

  /** Gives the first of the queue a packet identifier. */
  sendQueued(): (Outbound & { readonly packetId: number }) | undefined {
    const [row] = this.#rows("WHERE phase = 'queued' ORDER BY id LIMIT 1");
    if (row === undefined) return undefined;
    const packetId = this.#nextId();
    this.#sql.exec("UPDATE outbound SET packet_id = ?, phase = 'sent' WHERE id = ?", packetId, row.id);
    this.#usedIds.add(packetId);
    this.#queued -= 1;
    return { ...row, packetId, phase: "sent" };
  }

  findOutbound(packetId: number): Outbound | undefined {
    if (!this.#usedIds.has(packetId)) return undefined;
    return this.#rows("WHERE packet_id = ?", packetId)[0];
  }

  /** Everything that is on its way or waits, in the order in which it was sent. */
  listOutbound(): readonly Outbound[] {
    return this.#rows("ORDER BY id");
  }

  /** The message has arrived; only its identifier has still to be let go. */
  release(packetId: number): void {
    this.#sql.exec("UPDATE outbound SET phase = 'released' WHERE packet_id = ?", packetId);
  }

  removeOutbound(packetId: number): void {
    this.#sql.exec("DELETE FROM outbound WHERE packet_id = ?", packetId);
    this.#usedIds.delete(packetId);
  }

  /** QoS 2 messages that came in and were not released yet. */
  get inboundCount(): number {
    return this.#inboundIds.size;
  }

  findInbound(packetId: number): Inbound | undefined {
    if (!this.#inboundIds.has(packetId)) return undefined;
    const [row] = this.#sql
      .exec<{ event_id: string; sequence: string | null }>(
        "SELECT event_id, sequence FROM inbound WHERE packet_id = ?",
        packetId,
      )
      .toArray();
    return row && { eventId: row.event_id, sequence: row.sequence ?? undefined };
  }

  putInbound(packetId: number, { eventId, sequence }: Inbound): void {
    this.#sql.exec("INSERT OR REPLACE INTO inbound VALUES (?, ?, ?)", packetId, eventId, sequence ?? null);
    this.#inboundIds.add(packetId);
  }

  removeInbound(packetId: number): boolean {
    if (!this.#inboundIds.delete(packetId)) return false;
    this.#sql.exec("DELETE FROM inbound WHERE packet_id = ?", packetId);
    return true;
  }

  clearAliases(): void {
    this.#sql.exec("DELETE FROM aliases_in");
    this.#sql.exec("DELETE FROM aliases_out");
    this.#aliasesOut.clear();
  }

  aliasedTopic(alias: number): string | undefined {
    const query = "SELECT topic FROM aliases_in WHERE alias = ?";
    return this.#sql.exec<{ topic: string }>(query, alias).toArray()[0]?.topic;
  }

  putAliasedTopic(alias: number, topic: string): void {
    this.#sql.exec("INSERT OR REPLACE INTO aliases_in VALUES (?, ?)", alias, topic);
  }

  /** The alias of a topic, and whether the client knows it; undefined where all are given to other topics. */
  aliasFor(topic: string, maximum: number): { readonly alias: number; readonly isNew: boolean } | undefined {
    const known = this.#aliasesOut.get(topic);
    if (known !== undefined) return { alias: known, isNew: false };
    const alias = this.#aliasesOut.size + 1;
    if (alias > maximum) return undefined;
    this.#sql.exec("INSERT INTO aliases_out VALUES (?, ?)", topic, alias);
    this.#aliasesOut.set(topic, alias);
    return { alias, isNew: true };
  }

  #nextId(): number {
    do {
      this.#lastId = (this.#lastId % 65_535) + 1;
    } while (this.#usedIds.has(this.#lastId));
    return this.#lastId;
  }

  #rows(where: string, ...values: readonly SqlStorageValue[]): Outbound[] {
    return this.#sql
      .exec<{ id: number; packet_id: number | null; qos: 1 | 2; phase: OutboundPhase; json: string }>(
        `SELECT id, packet_id, qos, phase, json FROM outbound ${where}`,
        ...values,
      )
      .toArray()
      .map(({ id, packet_id, qos, phase, json }) => ({
        id,
        packetId: packet_id ?? undefined,
        qos,
        phase,
        delivery: JSON.parse(json) as Delivery,
      }));
  }

  #load(): void {
    const all = <Row extends Record<string, SqlStorageValue>>(query: string) =>
      this.#sql.exec<Row>(query).toArray();
    this.#subscriptions = new Map(
      all<{ text: string; json: string }>("SELECT text, json FROM subscriptions").map(({ text, json }) => [
        text,
        JSON.parse(json) as Subscription,
      ]),
    );
    const ids = all<{ packet_id: number | null }>("SELECT packet_id FROM outbound ORDER BY id");
    this.#usedIds = new Set(ids.flatMap(({ packet_id }) => (packet_id === null ? [] : [packet_id])));
    this.#queued = ids.length - this.#usedIds.size;
    this.#lastId = [...this.#usedIds].at(-1) ?? 0;
    this.#inboundIds = new Set(
      all<{ packet_id: number }>("SELECT packet_id FROM inbound").map(({ packet_id }) => packet_id),
    );
    this.#aliasesOut = new Map(
      all<{ topic: string; alias: number }>("SELECT topic, alias FROM aliases_out").map(
        ({ topic, alias }) => [topic, alias],
      ),
    );
  }
}
