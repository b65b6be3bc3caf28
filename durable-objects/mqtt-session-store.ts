import { createId } from "../core/ids.ts";
import { OutboundStore } from "./mqtt-outbound-store.ts";
import type { SessionState, Subscription } from "./mqtt-session-state.ts";
import { SessionTables } from "./mqtt-session-tables.ts";

/** What is kept beside the connection of a session that ends with it. */
interface Snapshot {
  readonly state: SessionState;
  readonly subscriptions: readonly Subscription[];
  readonly aliasesIn: readonly (readonly [number, string])[];
  readonly aliasesOut: readonly (readonly [string, number])[];
}

const LASTING_KEY = "session";
const WILL_KEY = "will";
/** The runtime takes 16 KiB beside a socket, and a character may take two bytes. */
const MAX_SNAPSHOT_CHARS = 7000;
/**
 * An MQTT session. One that outlives its connection is in SQLite ({@link SessionTables}), with what is looked at for
 * every message also in memory. One that ends with its connection is only in memory, and as a text beside the connection,
 * for when the object sleeps: most sessions are of that kind, and a file on disk for each would cost more than all the
 * rest of connecting. Of such a one only its will is written, since that has to outlive a crash.
 */
export class SessionStore {
  readonly #storage: DurableObjectStorage;
  readonly #tables: SessionTables;
  readonly #onMoved: () => void;
  #state: SessionState | undefined;
  #isInTables = false;
  #isWillKept = false;
  /** Whether the text beside the connection is out of date. */
  #hasChanged = false;
  readonly #subscriptions = new Map<string, Subscription>();
  /** What is on its way to the client, or waits. */
  readonly outbound: OutboundStore;
  readonly #releases = new Map<number, number>();
  /** QoS 2 messages that came in and were not released yet. In memory: it only holds a client to its limit. */
  readonly #unreleased = new Set<number>();
  readonly #aliasesIn = new Map<number, string>();
  readonly #aliasesOut = new Map<string, number>();
  /** What sets the messages of this waking apart from those before: counts in memory begin anew with each. */
  #era = "";

