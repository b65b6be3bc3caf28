import type { After } from "../core/cursor.ts";
import { toDefaultSource, toRateKey } from "../core/identity.ts";
import type { HeldStreamRequest, SocketRequest } from "../core/ports.ts";
import { encodePresenceEvent } from "../core/presence-event.ts";
import { BATCH_SUBPROTOCOL } from "../wire/socket-frame.ts";
import type { ChannelSockets, ClientAttachment } from "./channel-sockets.ts";
import type { Start } from "./channel-state.ts";

/** Either a client's own socket, or a function's subscription. */
export type SocketOpening =
  | { readonly kind: "feed"; readonly after: After }
  | ({ readonly kind: "client" } & SocketRequest);

/** A stream that the channel writes itself. */
export type StreamOpening = { readonly kind: "stream" } & HeldStreamRequest;

/** A line of a function that appends again and again. */
export type LineOpening = { readonly kind: "appends" };

/** Lets readers in and out of a channel, and tells the others of members who come and go. */
export class ChannelEntrance {
  readonly #sockets: ChannelSockets;
  readonly #name: () => string;

  constructor(sockets: ChannelSockets, name: () => string) {
    this.#sockets = sockets;
    this.#name = name;
  }

  /** Takes a socket that reads from `start`. Gives the end of it that the reader holds. */
  open(opening: SocketOpening, start: Start, nowMs: number): WebSocket {
    const { 0: client, 1: server } = new WebSocketPair();
    if (opening.kind === "feed") {
      this.#sockets.accept(server, { kind: "feed" }, start, this.#name(), nowMs);
      return client;
    }
    const { identity, member } = opening;
    const attachment: ClientAttachment = {
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
    if (this.#sockets.accept(server, attachment, start, this.#name(), nowMs)) {
      this.#announce("presence.join", attachment, server);
    }
    return client;
  }

  onGone(socket: WebSocket): void {
    const left = this.#sockets.onClose(socket);
    if (left !== undefined) this.#announce("presence.leave", left, socket);
  }

  #announce(
    type: "presence.join" | "presence.leave",
    { memberId: id, memberName: name }: ClientAttachment,
    except: WebSocket,
  ): void {
    const json = encodePresenceEvent(type, this.#name(), { id, name }, Date.now());
    this.#sockets.broadcast(type, json, except);
  }
}
