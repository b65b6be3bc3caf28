import type { FeedPlace } from "../wire/relay-text.ts";
import type { SocketAttachment } from "./channel-sockets.ts";

/** What a relay has to know when it wakes. */
export interface KeptPlace extends Pick<FeedPlace, "life" | "at"> {
  /** The relay's own name, which not everything that wakes an object tells it. */
  readonly channel: string;
  readonly relay: number;
  /** When the object began that had these sockets first (`relay-object.ts`). */
  readonly born: number;
}

interface Keeper {
  readonly socket: WebSocket;
  readonly attachment: SocketAttachment;
}

type KeepingAttachment = SocketAttachment & { readonly kept?: KeptPlace };

/**
 * Keeps where a relay's readers stand, with one of their sockets: that lives exactly as long as anybody needs to know,
 * through hibernation too, and costs no write to a disk.
 */
export class RelayKeeper {
  readonly #context: Pick<DurableObjectState, "getWebSockets">;
  readonly #released = new WeakSet<WebSocket>();
  #keeper: Keeper | undefined;

  constructor(context: Pick<DurableObjectState, "getWebSockets">) {
    this.#context = context;
  }

  /** What was kept last; undefined where nothing was. @param more a socket that is not listed any more */
  find(more?: WebSocket): KeptPlace | undefined {
    let found: KeptPlace | undefined;
    for (const socket of [...this.#context.getWebSockets(), ...(more === undefined ? [] : [more])]) {
      const { kept } = (socket.deserializeAttachment() ?? {}) as KeepingAttachment;
      if (kept === undefined) continue;
      // Another socket kept an earlier one, before this.
      const isLater =
        found === undefined || kept.life > found.life || (kept.life === found.life && kept.at > found.at);
      if (isLater) found = kept;
    }
    return found;
  }

  /** Has another socket keep what this one did. */
  release(socket: WebSocket): void {
    this.#released.add(socket);
    if (this.#keeper?.socket === socket) this.#keeper = undefined;
  }

  keep(kept: KeptPlace): void {
    if (this.#keeper?.socket.readyState !== WebSocket.OPEN) this.#keeper = this.#choose();
    const { socket, attachment } = this.#keeper ?? {};
    try {
      socket?.serializeAttachment({ ...attachment, kept });
    } catch {
      // Too much for one attachment, by a client with a name that long: another socket keeps the next one.
      if (socket !== undefined) this.release(socket);
    }
  }

  #choose(): Keeper | undefined {
    const socket = this.#context
      .getWebSockets()
      .find((one) => one.readyState === WebSocket.OPEN && !this.#released.has(one));
    return socket && { socket, attachment: socket.deserializeAttachment() as SocketAttachment };
  }
}
