import { randomBytes, randomUUID } from "node:crypto";
import { publish } from "../publish.ts";
import type { Target } from "../target.ts";
import type { RaceData, Starter } from "./lane.ts";

/** Publishes numbered events over HTTP, and knows when each was sent. */
export class Publisher implements Starter {
  readonly run = randomUUID().slice(0, 8);
  readonly channel: string;
  readonly #target: Target;
  readonly #signal: AbortSignal;
  readonly #paddingCharacters: number;
  readonly #sentAtMs = new Map<number, number>();
  #next = 0;

  /** @param dataBytes of each event's data, as JSON */
  constructor(target: Target, channel: string | undefined, dataBytes: number, signal: AbortSignal) {
    this.#target = target;
    this.#signal = signal;
    this.channel = channel ?? `demo/race-${this.run}`;
    const bare = JSON.stringify({ run: this.run, n: 100, padding: "" } satisfies RaceData).length;
    this.#paddingCharacters = Math.max(0, dataBytes - bare);
  }

  get published(): number {
    return this.#next;
  }

  /** Of an event's data, as JSON. */
  get dataBytes(): number {
    return JSON.stringify({ run: this.run, n: 100, padding: this.#pad() } satisfies RaceData).length;
  }

  sentAtMs(n: number): number | undefined {
    return this.#sentAtMs.get(n);
  }

  /** Gives the number of the event. @throws EverywireError */
  async send(): Promise<number> {
    const n = this.#next;
    this.#next += 1;
    const data: RaceData = { run: this.run, n, padding: this.#pad() };
    this.#sentAtMs.set(n, performance.now());
    await publish(this.#target, this.channel, [{ type: "race", data }], this.#signal);
    return n;
  }

  /** Text that does not compress: what does would flatter the wires that compress, where real data seldom repeats. */
  #pad(): string {
    return randomBytes(this.#paddingCharacters).toString("base64").slice(0, this.#paddingCharacters);
  }
}
