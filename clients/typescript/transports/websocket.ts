import { EverywireError, parseError } from "../error.ts";
import type { CloudEvent, NewEvent, Published } from "../event.ts";
import type { Http } from "../http.ts";
import type { WebSocketConstructor, WebSocketLike } from "../options.ts";
import { lost, PendingAnswers } from "../pending-answers.ts";
import type { Transport, TransportConnection, TransportSink } from "../transport.ts";

/** The exact text that the platform answers by itself, without waking the channel. */
const PING = '{"op":"ping"}';
/** The first lets the server put several events into a frame; one that does not know it chooses the second. */
const PROTOCOLS = ["everywire.batch", "everywire"];
const UTF8 = new TextEncoder();
/** What a subprotocol may be made of (RFC 9110 §5.6.2): JWTs are, and other tokens go into the URL. */
const SUBPROTOCOL = /^[\w!#$%&'*+.^`|~-]+$/;
/** Close codes of the server's own are 4000 more than an HTTP status. */
const CLOSE_CODES: Readonly<Record<number, EverywireError["code"]>> = {
  1013: "unavailable",
  4400: "invalid_argument",
  4401: "unauthenticated",
  4403: "permission_denied",
  4404: "not_found",
  4410: "gone",
  4429: "rate_limited",
};

/** WebSocket (functions/websocket): frames are CloudEvents, publishes are acknowledged, and who reads is present. */
export function createWebSocket(http: Http, given: WebSocketConstructor | undefined): Transport {
  const Socket = given ?? (globalThis as { readonly WebSocket?: WebSocketConstructor }).WebSocket;
  return {
    name: "websocket",
    unavailable: Socket === undefined ? "There is no WebSocket here; pass one to connect()." : undefined,
    minOpenMs: 0,
    open({ channel, after }, sink) {
      const connection = new SocketConnection(sink);
      const start = async () => {
        const token = await http.credentials.get();
        const isProtocol = token !== undefined && SUBPROTOCOL.test(token);
        const query = { after, access_token: isProtocol ? undefined : token };
        const url = http.toUrl(`/ws/${channel}`, query).replace(/^http/, "ws");
        const protocols = isProtocol ? [...PROTOCOLS, `bearer.${token}`] : PROTOCOLS;
        connection.start(() => new (Socket as WebSocketConstructor)(url, protocols));
      };
      start().catch((thrown) => connection.end(EverywireError.from(thrown)));
      return connection;
    },
  };
}

class SocketConnection implements TransportConnection {
  readonly #sink: TransportSink;
  readonly #acks = new PendingAnswers<Published>();
  #socket: WebSocketLike | undefined;
  #isOpen = false;
  #isOver = false;

  constructor(sink: TransportSink) {
    this.#sink = sink;
  }

  start(create: () => WebSocketLike): void {
    if (this.#isOver) return;
    const socket = create();
    this.#socket = socket;
    socket.addEventListener("open", () => {
      this.#isOpen = true;
      // That it was upgraded says little: a proxy may do that, and then swallow what is sent.
      this.ping();
    });
    socket.addEventListener("message", ({ data }) => {
      if (!this.#isOver && typeof data === "string") this.#onMessage(data);
    });
    // Says nothing of why; the close that follows does, as far as anything does.
    socket.addEventListener("error", () => {});
    socket.addEventListener("close", ({ code, reason }) => this.end(toError(code, reason)));
  }

  ping(): void {
    this.#send(PING);
  }

  publish(event: NewEvent): Promise<Published> {
    if (!this.#isOpen || this.#isOver) return Promise.reject(lost());
    const ref = this.#acks.nextRef();
    const ack = this.#acks.wait(ref, () => this.end(lost()));
    this.#send(JSON.stringify({ ...event, ack: ref }));
    return ack;
  }

  close(): void {
    if (this.#isOver) return;
    this.#finish();
  }

  end(error: EverywireError): void {
    if (this.#isOver) return;
    this.#finish();
    this.#sink.onEnd(error);
  }

  #finish(): void {
    this.#isOver = true;
    try {
      this.#socket?.close(1000);
    } catch {
      // Not open yet in a runtime that minds: it goes when it opens or fails.
    }
    this.#acks.end();
  }

  #send(text: string): void {
    try {
      if (this.#isOpen && !this.#isOver) this.#socket?.send(text);
    } catch (thrown) {
      this.end(EverywireError.from(thrown));
    }
  }

  #onMessage(text: string): void {
    this.#sink.onBytes(UTF8.encode(text).byteLength);
    this.#sink.onOpen();
    let frame: Readonly<Record<string, unknown>> | readonly CloudEvent[];
    try {
      frame = JSON.parse(text);
    } catch {
      this.end(new EverywireError("unavailable", "What comes is not from Everywire."));
      return;
    }
    if (isBatch(frame)) for (const event of frame) this.#sink.onEvent(event);
    else this.#onFrame(frame);
  }

  #onFrame(frame: Readonly<Record<string, unknown>>): void {
    switch (frame.op) {
      case undefined:
        this.#sink.onEvent(frame as CloudEvent);
        break;
      case "ping":
        // It asks how far this side has read.
        this.#send(JSON.stringify({ op: "pong", ref: frame.ref }));
        break;
      case "ack":
        this.#acks.resolve(frame.ref, {
          id: String(frame.id),
          sequence: frame.sequence as string | undefined,
          duplicate: frame.duplicate === true,
        });
        break;
      case "error":
        this.#acks.reject(frame.ref, parseError(frame) ?? lost());
        break;
    }
  }
}

function isBatch(
  frame: Readonly<Record<string, unknown>> | readonly CloudEvent[],
): frame is readonly CloudEvent[] {
  return Array.isArray(frame);
}

function toError(code: number, reason: string): EverywireError {
  // RFC 6455 §7.4.1: a normal closure is the end of a channel that was closed.
  const told = code === 1000 && reason !== "" ? "gone" : CLOSE_CODES[code];
  if (told === undefined) return new EverywireError("unavailable", `The connection was lost (${code}).`);
  return new EverywireError(told, reason || `Closed with ${code}.`, { isTold: true });
}
