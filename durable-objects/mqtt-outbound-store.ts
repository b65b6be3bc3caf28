import type { Delivery, OutboundPhase } from "./mqtt-session-state.ts";
import type { OutboundRow, SessionTables } from "./mqtt-session-tables.ts";

/** A message that is on its way. */
interface InFlight {
  readonly qos: 1 | 2;
  phase: OutboundPhase;
  /** Only where it may have to be given to somebody else: nothing else is ever asked for it again. */
  readonly delivery: Delivery | undefined;
}

interface Queued {
  readonly qos: 1 | 2;
  readonly delivery: Delivery;
}

/** A message that is to be sent now. */
export interface Sent {
  readonly packetId: number;
  readonly qos: 1 | 2;
  readonly delivery: Delivery;
}

/** What may wait in memory. */
const MAX_QUEUED_CHARS = 4 * 1024 * 1024;

/**
 * The messages that a client has not acknowledged, and those that wait for room (MQTT 5 §4.9): what is looked at for every
 * message in memory, and the messages themselves in tables, where the session has some.
 */
export class OutboundStore {
  readonly #tables: () => SessionTables | undefined;
  readonly #inFlight = new Map<number, InFlight>();
  /** What waits, in memory; in the table it is only counted. */
  #queue: Queued[] = [];
  #queued = 0;
  #queuedChars = 0;
  #lastId = 0;

  /** @param tables where the session is in SQLite */
  constructor(tables: () => SessionTables | undefined) {
    this.#tables = tables;
  }

  /** Messages that have a packet identifier. */
  get inFlight(): number {
    return this.#inFlight.size;
  }

  get queued(): number {
    return this.#queued;
  }

  /** Whether more waits in memory than should. */
  get isTooLarge(): boolean {
    return this.#queuedChars > MAX_QUEUED_CHARS;
  }

  clear(): void {
    this.#inFlight.clear();
    this.#queue = [];
    this.#queued = 0;
    this.#queuedChars = 0;
  }

  /** Keeps a message until it is acknowledged. @param isSent whether it is sent now, and so gets a packet identifier */
  add(delivery: Delivery, qos: 1 | 2, isSent: boolean): number | undefined {
    const tables = this.#tables();
    const packetId = isSent ? this.#nextId() : undefined;
    if (packetId !== undefined) this.#noteSent(packetId, qos, delivery);
    else {
      this.#queued += 1;
      if (tables === undefined) {
        this.#queue.push({ qos, delivery });
        this.#queuedChars += delivery.json.length;
      }
    }
    tables?.addOutbound(packetId, qos, isSent ? "sent" : "queued", delivery);
    return packetId;
  }

  /** Gives the first of the queue a packet identifier. */
  sendQueued(): Sent | undefined {
    const tables = this.#tables();
    const row = tables?.firstQueued();
    const first = row ?? this.#queue.shift();
    if (first === undefined) return undefined;
    const { qos, delivery } = first;
    const packetId = this.#nextId();
    this.#noteSent(packetId, qos, delivery);
    this.#queued -= 1;
    if (row === undefined) this.#queuedChars -= delivery.json.length;
    else tables?.markSent(row.id, packetId);
    return { packetId, qos, delivery };
  }

  find(packetId: number): { readonly qos: 1 | 2; readonly phase: OutboundPhase } | undefined {
    return this.#inFlight.get(packetId);
  }

  /** Everything that is on its way or waits, in the order in which it was sent, as far as it may be asked for again. */
  list(): readonly Omit<OutboundRow, "id">[] {
    const tables = this.#tables();
    if (tables !== undefined) return tables.listOutbound();
    const sent = Array.from(this.#inFlight, ([packetId, { qos, phase, delivery }]) =>
      delivery === undefined ? [] : [{ packetId, qos, phase, delivery }],
    );
    const waiting = this.#queue.map((queued) => ({
      ...queued,
      packetId: undefined,
      phase: "queued" as const,
    }));
    return [...sent.flat(), ...waiting];
  }

  /** The message has arrived; only its identifier has still to be let go. */
  release(packetId: number): void {
    const sent = this.#inFlight.get(packetId);
    if (sent !== undefined) sent.phase = "released";
    this.#tables()?.markReleased(packetId);
  }

  remove(packetId: number): void {
    this.#inFlight.delete(packetId);
    this.#tables()?.removeOutbound(packetId);
  }

  /** Takes up what is in the tables. */
  load(tables: SessionTables): void {
    for (const { packet_id, qos, phase } of tables.listOutboundStates()) {
      if (packet_id === null) this.#queued += 1;
      else this.#inFlight.set(packet_id, { qos, phase, delivery: undefined });
    }
    this.#lastId = [...this.#inFlight.keys()].at(-1) ?? 0;
  }

  /** Writes what is in memory, for a session that is in the tables from now on. It still ends with its connection. */
  moveTo(tables: SessionTables): void {
    for (const [packetId, { qos, phase, delivery }] of this.#inFlight) {
      tables.addOutbound(packetId, qos, phase, delivery ?? NEVER_ASKED_FOR);
    }
    for (const { qos, delivery } of this.#queue) tables.addOutbound(undefined, qos, "queued", delivery);
    this.#queue = [];
    this.#queuedChars = 0;
  }

  #noteSent(packetId: number, qos: 1 | 2, delivery: Delivery): void {
    const isKept = this.#tables() === undefined && delivery.share !== undefined;
    this.#inFlight.set(packetId, { qos, phase: "sent", delivery: isKept ? delivery : undefined });
  }

  #nextId(): number {
    do {
      this.#lastId = (this.#lastId % 65_535) + 1;
    } while (this.#inFlight.has(this.#lastId));
    return this.#lastId;
  }
}

/** Stands for a message of a session that nobody will ever take up: only its identifier is still of use. */
const NEVER_ASKED_FOR: Delivery = {
  channel: "",
  topic: "",
  json: "{}",
  isRetained: false,
  identifiers: [],
  wantsSequence: false,
};
