import { Emitter } from "./emitter.ts";
import type { CloudEvent } from "./event.ts";
import { isGap } from "./event.ts";
import type { Client, Member, Presence, Subscription, SubscriptionState } from "./types.ts";

export interface ChatMessage {
  readonly id: string;
  /** Its place in the room's log. */
  readonly sequence: string;
  /** Who wrote it: the user's id, or `anonymous`. */
  readonly from: string;
  readonly text: string;
  readonly time: string;
}

export interface RoomEvents {
  message: ChatMessage;
  /** Who writes just now, by id; told whenever that changes. */
  typing: readonly string[];
  members: readonly Member[];
  state: SubscriptionState;
  /** Older messages than those that came are not kept any more. */
  gap: undefined;
}

export interface RoomOptions {
  /** A cursor, `earliest` (the default: the whole room), or `latest`. */
  readonly after?: string | undefined;
}

const MESSAGE = "chat.message";
const TYPING = "chat.typing";
/** Often enough that "is writing" stays, and seldom enough to cost nothing. */
const TYPING_EVERY_MS = 2000;
const TYPING_LASTS_MS = 5000;

/**
 * Enters a chat room: the channel `rooms/{room}`, or any channel by a name with a `/`. Its messages are events of type
 * `chat.message` with `data: {text}`, so every other wire reads and writes them too.
 *
 * @example
 * const room = joinRoom(client, "lobby");
 * room.on("message", ({ from, text }) => console.log(`${from}: ${text}`));
 * await room.send("hi");
 */
export function joinRoom(client: Client, room: string, options: RoomOptions = {}): Room {
  return new Room(client, room.includes("/") ? room : `rooms/${room}`, options.after ?? "earliest");
}

export class Room {
  readonly channel: string;
  readonly #client: Client;
  readonly #subscription: Subscription;
  readonly #presence: Presence;
  readonly #emitter = new Emitter<RoomEvents>();
  readonly #typing = new Map<string, ReturnType<typeof setTimeout>>();
  #toldTypingAtMs = 0;

  constructor(client: Client, channel: string, after: string) {
    this.channel = channel;
    this.#client = client;
    this.#subscription = client.subscribe(channel, { after });
    this.#subscription.on("state", (state) => this.#emitter.emit("state", state));
    this.#presence = client.presence(channel);
    this.#presence.on("change", (members) => this.#emitter.emit("members", members));
    this.#subscription.on("event", (event) => this.#onEvent(event));
  }

  /** Resolves when the room is entered. Rejects where it may not be. */
  get ready(): Promise<void> {
    return this.#subscription.ready;
  }

  get members(): readonly Member[] {
    return this.#presence.members;
  }

  /** Who writes just now, by id. */
  get typing(): readonly string[] {
    return [...this.#typing.keys()];
  }

  get state(): SubscriptionState {
    return this.#subscription.state;
  }

  /** Behind the last message: what to pass as `after` to come back without the ones that were seen. */
  get cursor(): string {
    return this.#subscription.cursor;
  }

  /** Adds a listener; gives what removes it. */
  on<Name extends keyof RoomEvents>(name: Name, listener: (value: RoomEvents[Name]) => void): () => void {
    return this.#emitter.on(name, listener);
  }

  /** Resolves when it is in the room's log; waits while there is no connection. @throws EverywireError */
  async send(text: string): Promise<{ readonly id: string; readonly sequence: string | undefined }> {
    this.#toldTypingAtMs = 0;
    return this.#client.publish(this.channel, { type: MESSAGE, data: { text } });
  }

  /** Says that one is writing: call it at every key, it tells the others now and then. */
  startTyping(): void {
    const nowMs = Date.now();
    if (nowMs - this.#toldTypingAtMs < TYPING_EVERY_MS) return;
    this.#toldTypingAtMs = nowMs;
    // It is worth nothing later, so nobody needs to know that it failed.
    this.#client.publish(this.channel, { type: TYPING }).catch(() => {});
  }

  /** Drops the connection as a network would. */
  cut(): void {
    this.#subscription.cut();
  }

  leave(): void {
    for (const timer of this.#typing.values()) clearTimeout(timer);
    this.#typing.clear();
    this.#presence.close();
    this.#subscription.close();
  }

  #onEvent(event: CloudEvent): void {
    const from = toUser(event.source);
    if (isGap(event)) this.#emitter.emit("gap", undefined);
    if (event.type === TYPING) this.#onTyping(from);
    const text = event.type === MESSAGE ? toText(event.data) : undefined;
    if (text === undefined || event.sequence === undefined) return;
    this.#stopTyping(from);
    this.#emitter.emit("message", { id: event.id, sequence: event.sequence, from, text, time: event.time });
  }

  #onTyping(from: string): void {
    const isNew = !this.#typing.has(from);
    clearTimeout(this.#typing.get(from));
    this.#typing.set(
      from,
      setTimeout(() => this.#stopTyping(from), TYPING_LASTS_MS),
    );
    if (isNew) this.#emitter.emit("typing", this.typing);
  }

  #stopTyping(from: string): void {
    clearTimeout(this.#typing.get(from));
    if (this.#typing.delete(from)) this.#emitter.emit("typing", this.typing);
  }
}

/** `/users/alice` is alice; other wires may have sources of their own. */
function toUser(source: string): string {
  const name = source.slice(source.lastIndexOf("/") + 1);
  try {
    return decodeURIComponent(name);
  } catch {
    return name;
  }
}

/** Simple clients send the text alone. */
function toText(data: unknown): string | undefined {
  if (typeof data === "string") return data;
  const { text } = (data ?? {}) as { readonly text?: unknown };
  return typeof text === "string" ? text : undefined;
}
