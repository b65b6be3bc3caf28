import type { Member } from "../core/ports.ts";

/** Who is connected: a member is there from its first connection to its last. */
export class PresenceRoll {
  readonly #members = new Map<string, { name: string; connections: number }>();

  /** True where this is the member's first connection. */
  join(id: string, name: string): boolean {
    return this.move(id, name, 1) === "came";
  }

  /** True where this was the member's last connection. */
  leave(id: string): boolean {
    return this.move(id, "", -1) === "left";
  }

  /** Adds connections of a member, or takes some away; says whether it came or left by that. */
  move(id: string, name: string, change: number): "came" | "left" | undefined {
    const known = this.#members.get(id);
    if (known === undefined) {
      if (change <= 0) return undefined;
      this.#members.set(id, { name, connections: change });
      return "came";
    }
    known.connections += change;
    if (known.connections > 0) return undefined;
    this.#members.delete(id);
    return "left";
  }

  /** How many connections a member has. */
  count(id: string): number {
    return this.#members.get(id)?.connections ?? 0;
  }

  get size(): number {
    return this.#members.size;
  }

  list(): Member[] {
    return [...this.#members].map(([id, { name, connections }]) => ({ id, name, connections }));
  }
}
