import type { MessageInitShape } from "@bufbuild/protobuf";
import type { HandlerContext, MethodImpl } from "@connectrpc/connect";
import type { ChannelName } from "../../core/channel-name.ts";
import { parseChannelName } from "../../core/channel-name.ts";
import { parseAfter } from "../../core/cursor.ts";
import { EverywireError } from "../../core/error.ts";
import { publishEvent } from "../../core/operations/publish-event.ts";
import type { FeedRecord } from "../../core/ports.ts";
import type {
  ChannelService,
  ChatRequest,
  ChatResponseSchema,
} from "../../proto/gen/everywire/v1/channel_service_pb.ts";
import { callOf } from "./call.ts";
import { decodeEvent, defaultsOf } from "./decode.ts";
import { encodeEvent, encodePosition, encodeReceipt } from "./encode.ts";
import { toStatus } from "./errors.ts";
import { followChannel } from "./follow.ts";
import { Outbox } from "./outbox.ts";

type ChatMessage = NonNullable<MessageInitShape<typeof ChatResponseSchema>["message"]>;

/** Messages that wait for a reader before neither the log nor the client is listened to. */
const CAPACITY = 64;

/** Publishes to a channel and follows it: see the service's .proto. */
export const chat: MethodImpl<(typeof ChannelService)["method"]["chat"]> = async function* (
  requests,
  context,
) {
  const iterator = requests[Symbol.asyncIterator]();
  const first = await iterator.next();
  if (first.done === true)
    throw new EverywireError("invalid_argument", "The first message names the channel.");
  const session = new ChatSession(context, first.value);
  try {
    session.start(iterator);
    for await (const message of session.outbox) yield { message };
  } finally {
    session.stop();
  }
};

class ChatSession {
  readonly outbox = new Outbox<ChatMessage>(CAPACITY);
  readonly #context: HandlerContext;
  readonly #first: ChatRequest;
  readonly #channel: ChannelName;
  readonly #stopped = new AbortController();
  readonly #live = Promise.withResolvers<void>();
  /** How far the log was heard, and how far it was written here; both empty at first, which is before any cursor. */
  #heard = "";
  #written = "";
  #hasAllRequests = false;

  constructor(context: HandlerContext, first: ChatRequest) {
    this.#context = context;
    this.#first = first;
    this.#channel = parseChannelName(first.channel);
  }

  start(requests: AsyncIterator<ChatRequest>): void {
    const fail = (thrown: unknown) => this.outbox.fail(thrown);
    this.#follow().catch(fail);
    this.#publishAll(requests).catch(fail);
  }

  stop(): void {
    this.outbox.end();
    this.#stopped.abort();
    this.#live.resolve();
  }

  async #follow(): Promise<void> {
    const signal = AbortSignal.any([this.#context.signal, this.#stopped.signal]);
    const source = { channel: this.#channel, after: parseAfter(this.#first.after) };
    for await (const records of followChannel(callOf(this.#context).operation(), source, signal)) {
      for (const record of records) await this.#hear(record);
      this.#live.resolve();
      this.#endWhenDone();
    }
  }

  async #hear(record: FeedRecord): Promise<void> {
    const isFirst = this.#heard === "";
    if (record.kind !== "ephemeral") this.#heard = record.cursor;
    if (record.kind !== "position") {
      await this.outbox.push({ case: "event", value: encodeEvent(record.json) });
    } else if (isFirst) {
      this.#context.responseHeader.set("everywire-cursor", record.cursor);
      callOf(this.#context).sendHeaders(this.#context.responseHeader);
    } else {
      await this.outbox.push({
        case: "event",
        value: encodePosition(this.#channel, record.cursor, Date.now()),
      });
    }
  }

  async #publishAll(requests: AsyncIterator<ChatRequest>): Promise<void> {
    // What is published here is to come back here, so the subscription goes first.
    await this.#live.promise;
    let request: ChatRequest | undefined = this.#first;
    while (request !== undefined && !this.outbox.isEnded) {
      if (request.type !== "") await this.outbox.push(await this.#publish(request));
      const next = await requests.next();
      request = next.done === true ? undefined : next.value;
    }
    this.#hasAllRequests = true;
    this.#endWhenDone();
  }

  async #publish(request: ChatRequest): Promise<ChatMessage> {
    const operation = callOf(this.#context).operation();
    try {
      if (request.channel !== "" && request.channel !== this.#channel) {
        throw new EverywireError("invalid_argument", "One call is on one channel.");
      }
      const result = await publishEvent(
        operation,
        this.#channel,
        decodeEvent(request, defaultsOf(operation)),
      );
      if (result.sequence !== undefined && result.sequence > this.#written) this.#written = result.sequence;
      return { case: "receipt", value: encodeReceipt(result) };
    } catch (thrown) {
      if (!(thrown instanceof EverywireError) || thrown.code === "internal") throw thrown;
      return { case: "error", value: toStatus(thrown) };
    }
  }

  #endWhenDone(): void {
    if (this.#hasAllRequests && this.#heard >= this.#written) this.outbox.end();
  }
}
