import type { StoredEvent } from "../core/ports.ts";
import type { FeedPlace, RelayItem } from "../wire/relay-text.ts";
import { encodeRelayItem, encodeRelayNews } from "../wire/relay-text.ts";
import type { MemberChange, RelayObject, RelayReport } from "./relay-object.ts";
import type { MoveMember } from "./relay-roll.ts";
import { RelayRoll } from "./relay-roll.ts";
import { RelayTable } from "./relay-table.ts";

/** What relays need of their channel. */
export interface RelayHost {
  readonly sql: SqlStorage;
  /** Where the readers of the channel stand now. */
  readonly place: FeedPlace;
  reach(relay: number): Pick<RelayObject, "deliver">;
  readonly moveMember: MoveMember;
  /** Tells of a member that came or left while it was not known who was there. */
  announceLate(change: MemberChange): void;
}

/** How many readers an object holds before the next one is asked. */
export interface RelaySizes {
  readonly relayAfter: number;
  readonly relaySockets: number;
}

/** What there is to tell one relay. */
interface Line {
  readonly relay: number;
  /** As it told last. */
  readers: number;
  version: number;
  born: number | undefined;
  readonly roll: RelayRoll;
  /** Whether it was told all up to {@link before}; where it was not, it reads that from the log. */
  isBehind: boolean;
  /** Where its readers stand before the first of {@link items}. */
  before: FeedPlace | undefined;
  items: string[];
  chars: number;
  isBusy: boolean;
  failures: number;
  /** Who waits until it was told what is here now, and what is under way. */
  waiting: Waiter[];
  underWay: Waiter[];
}

type Waiter = (isTold: boolean) => void;

/** What is gathered for a relay while a call is under way; beyond that it reads the log. */
const MAX_GATHERED_CHARS = 1024 * 1024;
/** How soon an alarm looks whether everybody was told: a crash in between is rare, and costs this long. */
const RESCUE_MS = 3000;
const MAX_RETRY_MS = 60_000;

/**
 * The relays that hold sockets of this channel. Each is told what happens in its order, one call at a time, and what
 * comes meanwhile goes with the next one; nobody waits for it who publishes. A call says where readers stood before it, so
 * that one which was lost is noticed by the relay, and filled from the log.
 */
export class ChannelRelays {
  readonly #host: RelayHost;
  readonly #sizes: RelaySizes;
  readonly #table: RelayTable;
  readonly #lines = new Map<number, Line>();
  /** How many readers were sent to each relay since it last told of its own. */
  readonly #sent = new Map<number, number>();
  /** Where readers stand who were sent all that was told; only where there are relays. */
  #place: FeedPlace | undefined;

