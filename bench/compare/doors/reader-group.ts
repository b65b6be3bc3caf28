import type { Latencies } from "../statistics.ts";
import { toLatencies } from "../statistics.ts";
import { doorOf } from "./doors.ts";
import type { Collected } from "./load-operations.ts";
import { elapsedMs, MarkScanner, nowUs } from "./mark.ts";
import type { Place, Traffic } from "./place.ts";
import type { Reader } from "./reader.ts";

const OPENED_AT_ONCE = 40;

interface Member {
  reader: Reader | undefined;
  received: number;
  readonly latenciesMs: number[];
}

/** Readers of a process, and what came to them. */
export class ReaderGroup {
  #members: Member[] = [];
  #received = 0;
  #ended: string[] = [];
  /** Called at each arrival, and where a reader ends. */
  onArrival: () => void = () => undefined;

  get size(): number {
    return this.#members.length;
  }

  /** Whether somebody ended who should not have: nothing more will come to them. */
  get hasEnded(): boolean {
    return this.#ended.length > 0;
  }

  get received(): number {
    return this.#received;
  }

  get traffic(): Traffic {
    const all = this.#members.flatMap(({ reader }) => (reader === undefined ? [] : [reader.traffic]));
    return {
      sentBytes: all.reduce((sum, { sentBytes }) => sum + sentBytes, 0),
      receivedBytes: all.reduce((sum, { receivedBytes }) => sum + receivedBytes, 0),
    };
  }

  /** Opens readers beside those that are open. @throws Error where one cannot be opened */
  async open(
    place: Place,
    wanted: readonly { readonly door: string; readonly channel: string }[],
    after: string,
  ): Promise<void> {
    for (let start = 0; start < wanted.length; start += OPENED_AT_ONCE) {
      const some = wanted.slice(start, start + OPENED_AT_ONCE);
      await Promise.all(some.map(({ door, channel }) => this.#openOne(place, door, channel, after)));
    }
  }

  /** Says what came, and counts anew. */
  take(cpuMs: number): Collected {
    const all: number[] = [];
    const readers: { received: number; latencies: Latencies | undefined }[] = [];
    const meanMs: (number | undefined)[] = [];
    for (const member of this.#members) {
      const { latenciesMs, received } = member;
      readers.push({ received, latencies: toLatencies(latenciesMs) });
      const sum = latenciesMs.reduce((before, ms) => before + ms, 0);
      meanMs.push(latenciesMs.length === 0 ? undefined : sum / latenciesMs.length);
      for (const ms of latenciesMs) all.push(ms);
    }
    const collected = {
      received: this.#received,
      readers,
      latencies: toLatencies(all),
      meanMs,
      cpuMs,
      ended: this.#ended,
    };
    this.reset();
    return collected;
  }

  reset(): void {
    this.#received = 0;
    this.#ended = [];
    for (const member of this.#members) {
      member.received = 0;
      member.latenciesMs.length = 0;
    }
  }

  /** Lets all of them leave. */
  async close(): Promise<void> {
    const members = this.#members;
    this.#members = [];
    this.reset();
    await Promise.all(members.map(({ reader }) => reader?.close()));
  }

  async #openOne(place: Place, name: string, channel: string, after: string): Promise<void> {
    const { read } = doorOf(name);
    if (read === undefined) throw new Error(`Nobody reads over ${name}.`);
    const member: Member = { reader: undefined, received: 0, latenciesMs: [] };
    this.#members.push(member);
    const scanner = new MarkScanner((sentAtUs) => {
      member.latenciesMs.push(elapsedMs(sentAtUs, nowUs()));
      member.received += 1;
      this.#received += 1;
      this.onArrival();
    });
    const request = {
      channel,
      after,
      onBytes: (chunk: Buffer) => scanner.push(chunk),
      onEnd: (why: string) => {
        this.#ended.push(why);
        this.onArrival();
      },
    };
    try {
      member.reader = await read(place, request);
    } catch (thrown) {
      this.#members = this.#members.filter((one) => one !== member);
      throw thrown;
    }
  }
}
