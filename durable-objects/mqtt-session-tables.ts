import type { Delivery, OutboundPhase, Subscription } from "./mqtt-session-state.ts";

/** A message for the client as it is in the table: it has no packet identifier while it waits. */
export interface OutboundRow {
  readonly id: number;
  readonly packetId: number | undefined;
  readonly qos: 1 | 2;
  readonly phase: OutboundPhase;
  readonly delivery: Delivery;
}

const STATEMENTS = [
  "CREATE TABLE IF NOT EXISTS subscriptions (text TEXT PRIMARY KEY, json TEXT NOT NULL) WITHOUT ROWID",
  "CREATE TABLE IF NOT EXISTS outbound (id INTEGER PRIMARY KEY AUTOINCREMENT, packet_id INTEGER UNIQUE, qos INTEGER NOT NULL, phase TEXT NOT NULL, json TEXT NOT NULL)",
  // How often each packet identifier of a QoS 2 message was released: with that it names one message, and no other.
  "CREATE TABLE IF NOT EXISTS releases (packet_id INTEGER PRIMARY KEY, count INTEGER NOT NULL)",
  // Aliases are of a connection; they are here because the object may sleep while the connection stays.
  "CREATE TABLE IF NOT EXISTS aliases_in (alias INTEGER PRIMARY KEY, topic TEXT NOT NULL)",
  "CREATE TABLE IF NOT EXISTS aliases_out (topic TEXT PRIMARY KEY, alias INTEGER NOT NULL) WITHOUT ROWID",
] as const;
const OF_THE_SESSION = ["subscriptions", "outbound", "releases"] as const;

/** An MQTT session in SQLite: one that outlives its connection, or is too large to be kept beside it. */
export class SessionTables {
  readonly #sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
  }

  /** Makes the tables, empty. */
  begin(): void {
    for (const statement of STATEMENTS) this.#sql.exec(statement);
    for (const table of OF_THE_SESSION) this.#sql.exec(`DELETE FROM ${table}`);
    this.clearAliases();
  }

  putSubscription(subscription: Subscription): void {
    const { text } = subscription;
    this.#sql.exec("INSERT OR REPLACE INTO subscriptions VALUES (?, ?)", text, JSON.stringify(subscription));
  }

  removeSubscription(text: string): void {
    this.#sql.exec("DELETE FROM subscriptions WHERE text = ?", text);
  }

  listSubscriptions(): readonly Subscription[] {
    return this.#all<{ json: string }>("SELECT json FROM subscriptions").map(
      ({ json }) => JSON.parse(json) as Subscription,
    );
  }

  addOutbound(packetId: number | undefined, qos: 1 | 2, phase: OutboundPhase, delivery: Delivery): void {
    this.#sql.exec(
      "INSERT INTO outbound (packet_id, qos, phase, json) VALUES (?, ?, ?, ?)",
      packetId ?? null,
      qos,
      phase,
      JSON.stringify(delivery),
    );
  }

  firstQueued(): OutboundRow | undefined {
    return this.#rows("WHERE phase = 'queued' ORDER BY id LIMIT 1")[0];
  }

  markSent(id: number, packetId: number): void {
    this.#sql.exec("UPDATE outbound SET packet_id = ?, phase = 'sent' WHERE id = ?", packetId, id);
  }

  markReleased(packetId: number): void {
    this.#sql.exec("UPDATE outbound SET phase = 'released' WHERE packet_id = ?", packetId);
  }

  removeOutbound(packetId: number): void {
    this.#sql.exec("DELETE FROM outbound WHERE packet_id = ?", packetId);
  }

  /** Everything that is on its way or waits, in the order in which it was sent. */
  listOutbound(): readonly OutboundRow[] {
    return this.#rows("ORDER BY id");
  }

  /** The same without the messages themselves. */
  listOutboundStates() {
    return this.#all<{ packet_id: number | null; qos: 1 | 2; phase: OutboundPhase }>(
      "SELECT packet_id, qos, phase FROM outbound ORDER BY id",
    );
  }

  putRelease(packetId: number, count: number): void {
    this.#sql.exec("INSERT OR REPLACE INTO releases VALUES (?, ?)", packetId, count);
  }

  listReleases(): readonly (readonly [packetId: number, count: number])[] {
    return this.#all<{ packet_id: number; count: number }>("SELECT packet_id, count FROM releases").map(
      ({ packet_id, count }) => [packet_id, count] as const,
    );
  }

  clearAliases(): void {
    this.#sql.exec("DELETE FROM aliases_in");
    this.#sql.exec("DELETE FROM aliases_out");
  }

  putAliasIn(alias: number, topic: string): void {
    this.#sql.exec("INSERT OR REPLACE INTO aliases_in VALUES (?, ?)", alias, topic);
  }

  putAliasOut(topic: string, alias: number): void {
    this.#sql.exec("INSERT OR REPLACE INTO aliases_out VALUES (?, ?)", topic, alias);
  }

  listAliases() {
    const [into, out] = ["aliases_in", "aliases_out"].map((table) =>
      this.#all<{ alias: number; topic: string }>(`SELECT alias, topic FROM ${table}`),
    );
    return { into: into ?? [], out: out ?? [] };
  }

  #rows(where: string): OutboundRow[] {
    return this.#all<{
      id: number;
      packet_id: number | null;
      qos: 1 | 2;
      phase: OutboundPhase;
      json: string;
    }>(`SELECT id, packet_id, qos, phase, json FROM outbound ${where}`).map(
      ({ id, packet_id, qos, phase, json }) => ({
        id,
        packetId: packet_id ?? undefined,
        qos,
        phase,
        delivery: JSON.parse(json) as Delivery,
      }),
    );
  }

  #all<Row extends Record<string, SqlStorageValue>>(query: string): Row[] {
    return this.#sql.exec<Row>(query).toArray();
  }
}
