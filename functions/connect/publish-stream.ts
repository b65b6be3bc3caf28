import type { HandlerContext, MethodImpl } from "@connectrpc/connect";
import type { ChannelName } from "../../core/channel-name.ts";
import { parseChannelName } from "../../core/channel-name.ts";
import { EverywireError } from "../../core/error.ts";
import type { NewEvent } from "../../core/event.ts";
import type { PublishResult } from "../../core/operations/publish-event.ts";
import { publishEvents } from "../../core/operations/publish-event.ts";
import type {
  ChannelService,
  PublishStreamRequest,
} from "../../proto/gen/everywire/v1/channel_service_pb.ts";
import { callOf } from "./call.ts";
import { decodeEvent, defaultsOf } from "./decode.ts";
import { encodeReceipt } from "./encode.ts";
import { toConnectError } from "./errors.ts";
import { gather } from "./gather.ts";
import { Outbox } from "./outbox.ts";

const MAX_RESULTS = 1000;

type PublishStream = MethodImpl<(typeof ChannelService)["method"]["publishStream"]>;

/** Publishes what comes, in order; what came meanwhile goes to the log as one batch. */
export const publishStream: PublishStream = async (requests, context) => {
  const publication = new Publication(context);
  const { MAX_BATCH_EVENTS } = callOf(context).operation().limits;
  try {
    const inbox = new Outbox<PublishStreamRequest>(MAX_BATCH_EVENTS);
    receive(requests, inbox).catch((thrown: unknown) => inbox.fail(thrown));
    for await (const group of gather(inbox, ({ length }) => length >= MAX_BATCH_EVENTS)) {
      for (const request of group) await publication.add(request);
      await publication.flush();
    }
  } catch (thrown) {
    // What was waiting came before what is at fault, unless that is at fault itself.
    const fault = await publication.flush().then(
      () => thrown,
      (earlier: unknown) => earlier,
    );
    throw toConnectError(fault, publication.toMetadata());
  }
  const { published, duplicates, lastSequence, results } = publication;
  return { published, duplicates, lastSequence, results: results.map(encodeReceipt) };
};

/** Takes what comes while the log is being written, so that it is the next batch. */
async function receive(
  requests: AsyncIterable<PublishStreamRequest>,
  inbox: Outbox<PublishStreamRequest>,
): Promise<void> {
  for await (const request of requests) {
    await inbox.push(request);
    if (inbox.isEnded) return;
  }
  inbox.end();
}

class Publication {
  published = 0;
  duplicates = 0;
  lastSequence = "";
  readonly results: PublishResult[] = [];
  readonly #context: HandlerContext;
  #channel: ChannelName | undefined;
  #waiting: NewEvent[] = [];

  constructor(context: HandlerContext) {
    this.#context = context;
  }

  async add(request: PublishStreamRequest): Promise<void> {
    if (request.channel !== "" && request.channel !== this.#channel) {
      const channel = parseChannelName(request.channel);
      await this.flush();
      this.#channel = channel;
    }
    if (this.#channel === undefined) {
      throw new EverywireError("invalid_argument", "The first message names the channel.");
    }
    this.#waiting.push(decodeEvent(request, defaultsOf(callOf(this.#context).operation())));
  }

  /** Publishes what is waiting, as far as it goes. */
  async flush(): Promise<void> {
    const channel = this.#channel;
    const events = this.#waiting;
    this.#waiting = [];
    if (channel === undefined || events.length === 0) return;
    this.#context.signal.throwIfAborted();
    try {
      this.#count(await publishEvents(callOf(this.#context).operation(), channel, events));
    } catch (thrown) {
      if (events.length === 1 || !(thrown instanceof EverywireError)) throw thrown;
      // A batch is stored whole or not at all; one by one, all that came before the one at fault are.
      for (const event of events) {
        this.#count(await publishEvents(callOf(this.#context).operation(), channel, [event]));
      }
    }
  }

  toMetadata(): Readonly<Record<string, string>> {
    return { published: String(this.published), last_sequence: this.lastSequence };
  }

  #count(results: readonly PublishResult[]): void {
    for (const result of results) {
      this.published += 1;
      if (result.duplicate) this.duplicates += 1;
      if (result.sequence !== undefined) this.lastSequence = result.sequence;
      if (this.results.length < MAX_RESULTS) this.results.push(result);
    }
  }
}
