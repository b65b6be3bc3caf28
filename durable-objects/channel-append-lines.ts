/** Tells these sockets from those of readers, also after the object has slept. */
const TAG = "appends";

/**
 * The sockets of functions that append again and again: each message is an append, and is answered in its turn. A message
 * costs half of what a call does, and a request that makes them by the thousand makes no more requests for it.
 */
export class ChannelAppendLines {
  readonly #context: DurableObjectState;
  readonly #append: (text: string) => Promise<string> | string;
  readonly #lines: Set<WebSocket>;

  /** @param append stores what a text says, and gives the answer: `Channel.append` */
  constructor(context: DurableObjectState, append: (text: string) => Promise<string> | string) {
    this.#context = context;
    this.#append = append;
    this.#lines = new Set(context.getWebSockets(TAG));
  }

  /** Gives the end of a new line that the function holds. */
  open(): WebSocket {
    const { 0: client, 1: server } = new WebSocketPair();
    this.#context.acceptWebSocket(server, [TAG]);
    this.#lines.add(server);
    return client;
  }

  has(socket: WebSocket): boolean {
    return this.#lines.has(socket);
  }

  /** An append and its answer; the next message of a socket comes after that. */
  onMessage(socket: WebSocket, message: string | ArrayBuffer): Promise<void> | undefined {
    try {
      const answer = this.#append(String(message));
      if (typeof answer === "string") {
        socket.send(answer);
        return undefined;
      }
      return answer.then(
        (text) => socket.send(text),
        (thrown: unknown) => this.#fail(socket, thrown),
      );
    } catch (thrown) {
      this.#fail(socket, thrown);
      return undefined;
    }
  }

  onGone(socket: WebSocket): void {
    this.#lines.delete(socket);
  }

  /** What it was told is not known then, so it must not go on as if it were. */
  #fail(socket: WebSocket, thrown: unknown): void {
    console.error("An append on a line failed", thrown);
    this.#lines.delete(socket);
    socket.close(INTERNAL_ERROR);
  }
}

/** RFC 6455 §7.4.1. */
const INTERNAL_ERROR = 1011;