  /** @param onMoved called when a session that was in memory is in SQLite from now on */
  constructor(storage: DurableObjectStorage, onMoved: () => void) {
    this.#storage = storage;
    this.#onMoved = onMoved;
    this.#tables = new SessionTables(storage.sql);
    this.outbound = new OutboundStore(() => (this.#isInTables ? this.#tables : undefined));
    this.#state = storage.kv.get<SessionState>(LASTING_KEY);
    if (this.#state !== undefined) this.#load();
    else {
      this.#state = storage.kv.get<SessionState>(WILL_KEY);
      this.#isWillKept = this.#state !== undefined;
    }
  }

  get state(): SessionState | undefined {
    return this.#state;
  }

  /** Whether it is in SQLite, or else ends with its connection. */
  get isInTables(): boolean {
    return this.#isInTables;
  }

  /** Begins a session. There is none before. */
  begin(state: SessionState): void {
    this.#isInTables = state.expirySeconds > 0;
    if (this.#isInTables) this.#tables.begin();
    this.save(state);
  }

  /** Takes up a session that has slept. */
  restore(text: string): void {
    if (this.#isInTables) return;
    const { state, subscriptions, aliasesIn, aliasesOut } = JSON.parse(text) as Snapshot;
    this.#state = state;
    for (const subscription of subscriptions) this.#subscriptions.set(subscription.text, subscription);
    for (const [alias, topic] of aliasesIn) this.#aliasesIn.set(alias, topic);
    for (const [topic, alias] of aliasesOut) this.#aliasesOut.set(topic, alias);
  }

  save(state: SessionState): void {
    this.#state = state;
    this.#hasChanged = true;
    if (this.#isInTables) {
      this.#storage.kv.put(LASTING_KEY, state);
    } else if (state.will !== undefined || this.#isWillKept) {
      this.#isWillKept = true;
      this.#storage.kv.put(WILL_KEY, state);
    }
  }

  /**
   * What has to be kept beside the connection now; undefined where that has not changed, or the session is in SQLite,
   * where it is moved to if it is too large.
   */
  takeSnapshot(): string | undefined {
    if (!this.#hasChanged || this.#isInTables || this.#state === undefined) return undefined;
    this.#hasChanged = false;
    const snapshot: Snapshot = {
      state: this.#state,
      subscriptions: [...this.#subscriptions.values()],
      aliasesIn: [...this.#aliasesIn],
      aliasesOut: [...this.#aliasesOut],
    };
    const text = JSON.stringify(snapshot);
    if (text.length <= MAX_SNAPSHOT_CHARS) return text;
    this.#moveToTables();
    return undefined;
  }

  /** Nothing is left afterwards. */
  async end(): Promise<void> {
    const isStored = this.#isInTables || this.#isWillKept;
    this.#state = undefined;
    this.#isInTables = false;
    this.#isWillKept = false;
    this.#hasChanged = false;
    this.#era = "";
    for (const part of [this.#subscriptions, this.outbound, this.#releases, this.#unreleased]) part.clear();
    this.#aliasesIn.clear();
    this.#aliasesOut.clear();
    if (!isStored) return;
    await this.#storage.deleteAlarm();
    await this.#storage.deleteAll();
  }

  get subscriptions(): ReadonlyMap<string, Subscription> {
    return this.#subscriptions;
  }

  putSubscription(subscription: Subscription): void {
    this.#subscriptions.set(subscription.text, subscription);
    this.#hasChanged = true;
    if (this.#isInTables) this.#tables.putSubscription(subscription);
  }

  removeSubscription(text: string): Subscription | undefined {
    const known = this.#subscriptions.get(text);
    if (known === undefined) return undefined;
    this.#subscriptions.delete(text);
    this.#hasChanged = true;
    if (this.#isInTables) this.#tables.removeSubscription(text);
    return known;
  }

  /** Whether there is something in memory alone that must not be slept over. */
  get isBusy(): boolean {
    const { inFlight, queued } = this.outbound;
    return !this.#isInTables && inFlight + queued + this.#unreleased.size > 0;
  }

  /** Moves a session to SQLite that has become too large for memory. */
  settleSize(): void {
    if (!this.#isInTables && this.outbound.isTooLarge) this.#moveToTables();
  }

  get unreleased(): number {
    return this.#unreleased.size;
  }

  /**
   * What names a QoS 2 message among all of this session's: the same for a packet that is sent again, also after a crash
   * where the session outlives it, and another one once the identifier was released. So nothing has to be written before
   * the message is stored.
   */
  messageKey(packetId: number): string {
    this.#unreleased.add(packetId);
    if (!this.#isInTables && this.#era === "") this.#era = `${createId("mbr")}-`;
    return `${this.#era}${packetId}-${this.#releases.get(packetId) ?? 0}`;
  }

  /** The client is not owed an answer to a message any more, and it was not stored. */
  forgetMessage(packetId: number): void {
    this.#unreleased.delete(packetId);
  }

  /** The identifier is free for another message. */
  releaseMessage(packetId: number): void {
    const count = (this.#releases.get(packetId) ?? 0) + 1;
    if (this.#isInTables) this.#tables.putRelease(packetId, count);
    this.#releases.set(packetId, count);
    this.#unreleased.delete(packetId);
  }

  clearAliases(): void {
    this.#aliasesIn.clear();
    this.#aliasesOut.clear();
    this.#hasChanged = true;
    if (this.#isInTables) this.#tables.clearAliases();
  }

  aliasedTopic(alias: number): string | undefined {
    return this.#aliasesIn.get(alias);
  }

  putAliasedTopic(alias: number, topic: string): void {
    if (this.#aliasesIn.get(alias) === topic) return;
    this.#aliasesIn.set(alias, topic);
    this.#hasChanged = true;
    if (this.#isInTables) this.#tables.putAliasIn(alias, topic);
  }

  /** The alias of a topic, and whether the client knows it; undefined where all are given to other topics. */
  aliasFor(topic: string, maximum: number): { readonly alias: number; readonly isNew: boolean } | undefined {
    const known = this.#aliasesOut.get(topic);
    if (known !== undefined) return { alias: known, isNew: false };
    const alias = this.#aliasesOut.size + 1;
    if (alias > maximum) return undefined;
    this.#aliasesOut.set(topic, alias);
    this.#hasChanged = true;
    if (this.#isInTables) this.#tables.putAliasOut(topic, alias);
    return { alias, isNew: true };
  }

  /** For a session that has become too large for memory. It still ends with its connection. */
  #moveToTables(): void {
    const state = this.#state;
    if (state === undefined) return;
    const tables = this.#tables;
    tables.begin();
    this.#isInTables = true;
    this.save(state);
    for (const subscription of this.#subscriptions.values()) tables.putSubscription(subscription);
    this.outbound.moveTo(tables);
    for (const [packetId, count] of this.#releases) tables.putRelease(packetId, count);
    for (const [alias, topic] of this.#aliasesIn) tables.putAliasIn(alias, topic);
    for (const [topic, alias] of this.#aliasesOut) tables.putAliasOut(topic, alias);
    this.#onMoved();
  }

  #load(): void {
    this.#isInTables = true;
    const tables = this.#tables;
    for (const subscription of tables.listSubscriptions())
      this.#subscriptions.set(subscription.text, subscription);
    this.outbound.load(tables);
    for (const [packetId, count] of tables.listReleases()) this.#releases.set(packetId, count);
    const { into, out } = tables.listAliases();
    for (const { alias, topic } of into) this.#aliasesIn.set(alias, topic);
    for (const { alias, topic } of out) this.#aliasesOut.set(topic, alias);
  }
}
