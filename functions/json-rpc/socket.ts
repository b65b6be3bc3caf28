import type { ChannelName } from "../../core/channel-name.ts";
import type { OperationContext } from "../../core/context.ts";
import type { After } from "../../core/cursor.ts";
import type { ErrorCode } from "../../core/error.ts";
import { ERROR_TABLE, EverywireError } from "../../core/error.ts";
import { subscribeToEvents } from "../../core/operations/read-events.ts";
import type { ServerSocket, Subscription } from "../../core/ports.ts";
import { NEW_FLOW, onPong, onSent } from "../../core/reader-flow.ts";
import { withPosition } from "../boundary/first-records.ts";
import type { Message } from "./decode.ts";
import { decodeMessage } from "./decode.ts";
import type { Dispatcher } from "./dispatcher.ts";
import { encodeEventNotification, encodeFailure, encodeNotification, toRpcError } from "./encode.ts";
import type { Method } from "./method.ts";
import type { Opened, SocketContext, Subscriber } from "./rpc-context.ts";

export interface RpcSocketOptions {
  readonly socket: ServerSocket;
  readonly dispatcher: Dispatcher<SocketContext>;
  readonly operation: () => OperationContext;
  /** Counts a call as a request is counted. @throws EverywireError `rate_limited` */
  readonly admit: () => Promise<void> | undefined;
  readonly maxAnswerCharacters: number;
  readonly onFault: (error: EverywireError) => void;
}

/** setTimeout overflows beyond this; a token that lasts longer than 24 days outlives any connection. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** What came and was not taken up yet. */
interface Received {
  readonly text: string;
  /** Decoded when it may go with the one before. */
  message?: Message;
}

/** What is taken up in one turn. */
interface Turn {
  readonly messages: readonly Message[];
  readonly characters: number;
}

/**
 * One client's connection. Calls run in the order in which they came, one after the other, so that publishes keep theirs;
 * one that waits (`channel.read` with `waitMs`) lets those behind it pass. Publishes that have come while another call was
 * under way run together, each with its own answer.
 *
 * Everything that a connection holds ends with it, whichever end closes it and however: {@link #end}.
 */
export class RpcSocket implements Subscriber {
  readonly #options: RpcSocketOptions;
  readonly #subscriptions = new Map<string, Subscription>();
  readonly #timers: ReturnType<typeof setTimeout>[] = [];
  /** Subscriptions whose answer has not been sent yet: their events must come after it. */
  #starting: (() => void)[] = [];
  #queue: Promise<void> = Promise.resolve();
  readonly #received: Received[] = [];
  #queuedCharacters = 0;
  #waiting = 0;
  #subscribed = 0;
  #flow = NEW_FLOW;
  #isEnded = false;

