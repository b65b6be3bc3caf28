import type { RelayMember, RelayReport } from "./relay-object.ts";

/**
 * Adds connections of a member to those that the channel knows of, or takes some away.
 *
 * @param isNews whether the others are to be told where it comes or leaves by that
 */
export type MoveMember = (member: RelayMember, change: number, isNews: boolean) => void;

/** The members on one relay, as its channel knows them: by what it tells of each, or all of them where that was lost. */
export class RelayRoll {
  readonly #move: MoveMember;
  #members = new Map<string, RelayMember>();
  #version = 0;
  /** Which life of the relay's object told it. */
  #born: number | undefined;
  #isSure: boolean;
  #isKnown: boolean;

  /** @param isNew whether the relay has just begun; else its members were announced, and only this object forgot them */
  constructor(move: MoveMember, isNew: boolean) {
    this.#move = move;
    this.#isSure = isNew;
    this.#isKnown = isNew;
  }

  /** False where the relay has to be asked for all of its members. */
  get isSure(): boolean {
    return this.#isSure;
  }

  /** False where who comes or leaves cannot be told from who was there. */
  get isKnown(): boolean {
    return this.#isKnown;
  }

  /** Something may have been lost. */
  doubt(): void {
    this.#isSure = false;
  }

  /** Takes over what the relay tells. */
  take({ version, born, members, change }: RelayReport): void {
    if (this.#born !== undefined && this.#born !== born) {
      this.#isSure = false;
      this.#version = 0;
    }
    if (members !== undefined && version > this.#version) {
      this.#replace(members);
      [this.#version, this.#born, this.#isSure, this.#isKnown] = [version, born, true, true];
      return;
    }
    this.#born ??= born;
    if (change === undefined || !this.#isSure || version <= this.#version) return;
    this.#version = version;
    this.#set(change, true);
  }

  /** All of them are gone. */
  clear(): void {
    this.#replace([]);
  }

  #replace(members: readonly RelayMember[]): void {
    const gone = new Map(this.#members);
    for (const member of members) {
      gone.delete(member.id);
      this.#set(member, this.#isKnown);
    }
    for (const member of gone.values()) this.#set({ ...member, connections: 0 }, this.#isKnown);
  }

  #set(member: RelayMember, isNews: boolean): void {
    const before = this.#members.get(member.id)?.connections ?? 0;
    if (member.connections > 0) this.#members.set(member.id, member);
    else this.#members.delete(member.id);
    if (member.connections !== before) this.#move(member, member.connections - before, isNews);
  }
}
