import type { After } from "../core/cursor.ts";
import { toDefaultSource, toRateKey } from "../core/identity.ts";
import type { HeldStreamRequest, Member, SocketRequest } from "../core/ports.ts";
import { encodePresenceEvent } from "../core/presence-event.ts";
import { BATCH_SUBPROTOCOL } from "../wire/socket-frame.ts";
import type { ChannelSockets, ClientAttachment } from "./channel-sockets.ts";
import type { Start } from "./channel-state.ts";
import type { MemberChange } from "./relay-object.ts";
import type { MoveMember } from "./relay-roll.ts";

/** Either a client's own socket, or a function's subscription. */
export type SocketOpening = { readonly kind: "feed"; readonly after: After } | ClientOpening;

type ClientOpening = { readonly kind: "client" } & SocketRequest;

/** A stream that the channel writes itself. */
export type StreamOpening = { readonly kind: "stream" } & HeldStreamRequest;

/** A line of a function that appends again and again. */
export type LineOpening = { readonly kind: "appends" };

/** Lets readers in and out of a channel, and tells the others of members who come and go. */
export class ChannelEntrance {
  readonly #sockets: ChannelSockets;
  readonly #name: () => string;
  readonly #whenKnown: (run: () => void) => void;

  /** @param whenKnown runs something when it is known who is on the channel's relays, which usually is now */
  constructor(sockets: ChannelSockets, name: () => string, whenKnown: (run: () => void) => void) {
    this.#sockets = sockets;
    this.#name = name;
    this.#whenKnown = whenKnown;
  }

  /** Takes a socket that reads from `start`. Gives the end of it that the reader holds. */
  open(opening: SocketOpening, start: Start, nowMs: number): WebSocket {
    const { 0: client, 1: server } = new WebSocketPair();
    if (opening.kind === "feed") {
      this.#sockets.accept(server, { kind: "feed" }, start, this.#name(), nowMs);
      return client;
    }
    const attachment = toClientAttachment(opening);
    if (this.#sockets.accept(server, attachment, start, this.#name(), nowMs)) {
      this.#whenKnown(() => {
        if (this.#sockets.countConnections(attachment.memberId) === 1)
          this.#announce("presence.join", toMember(attachment), server);
      });
    }
    return client;
  }

  onGone(socket: WebSocket): void {
    const left = this.#sockets.onClose(socket);
    if (left === undefined) return;
    this.#whenKnown(() => {
      if (this.#sockets.countConnections(left.memberId) === 0)
        this.#announce("presence.leave", toMember(left), socket);
    });
  }

  /** Takes over that a member has more connections to a relay now, or fewer. */
  readonly onRelayed: MoveMember = (member, change, isNews) => {
    const type = this.#sockets.moveMember(member, change);
    // Who comes in there hears of others from now on, and not of itself.
    if (type !== undefined && isNews) this.#announce(type, member, undefined);
  };

  /** Tells of a member on a relay that came or left before it was known who was there. */
  announceLate(change: MemberChange): void {
    const connections = this.#sockets.countConnections(change.id);
    if (change.isAnonymous || connections !== change.connections) return;
    if (change.before === 0 && connections > 0) this.#announce("presence.join", change, undefined);
    if (change.before > 0 && connections === 0) this.#announce("presence.leave", change, undefined);
  }

  #announce(
    type: "presence.join" | "presence.leave",
    { id, name }: Pick<Member, "id" | "name">,
    except: WebSocket | undefined,
  ): void {
    const json = encodePresenceEvent(type, this.#name(), { id, name }, Date.now());
    this.#sockets.broadcast(type, json, except);
  }
}

/** What is kept of a client with its socket. */
export function toClientAttachment(opening: ClientOpening): ClientAttachment {
  const { identity, member } = opening;
  return {
    kind: "client",
    memberId: member.id,
    memberName: member.name,
    mayWrite: opening.mayWrite,
    takesBatches: opening.subprotocol === BATCH_SUBPROTOCOL,
    isAnonymous: identity.kind === "anonymous",
    source: toDefaultSource(identity),
    rateKey: toRateKey(identity),
    expiresAtMs: identity.kind === "user" ? identity.expiresAtMs : undefined,
  };
}

function toMember({ memberId: id, memberName: name }: ClientAttachment): Pick<Member, "id" | "name"> {
  return { id, name };
}

/** Hands a client, or a function, its end of a socket. */
export function toUpgrade(opening: SocketOpening, webSocket: WebSocket): Response {
  const answer = { status: 101, webSocket };
  // Left out where there are none: what a connection is opened with is held for as long as it lasts.
  return opening.kind === "feed" || opening.subprotocol === undefined
    ? new Response(null, answer)
    : new Response(null, { ...answer, headers: { "sec-websocket-protocol": opening.subprotocol } });
}
