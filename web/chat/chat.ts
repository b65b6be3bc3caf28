import { signal } from "@preact/signals";
import type { ChatMessage, Room } from "../../clients/typescript/chat.ts";
import { joinRoom } from "../../clients/typescript/chat.ts";
import type { Client, Member } from "../../clients/typescript/index.ts";
import { openClient } from "../shell/client.ts";
import { toMessage } from "../shell/server.ts";
import { session } from "../shell/session.ts";

const MAX_MESSAGES = 300;

/** A message that was written here, until it comes back from the log. */
export interface Unsent {
  readonly key: number;
  readonly text: string;
  readonly problem?: string | undefined;
}

/** One visit of one room: what is said, who is there, who writes. */
export class Chat {
  readonly messages = signal<readonly ChatMessage[]>([]);
  readonly unsent = signal<readonly Unsent[]>([]);
  readonly members = signal<readonly Member[]>([]);
  readonly typing = signal<readonly string[]>([]);
  readonly state = signal("connecting");
  readonly problem = signal<string | undefined>(undefined);
  readonly channel: string;
  readonly #client: Client;
  readonly #room: Room;
  #nextKey = 0;

  /** @param room its name, without a slash; without a token it is the open room of that name under `demo/` */
  constructor(room: string) {
    this.#client = openClient();
    this.#room = joinRoom(this.#client, session.value === undefined ? `demo/rooms/${room}` : room);
    this.channel = this.#room.channel;
    this.#room.on("message", (message) => {
      this.messages.value = [...this.messages.value, message].slice(-MAX_MESSAGES);
    });
    this.#room.on("members", (members) => {
      this.members.value = members;
    });
    this.#room.on("typing", (typing) => {
      this.typing.value = typing.filter((id) => id !== session.value?.userId);
    });
    this.#room.on("state", (state) => {
      this.state.value = state;
    });
    this.#room.ready.catch((thrown: unknown) => {
      this.problem.value = toMessage(thrown);
    });
  }

  async send(text: string): Promise<void> {
    this.#nextKey += 1;
    const key = this.#nextKey;
    this.unsent.value = [...this.unsent.value, { key, text }];
    try {
      await this.#room.send(text);
      this.unsent.value = this.unsent.value.filter((message) => message.key !== key);
    } catch (thrown) {
      const problem = toMessage(thrown);
      this.unsent.value = this.unsent.value.map((message) =>
        message.key === key ? { ...message, problem } : message,
      );
    }
  }

  startTyping(): void {
    this.#room.startTyping();
  }

  cut(): void {
    this.#room.cut();
  }

  leave(): void {
    this.#room.leave();
    this.#client.close();
  }
}
