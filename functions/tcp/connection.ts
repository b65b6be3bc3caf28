import type { ChannelName } from "../../core/channel-name.ts";
import type { OperationContext } from "../../core/context.ts";
import { EverywireError } from "../../core/error.ts";
import type { NewEvent } from "../../core/event.ts";
import { parsePlainEvent } from "../../core/event.ts";
import type { Identity } from "../../core/identity.ts";
import { toDefaultSource } from "../../core/identity.ts";
import { publishEach } from "../../core/operations/publish-each.ts";
import type { NdjsonLine } from "../../wire/ndjson.ts";
import { NdjsonSplitter } from "../../wire/ndjson.ts";
import type { Edge } from "../boundary/edge.ts";
import { createOperationContext, takeRequest } from "../boundary/edge.ts";
import type { Line, Operation, Ref } from "./decode.ts";
import { decodeLine } from "./decode.ts";
import { encodeAck, encodeError, encodeHello, encodePong, encodeUnsubscribed } from "./encode.ts";
import { LineWriter } from "./line-writer.ts";
import { LineSubscriptions } from "./subscriptions.ts";

/** A line may have white space and escapes that the event does not; the event itself is measured when it is encoded. */
const LINE_BYTES_PER_EVENT_BYTE = 4;
/** Heartbeats for which a client may take nothing before it is given up. */
const STALLED_HEARTBEATS = 6;
/** setTimeout overflows beyond this; a token that lasts longer than 24 days outlives any connection. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** What carries lines both ways: a TCP socket, or something like it. */
export interface LineTransport {
  readonly readable: ReadableStream<Uint8Array>;
  readonly writable: WritableStream<Uint8Array>;
  close(): Promise<void>;
}

/** A line that publishes, which may go together with those next to it. */
interface Publication {
  readonly ref: Ref | undefined;
  readonly channel: ChannelName;
  readonly event: NewEvent;
}

/** Any other line. */
interface Request {
  readonly ref: Ref | undefined;
  readonly operation: Exclude<Operation, { readonly op: "publish" }> | EverywireError;
}

/**
 * One TCP connection of JSON lines. Lines are answered in their order, and no more is read before they are: who sends
 * faster than the log takes is slowed by TCP itself. Subscriptions write beside the answers.
 */
export class LineConnection {
  readonly #edge: Edge;
  readonly #transport: LineTransport;
  readonly #writer: LineWriter;
  readonly #subscriptions: LineSubscriptions;
  readonly #maxLineBytes: number;
  #identity: Identity;
  #expiry: ReturnType<typeof setTimeout> | undefined;

  /** @param identity who it is before it says hello */
  constructor(edge: Edge, transport: LineTransport, identity: Identity) {
    const { limits } = edge.settings;
    this.#edge = edge;
    this.#transport = transport;
    this.#identity = identity;
    this.#maxLineBytes = limits.MAX_EVENT_BYTES * LINE_BYTES_PER_EVENT_BYTE;
    const stallMs = limits.HEARTBEAT_SECONDS * 1000 * STALLED_HEARTBEATS;
    this.#writer = new LineWriter(transport.writable, stallMs, () => this.#end());
    this.#subscriptions = new LineSubscriptions(this.#writer);
    this.#endWithToken();
  }

  /** Resolves when the connection is over. */
  async run(): Promise<void> {
    try {
      await this.#read();
      // The client has sent all that it will; what it follows goes on until it closes its other half too.
      await this.#subscriptions.settled();
    } finally {
      this.#end();
      await this.#writer.close();
    }
  }

  async #read(): Promise<void> {
    const splitter = new NdjsonSplitter(this.#maxLineBytes);
    const reader = this.#transport.readable.getReader();
    for (;;) {
      const chunk = await reader.read().catch(() => undefined);
      // Reset by the client: nobody is there to be told anything.
      if (chunk === undefined) return this.#end();
      try {
        await this.#answerAll(chunk.done ? splitter.end() : splitter.push(chunk.value));
      } catch (thrown) {
        // Of the lines that were under way nothing is known, so the connection must not go on as if they were.
        await this.#cut(EverywireError.from(thrown));
        return;
      }
      if (chunk.done || this.#writer.isDead) return;
    }
  }

  /** Publishes that follow each other to one channel go there together. */
  async #answerAll(lines: Iterable<NdjsonLine>): Promise<void> {
    const { MAX_BATCH_EVENTS: maxTogether } = this.#edge.settings.limits;
    let together: Publication[] = [];
    const flush = async () => {
      const publications = together;
      together = [];
      await this.#publish(publications);
    };
    for (const raw of lines) {
      const step = await this.#toStep(decodeLine(raw, this.#maxLineBytes));
      if ("operation" in step) {
        await flush();
        await this.#answer(step);
        continue;
      }
      const [first] = together;
      if (together.length === maxTogether || (first !== undefined && first.channel !== step.channel))
        await flush();
      together.push(step);
    }
    await flush();
  }