  constructor(options: RpcSocketOptions) {
    this.#options = options;
    const { socket, operation } = options;
    const { limits, identity, nowMs } = operation();
    socket.addEventListener("message", ({ data }) => this.#onMessage(data));
    socket.addEventListener("close", () => this.#end());
    socket.addEventListener("error", () => this.#end());
    this.#timers.push(setInterval(() => this.#onHeartbeat(), limits.HEARTBEAT_SECONDS * 1000));
    const expiresAtMs = identity.kind === "user" ? identity.expiresAtMs : undefined;
    if (expiresAtMs !== undefined && expiresAtMs - nowMs <= MAX_TIMER_MS) {
      const onExpired = () => this.#end("unauthenticated", "the token has expired");
      this.#timers.push(setTimeout(onExpired, expiresAtMs - nowMs));
    }
    socket.accept();
  }

  async subscribe(channel: ChannelName, after: After): Promise<Opened> {
    const context = this.#options.operation();
    const { MAX_SOCKET_SUBSCRIPTIONS: max } = context.limits;
    if (this.#subscriptions.size >= max) {
      throw new EverywireError("rate_limited", `One connection has at most ${max} subscriptions.`);
    }
    const { subscription, cursor } = await withPosition(await subscribeToEvents(context, channel, after));
    this.#subscribed += 1;
    const id = `s${this.#subscribed}`;
    // It may have closed while the channel was being asked.
    if (this.#isEnded) subscription.close();
    else this.#subscriptions.set(id, subscription);
    this.#starting.push(() => void this.#pump(id, subscription));
    return { subscription: id, cursor };
  }

  unsubscribe(id: string): boolean {
    this.#subscriptions.get(id)?.close();
    return this.#subscriptions.delete(id);
  }

  onPong(ref: string): void {
    this.#flow = onPong(this.#flow, ref);
  }

  #onMessage(data: unknown): void {
    if (this.#isEnded) return;
    const { limits } = this.#options.operation();
    if (typeof data !== "string") {
      this.#refuse("unsupported_media_type", "Messages are text; put bytes into 'data_base64'.");
      return;
    }
    if (data.length > limits.MAX_REQUEST_BYTES) {
      this.#refuse("payload_too_large", `A message has at most ${limits.MAX_REQUEST_BYTES} bytes.`);
      return;
    }
    this.#queuedCharacters += data.length;
    if (this.#queuedCharacters > limits.MAX_UNCONFIRMED_BYTES) {
      this.#end("unavailable", "more calls at once than can be answered");
      return;
    }
    this.#received.push({ text: data });
    this.#queue = this.#queue.then(() => this.#takeTurn());
  }

  /** The next message, and those behind it that go with it; none where it went with the one before. */
  #takeReceived(): Turn {
    const { dispatcher, operation } = this.#options;
    const { MAX_BATCH_EVENTS, MAX_BATCH_BYTES } = operation().limits;
    const messages: Message[] = [];
    let characters = 0;
    let method: Method<SocketContext> | undefined;
    for (const received of this.#received) {
      received.message ??= decodeMessage(received.text);
      const next = dispatcher.methodTogether(received.message);
      const isFirst = messages.length === 0;
      // Half, because what an event is given on its way (time, source, subject) counts too.
      const hasRoom =
        messages.length < MAX_BATCH_EVENTS && characters + received.text.length <= MAX_BATCH_BYTES / 2;
      if (!isFirst && (next === undefined || next !== method || !hasRoom)) break;
      method = next;
      messages.push(received.message);
      characters += received.text.length;
      if (method === undefined) break;
    }
    this.#received.splice(0, messages.length);
    return { messages, characters };
  }

  /** Resolves when the next message may be taken up: when this one was answered, or waits for something. */
  async #takeTurn(): Promise<void> {
    if (this.#isEnded) return;
    const { messages, characters } = this.#takeReceived();
    if (messages.length === 0) return;
    const turn = Promise.withResolvers<void>();
    let isWaiting = false;
    const yieldTurn = () => {
      if (isWaiting || this.#waiting >= this.#options.operation().limits.MAX_SOCKET_SUBSCRIPTIONS) return;
      isWaiting = true;
      this.#waiting += 1;
      turn.resolve();
    };
    const answering = this.#answer(messages, yieldTurn).finally(() => {
      this.#queuedCharacters -= characters;
      if (isWaiting) this.#waiting -= 1;
      turn.resolve();
    });
    await Promise.race([turn.promise, answering]);
  }

  async #answer(messages: readonly Message[], yieldTurn: () => void): Promise<void> {
    const { dispatcher, operation, admit, maxAnswerCharacters, onFault } = this.#options;
    const context = { operation, socket: this, yieldTurn };
    const answers = await dispatcher.answerAll(messages, context, {
      maxBatch: operation().limits.MAX_BATCH_EVENTS,
      maxAnswerCharacters,
      // It answers our own ping: refused, it would make a reader that keeps up look like one that does not.
      admit: (method) => (method === "channel.pong" ? undefined : admit()),
      onFault,
    });
    for (const answer of answers) if (answer !== undefined) this.#send(answer);
    const starting = this.#starting;
    this.#starting = [];
    for (const start of starting) start();
  }

  async #pump(id: string, subscription: Subscription): Promise<void> {
    try {
      for await (const records of subscription) {
        for (const record of records) {
          // Ended, or unsubscribed in the middle of a batch: nothing may follow the answer to that.
          if (this.#isEnded || !this.#subscriptions.has(id)) return;
          if (record.kind !== "position") this.#send(encodeEventNotification(id, record.json));
        }
      }
    } catch (thrown) {
      if (this.#isEnded || !this.#subscriptions.delete(id)) return;
      const error = EverywireError.from(thrown);
      if (error.code === "internal") this.#options.onFault(error);
      this.#send(encodeNotification("channel.end", { subscription: id, error: toRpcError(error) }));
    } finally {
      subscription.close();
    }
  }

  #refuse(code: ErrorCode, message: string): void {
    this.#send(encodeFailure(null, toRpcError(new EverywireError(code, message))));
  }

  /** A sign of life, and what finds out that the client's end is gone. */
  #onHeartbeat(): void {
    if (this.#subscriptions.size > 0) this.#send(encodeNotification("channel.heartbeat", {}));
  }

  #send(text: string): void {
    if (this.#isEnded) return;
    try {
      this.#options.socket.send(text);
    } catch {
      this.#end();
      return;
    }
    const { flow, action } = onSent(this.#flow, text.length, this.#options.operation().limits);
    this.#flow = flow;
    if (action === "ping") {
      this.#options.socket.send(encodeNotification("channel.ping", { ref: String(flow.pings) }));
    } else if (action === "cut") {
      this.#end("unavailable", "slow reader: go on from your last sequence, and answer channel.ping");
    }
  }

  /** Lets go of everything, and closes: as the other end did where it was first. Safe to call twice. */
  #end(code?: ErrorCode, reason?: string): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    for (const timer of this.#timers) clearTimeout(timer);
    for (const subscription of this.#subscriptions.values()) subscription.close();
    this.#subscriptions.clear();
    try {
      // Without a code: 1005, 1006 and 1015 must not be sent back (RFC 6455 §7.4.1).
      if (code === undefined) this.#options.socket.close();
      else this.#options.socket.close(ERROR_TABLE[code].webSocketClose, reason);
    } catch {
      // It was closed by the other end first.
    }
  }
}
