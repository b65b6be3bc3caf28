import type { Member } from "../core/ports.ts";

/** Who is connected: a member is there from its first connection to its last. */
export class PresenceRoll {
  readonly #members = new Map<string, { name: string; connections: number }>();

  /** True where this is the member's first connection. */
  join(id: string, name: string): boolean {
    const known = this.#members.get(id);
    if (known === undefined) {
      this.#members.set(id, { name, connections: 1 });
      return true;
    }
    known.connections += 1;
    return false;
  }

  /** True where this was the member's last connection. */
  leave(id: string): boolean {
    const known = this.#members.get(id);
    if (known === undefined) return false;
    known.connections -= 1;
    if (known.connections > 0) return false;
    this.#members.delete(id);
    return true;
  }

  get size(): number {
    return this.#members.size;
  }

  list(): Member[] {
    return [...this.#members].map(([id, { name, connections }]) => ({ id, name, connections }));
  }
}
