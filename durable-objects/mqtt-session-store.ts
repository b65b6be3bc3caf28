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

const TABLES = [
  "CREATE TABLE IF NOT EXISTS subscriptions (text TEXT PRIMARY KEY, json TEXT NOT NULL) WITHOUT ROWID",
  "CREATE TABLE IF NOT EXISTS outbound (id INTEGER PRIMARY KEY AUTOINCREMENT, packet_id INTEGER UNIQUE, qos INTEGER NOT NULL, phase TEXT NOT NULL, json TEXT NOT NULL)",
  // How often each packet identifier of a QoS 2 message was released: with that it names one message, and no other.
  "CREATE TABLE IF NOT EXISTS releases (packet_id INTEGER PRIMARY KEY, count INTEGER NOT NULL)",
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
  #releases = new Map<number, number>();
  /** QoS 2 messages that came in and were not released yet. In memory: it only holds a client to its limit. */
  readonly #unreleased = new Set<number>();
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
    for (const table of ["subscriptions", "outbound", "releases"]) this.#sql.exec(`DELETE FROM ${table}`);
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
    this.#releases.clear();
    this.#unreleased.clear();
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

  get unreleased(): number {
    return this.#unreleased.size;
  }

  /**
   * What names a QoS 2 message among all of this session's: the same for a packet that is sent again, also after a crash,
   * and another one once the identifier was released. So nothing has to be written before the message is stored.
   */
  messageKey(packetId: number): string {
    this.#unreleased.add(packetId);
    return `${packetId}-${this.#releases.get(packetId) ?? 0}`;
  }

  /** The client is not owed an answer to a message any more, and it was not stored. */
  forgetMessage(packetId: number): void {
    this.#unreleased.delete(packetId);
  }

  /** The identifier is free for another message. */
  releaseMessage(packetId: number): void {
    const count = (this.#releases.get(packetId) ?? 0) + 1;
    this.#sql.exec("INSERT OR REPLACE INTO releases VALUES (?, ?)", packetId, count);
    this.#releases.set(packetId, count);
    this.#unreleased.delete(packetId);
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
    this.#releases = new Map(
      all<{ packet_id: number; count: number }>("SELECT packet_id, count FROM releases").map(
        ({ packet_id, count }) => [packet_id, count],
      ),
    );
    this.#aliasesOut = new Map(
      all<{ topic: string; alias: number }>("SELECT topic, alias FROM aliases_out").map(
        ({ topic, alias }) => [topic, alias],
      ),
    );
  }
}