  async #toStep({ ref, operation }: Line): Promise<Publication | Request> {
    try {
      await takeRequest(this.#edge, this.#identity);
      if (operation instanceof EverywireError || operation.op !== "publish") return { ref, operation };
      const { identity, nowMs } = this.#context();
      const defaults = { source: toDefaultSource(identity), nowMs };
      return { ref, channel: operation.channel, event: parsePlainEvent(operation.event, defaults) };
    } catch (thrown) {
      return { ref, operation: EverywireError.from(thrown) };
    }
  }

  /** @throws EverywireError `internal` */
  async #publish(publications: readonly Publication[]): Promise<void> {
    const [first] = publications;
    if (first === undefined) return;
    const events = publications.map(({ event }) => event);
    const outcomes = await publishEach(this.#context(), first.channel, events);
    let text = "";
    for (const [index, outcome] of outcomes.entries()) {
      const asked = { ref: publications[index]?.ref };
      text += outcome instanceof EverywireError ? encodeError(asked, outcome) : encodeAck(asked, outcome);
    }
    await this.#writer.send(text);
  }

  async #answer({ ref, operation }: Request): Promise<void> {
    try {
      if (operation instanceof EverywireError) throw operation;
      await this.#writer.send(await this.#run(operation, ref));
    } catch (thrown) {
      const error = EverywireError.from(thrown);
      if (error.code === "internal") console.error("tcp", error.cause ?? error);
      await this.#writer.send(encodeError({ ref }, error));
    }
  }

  async #run(
    operation: Exclude<Operation, { readonly op: "publish" }>,
    ref: Ref | undefined,
  ): Promise<string> {
    switch (operation.op) {
      case "hello":
        return encodeHello({ ref }, await this.#signIn(operation.token));
      case "ping":
        return encodePong({ ref });
      case "subscribe":
        await this.#subscriptions.add(this.#context(), operation.channel, operation.after, ref);
        return "";
      case "unsubscribe":
        this.#subscriptions.remove(operation.channel);
        return encodeUnsubscribed({ ref }, operation.channel);
    }
  }

  /** @throws EverywireError */
  async #signIn(token: string): Promise<string> {
    const identity = await this.#edge.ports.tokens.verify(token);
    if (identity.kind !== "user") throw new EverywireError("unauthenticated", "The token is nobody's.");
    if (this.#identity.kind === "user" && this.#identity.subject !== identity.subject) {
      throw new EverywireError("permission_denied", "A connection has one user: open another one.");
    }
    this.#identity = identity;
    this.#endWithToken();
    return identity.subject;
  }

  #endWithToken(): void {
    clearTimeout(this.#expiry);
    const expiresAtMs = this.#identity.kind === "user" ? this.#identity.expiresAtMs : undefined;
    if (expiresAtMs === undefined || expiresAtMs - Date.now() > MAX_TIMER_MS) return;
    const expired = new EverywireError("unauthenticated", "The token has expired.");
    this.#expiry = setTimeout(() => void this.#cut(expired), expiresAtMs - Date.now());
  }

  /** Tells the client why, and ends the connection whatever it still sends. */
  async #cut(error: EverywireError): Promise<void> {
    if (error.code === "internal") console.error("tcp", error.cause ?? error);
    this.#end();
    await this.#writer.send(encodeError({ ref: undefined }, error));
    await this.#writer.close();
    await this.#transport.close().catch(() => {});
  }

  #context(): OperationContext {
    return createOperationContext(this.#edge, this.#identity);
  }

  /** Lets go of everything; safe to call twice. */
  #end(): void {
    clearTimeout(this.#expiry);
    this.#subscriptions.end();
  }
}