  constructor(host: RelayHost, sizes: RelaySizes) {
    this.#host = host;
    this.#sizes = sizes;
    this.#table = new RelayTable(host.sql);
    // Whatever was under way when this object last ran may not have arrived.
    for (const relay of this.#table.list()) {
      this.#lines.set(relay, { ...this.#createLine(relay, false), isBehind: true });
    }
    if (this.#lines.size > 0) this.#place = host.place;
  }

  /** How many relays there are. */
  get size(): number {
    return this.#lines.size;
  }

  /** How many read through relays, as far as that is known. */
  get readers(): number {
    let readers = 0;
    for (const line of this.#lines.values()) readers += line.readers;
    return readers;
  }

  /** Which relay is to take the next reader; undefined where it stays with the channel, which has `held` of them. */
  choose(held: number): number | undefined {
    if (held < this.#sizes.relayAfter) return undefined;
    for (let relay = 1; ; relay += 1) {
      const sent = this.#sent.get(relay) ?? 0;
      if ((this.#lines.get(relay)?.readers ?? 0) + sent >= this.#sizes.relaySockets) continue;
      this.#sent.set(relay, sent + 1);
      return relay;
    }
  }

  /**
   * Takes a relay in that lets a reader in, which from now on is told what happens. Gives where the others stand; undefined
   * where it is full.
   */
  async join(relay: number, report: RelayReport): Promise<FeedPlace | undefined> {
    if (report.readers > this.#sizes.relaySockets) {
      // Without the one that it does not let in.
      await this.onReport(relay, { ...report, readers: this.#sizes.relaySockets, change: undefined });
      return undefined;
    }
    if (!this.#lines.has(relay)) {
      const line = this.#add(relay, true);
      if (report.readers > 1) line.roll.doubt();
    }
    const place = this.#host.place;
    this.#place = place;
    await this.onReport(relay, report);
    return place;
  }

  /** Takes over what a relay tells; one without readers is forgotten. */
  async onReport(relay: number, report: RelayReport): Promise<void> {
    let line = this.#lines.get(relay);
    if (line === undefined) {
      if (report.readers === 0) return;
      // It was forgotten too soon, and missed what came since.
      line = this.#add(relay, false);
      line.isBehind = true;
      this.#place = this.#host.place;
    }
    const { isKnown } = line.roll;
    this.#take(line, report);
    if (report.change === undefined || line.roll.isSure) return;
    if (this.#lines.has(relay)) await this.#ask(line);
    if (!isKnown) this.#host.announceLate(report.change);
  }

  /** Resolves when it is known who is on each relay, as far as they can be reached; undefined where it is known now. */
  sync(): Promise<void> | undefined {
    const unsure = [...this.#lines.values()].filter(({ roll }) => !roll.isSure);
    if (unsure.length === 0) return undefined;
    return Promise.all(unsure.map((line) => this.#ask(line))).then(() => undefined);
  }

  /** Asks a relay for its members. */
  #ask(line: Line): Promise<boolean> {
    const { promise, resolve } = Promise.withResolvers<boolean>();
    line.waiting.push(resolve);
    void this.#tell(line);
    return promise;
  }

  #take(line: Line, report: RelayReport): void {
    const { relay } = line;
    line.roll.take(report);
    // Clocks differ between machines, so versions count within a life of the relay's object.
    if (report.born === line.born && report.version <= line.version) return;
    line.version = report.version;
    line.born = report.born;
    line.readers = report.readers;
    this.#sent.delete(relay);
    if (report.readers > 0) return;
    line.roll.clear();
    this.#lines.delete(relay);
    this.#table.remove(relay);
    if (this.#lines.size === 0) this.#place = undefined;
    for (const wake of [...line.waiting, ...line.underWay]) wake(false);
  }

  /** Resolves when a relay was told all that happened until now; false where it could not be reached. */
  flush(relay: number): Promise<boolean> {
    const line = this.#lines.get(relay);
    if (line === undefined) return Promise.resolve(false);
    const isIdle = line.items.length === 0 && !line.isBehind;
    if (isIdle && !line.isBusy) return Promise.resolve(true);
    const { promise, resolve } = Promise.withResolvers<boolean>();
    (isIdle ? line.underWay : line.waiting).push(resolve);
    void this.#tell(line);
    return promise;
  }

  deliver(events: readonly StoredEvent[]): void {
    const last = events.at(-1);
    if (this.#place === undefined || last === undefined) return;
    const place = { ...this.#place, at: last.sequence };
    this.#push(
      events.map((event) => encodeRelayItem({ kind: "event", ...event })),
      place,
    );
  }

  /** Passes on an event that is not stored. @param except the connection that it came from, and that one's relay */
  broadcast(
    type: string,
    json: string,
    except?: { readonly relay: number; readonly connection: number },
  ): void {
    if (this.#place === undefined) return;
    const toAll = encodeRelayItem({ kind: "ephemeral", type, json, except: undefined });
    for (const line of this.#lines.values()) {
      const isSender = line.relay === except?.relay;
      const own: RelayItem = { kind: "ephemeral", type, json, except: except?.connection };
      this.#gather(line, [isSender ? encodeRelayItem(own) : toAll], this.#place);
    }
  }

  /** Ends everybody who reads the life that is over now. */
  end(): void {
    if (this.#place === undefined) return;
    const place = this.#host.place;
    this.#push([encodeRelayItem({ kind: "end", at: place.at })], place);
  }

  /** Ends whoever has read everything, since nothing more will come. */
  close(): void {
    if (this.#place === undefined) return;
    this.#push([encodeRelayItem({ kind: "close" })], { ...this.#place, isClosed: true });
  }

  /** Tells those again who could not be told. For the alarm. */
  settle(): void {
    for (const line of this.#lines.values()) if (line.isBehind) void this.#tell(line);
  }

  /** When the alarm has to look here; undefined where everybody was told everything. */
  dueMs(nowMs: number): number | undefined {
    let failures: number | undefined;
    for (const line of this.#lines.values()) {
      if (line.isBehind || line.isBusy) failures = Math.min(failures ?? 5, line.failures);
    }
    return failures === undefined ? undefined : nowMs + Math.min(MAX_RETRY_MS, RESCUE_MS * 2 ** failures);
  }

  #push(items: readonly string[], place: FeedPlace): void {
    const before = this.#place;
    this.#place = place;
    for (const line of this.#lines.values()) this.#gather(line, items, before);
  }

  #gather(line: Line, items: readonly string[], before: FeedPlace | undefined): void {
    if (line.items.length === 0) line.before = before;
    line.items.push(...items);
    for (const { length } of items) line.chars += length;
    if (line.chars > MAX_GATHERED_CHARS) {
      drop(line);
      line.isBehind = true;
    }
    void this.#tell(line);
  }

  /** Tells one relay what there is, and then what came meanwhile. It never rejects. */
  async #tell(line: Line): Promise<void> {
    if (line.isBusy) return;
    line.isBusy = true;
    try {
      while (line.items.length > 0 || line.isBehind || line.waiting.length > 0) {
        const before = line.before ?? this.#place ?? this.#host.place;
        const { items } = line;
        line.underWay = line.waiting;
        line.waiting = [];
        drop(line);
        line.isBehind = false;
        const report = await this.#host
          .reach(line.relay)
          .deliver(encodeRelayNews(before, items, !line.roll.isSure));
        line.failures = 0;
        this.#take(line, report);
        for (const wake of line.underWay) wake(true);
        line.underWay = [];
        if (this.#lines.get(line.relay) !== line) return;
      }
    } catch (thrown) {
      line.failures += 1;
      line.isBehind = true;
      line.roll.doubt();
      for (const wake of [...line.underWay, ...line.waiting]) wake(false);
      line.underWay = [];
      line.waiting = [];
      console.warn(`Relay ${line.relay} was not told; it will be.`, thrown);
    } finally {
      line.isBusy = false;
    }
  }

  #add(relay: number, isNew: boolean): Line {
    this.#table.add(relay);
    const line = this.#createLine(relay, isNew);
    this.#lines.set(relay, line);
    return line;
  }

  #createLine(relay: number, isNew: boolean): Line {
    return {
      relay,
      readers: 1,
      version: 0,
      born: undefined,
      roll: new RelayRoll(this.#host.moveMember, isNew),
      isBehind: false,
      before: undefined,
      items: [],
      chars: 0,
      isBusy: false,
      failures: 0,
      waiting: [],
      underWay: [],
    };
  }
}

function drop(line: Line): void {
  line.before = undefined;
  line.items = [];
  line.chars = 0;
}
