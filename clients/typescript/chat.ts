import type { Client, CloudEvent, Gap, Member, Presence, Subscription, SubscriptionState } from "./index.ts";

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
  gap: Gap;
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
  /** Who writes just now, and when that is over unless they say so again. */
  readonly #typing = new Map<string, ReturnType<typeof setTimeout>>();
  readonly #typingListeners = new Set<(ids: readonly string[]) => void>();
  #isListening = false;
  #toldTypingAtMs = 0;

  constructor(client: Client, channel: string, after: string) {
    this.channel = channel;
    this.#client = client;
    this.#subscription = client.subscribe(channel, { after });
    this.#presence = client.presence(channel);
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

  /** Adds a listener; gives what removes it. The first one for messages gets those that came before it too. */
  on<Name extends keyof RoomEvents>(name: Name, listener: (value: RoomEvents[Name]) => void): () => void {
    const tell = listener as (value: RoomEvents[keyof RoomEvents]) => void;
    switch (name) {
      case "message":
        return this.#listen((event) => {
          const message = toMessage(event);
          if (message !== undefined) tell(message);
        });
      case "typing":
        this.#typingListeners.add(tell);
        return () => this.#typingListeners.delete(tell);
      case "members":
        return this.#presence.on("change", tell);
      case "state":
        return this.#subscription.on("state", tell);
      default:
        return this.#subscription.on("gap", tell);
    }
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

  #listen(listener: (event: CloudEvent) => void): () => void {
    if (!this.#isListening) {
      this.#isListening = true;
      this.#subscription.on("event", ({ type, source }) => {
        const from = toUser(source);
        if (type === TYPING) this.#onTyping(from);
        else if (type === MESSAGE) this.#stopTyping(from);
      });
    }
    return this.#subscription.on("event", listener);
  }

  #onTyping(from: string): void {
    const isNew = !this.#typing.has(from);
    clearTimeout(this.#typing.get(from));
    this.#typing.set(
      from,
      setTimeout(() => this.#stopTyping(from), TYPING_LASTS_MS),
    );
    if (isNew) this.#tellTyping();
  }

  #stopTyping(from: string): void {
    clearTimeout(this.#typing.get(from));
    if (this.#typing.delete(from)) this.#tellTyping();
  }

  #tellTyping(): void {
    for (const listener of this.#typingListeners) listener(this.typing);
  }
}

function toMessage({ id, sequence, source, type, data, time }: CloudEvent): ChatMessage | undefined {
  const text = type === MESSAGE ? toText(data) : undefined;
  if (text === undefined || sequence === undefined) return undefined;
  return { id, sequence, from: toUser(source), text, time };
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
