import { Emitter } from "./emitter.ts";
import { EverywireError } from "./error.ts";
import type { CloudEvent } from "./event.ts";
import type { ChannelSubscription } from "./subscription.ts";
import type { Member, Presence, PresenceEvents } from "./types.ts";

/** Anonymous connections come and go unannounced, and long polls hear of nobody: so it is asked again now and then. */
const REFRESH_MS = 15_000;

export interface PresenceOptions {
  readonly subscription: ChannelSubscription;
  /** Whether the subscription is there for this alone, and closed with it. */
  readonly isOwn: boolean;
  readonly list: () => Promise<readonly Member[]>;
  readonly onClosed: () => void;
}

/** Who is there: the server's list, kept current by what is announced on the channel. */
export class ChannelPresence implements Presence {
  readonly channel: string;
  readonly #options: PresenceOptions;
  readonly #emitter = new Emitter<PresenceEvents>();
  readonly #removers: (() => unknown)[];
  readonly #timer: ReturnType<typeof setInterval>;
  #members: readonly Member[] = [];
  #asking: Promise<readonly Member[]> | undefined;
  #isClosed = false;

  constructor(options: PresenceOptions) {
    this.#options = options;
    this.channel = options.subscription.channel;
    const { subscription } = options;
    const watch = (event: CloudEvent) => this.#onEvent(event);
    subscription.watchers.add(watch);
    this.#removers = [
      () => subscription.watchers.delete(watch),
      // Whatever was announced in between was missed, since it is not stored.
      subscription.on("state", (state) => {
        if (state === "live") this.#ask();
      }),
    ];
    this.#timer = setInterval(() => this.#ask(), REFRESH_MS);
    this.#ask();
  }

  get members(): readonly Member[] {
    return this.#members;
  }

  on<Name extends keyof PresenceEvents>(
    name: Name,
    listener: (value: PresenceEvents[Name]) => void,
  ): () => void {
    return this.#emitter.on(name, listener);
  }

  refresh(): Promise<readonly Member[]> {
    this.#asking ??= this.#load().finally(() => {
      this.#asking = undefined;
    });
    return this.#asking;
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    clearInterval(this.#timer);
    for (const remove of this.#removers) remove();
    if (this.#options.isOwn) this.#options.subscription.close();
    this.#options.onClosed();
  }

  #ask(): void {
    this.refresh().catch((thrown) => {
      if (!this.#isClosed) this.#emitter.emit("error", EverywireError.from(thrown));
    });
  }

  async #load(): Promise<readonly Member[]> {
    const members = await this.#options.list();
    if (!this.#isClosed) this.#set(members);
    return members;
  }

  #onEvent({ type, data }: CloudEvent): void {
    if (type !== "presence.join" && type !== "presence.leave") return;
    // The list knows how many connections each has; until it is there, the announcement is what is known.
    const { id, name } = data as Omit<Member, "connections">;
    const others = this.#members.filter((member) => member.id !== id);
    this.#set(type === "presence.join" ? [...others, { id, name, connections: 1 }] : others);
    this.#ask();
  }

  #set(members: readonly Member[]): void {
    const before = new Map(this.#members.map((member) => [member.id, member]));
    const after = new Map(members.map((member) => [member.id, member]));
    const isSame =
      before.size === after.size &&
      members.every((member) => before.get(member.id)?.connections === member.connections);
    this.#members = members;
    if (isSame) return;
    for (const member of before.values()) if (!after.has(member.id)) this.#emitter.emit("leave", member);
    for (const member of after.values()) if (!before.has(member.id)) this.#emitter.emit("join", member);
    this.#emitter.emit("change", members);
  }
}
