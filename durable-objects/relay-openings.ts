import { PresenceRoll } from "./channel-presence.ts";
import type { SocketAttachment } from "./channel-sockets.ts";
import type { RelayMember } from "./relay-object.ts";

/** Readers that a relay has asked its channel to let in: they count with those that are in. */
export class RelayOpenings {
  readonly #attachments = new Set<SocketAttachment>();
  readonly #roll = new PresenceRoll();

  get size(): number {
    return this.#attachments.size;
  }

  add(attachment: SocketAttachment): void {
    this.#attachments.add(attachment);
    if (attachment.kind === "client") this.#roll.join(attachment.memberId, attachment.memberName);
  }

  /** It is in, or was turned away. */
  delete(attachment: SocketAttachment): void {
    if (this.#attachments.delete(attachment) && attachment.kind === "client")
      this.#roll.leave(attachment.memberId);
  }

  count(memberId: string): number {
    return this.#roll.count(memberId);
  }

  /** All members: these, and those that are in. */
  listMembers(inside: Iterable<SocketAttachment>): readonly RelayMember[] {
    const members = new Map<string, RelayMember>();
    for (const attachment of [...inside, ...this.#attachments]) {
      if (attachment.kind === "feed") continue;
      const { memberId: id, memberName: name, isAnonymous } = attachment;
      const connections = (members.get(id)?.connections ?? 0) + 1;
      members.set(id, { id, name, isAnonymous, connections });
    }
    return [...members.values()];
  }
}
