/**
 * What was published, and when: by number, since each event of a race carries one. Times are those of this page's own
 * clock, which stamps arrivals too, so no two clocks are compared.
 */
export class Publications {
  #sentAtMs = new Float64Array(1024);
  /** By number; undefined while the log has not answered. */
  readonly #sequences: (string | undefined)[] = [];
  #count = 0;
  #acked = 0;

  /** How many were sent. */
  get count(): number {
    return this.#count;
  }

  /** How many the log has answered for. */
  get acked(): number {
    return this.#acked;
  }

  /** Notes one that is being sent, and gives its number. */
  send(nowMs: number): number {
    if (this.#count === this.#sentAtMs.length) {
      const grown = new Float64Array(this.#count * 2);
      grown.set(this.#sentAtMs);
      this.#sentAtMs = grown;
    }
    this.#sentAtMs[this.#count] = nowMs;
    this.#sequences.push(undefined);
    this.#count += 1;
    return this.#count - 1;
  }

  /** Notes where it stands in the log. */
  ack(number: number, sequence: string): void {
    if (this.#sequences[number] !== undefined) return;
    this.#sequences[number] = sequence;
    this.#acked += 1;
  }

  sentAtMs(number: number): number | undefined {
    return number < this.#count ? this.#sentAtMs[number] : undefined;
  }

  /** Undefined for one that the log has not answered for. */
  sequence(number: number): string | undefined {
    return this.#sequences[number];
  }
}

/**
 * What one lane has received, checked against what was published. Order in a channel is the order of `sequence`, so what
 * stands before the lane's cursor and was not received is lost for good: nothing before the cursor comes any more.
 */
export class Ledger {
  readonly #publications: Publications;
  #received = new Uint8Array(1024);
  /** The last `sequence` received: where to go on. */
  cursor: string;
  /** Different events received. */
  distinct = 0;
  repeated = 0;
  outOfOrder = 0;
  lost = 0;
  /** Everything below has been checked. */
  #checked = 0;

  constructor(publications: Publications, cursor: string) {
    this.#publications = publications;
    this.cursor = cursor;
  }

  /** Takes one event. Gives whether it is the first time. */
  take(number: number, sequence: string): boolean {
    if (number >= this.#received.length) {
      const grown = new Uint8Array(Math.max(number + 1, this.#received.length * 2));
      grown.set(this.#received);
      this.#received = grown;
    }
    const isFirst = this.#received[number] === 0;
    this.#received[number] = 1;
    if (isFirst) this.distinct += 1;
    else this.repeated += 1;
    if (sequence > this.cursor) this.cursor = sequence;
    else if (isFirst) this.outOfOrder += 1;
    return isFirst;
  }

  /** Looks at what the log has answered for since the last time. */
  check(): void {
    for (; this.#checked < this.#publications.count; this.#checked += 1) {
      const sequence = this.#publications.sequence(this.#checked);
      if (sequence === undefined || sequence > this.cursor) return;
      if (this.#received[this.#checked] !== 1) this.lost += 1;
    }
  }

  /** Of what the log has answered for, how much has not come yet. */
  get behind(): number {
    return Math.max(0, this.#publications.acked - this.distinct - this.lost);
  }
}
