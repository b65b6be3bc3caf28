import type { ChannelName } from "../../core/channel-name.ts";
import type { OperationContext } from "../../core/context.ts";
import { EverywireError } from "../../core/error.ts";
import type { NewEvent } from "../../core/event.ts";
import { toDefaultSource } from "../../core/identity.ts";
import type { PublishResult } from "../../core/operations/publish-event.ts";
import { publishEvents } from "../../core/operations/publish-event.ts";
import type { NdjsonLine } from "../../wire/ndjson.ts";
import type { RateMode } from "./decode.ts";
import { decodeEventLine } from "./decode.ts";
import { encodeAck, encodeError } from "./encode.ts";

export interface LinePublisher {
  readonly context: OperationContext;
  readonly channel: ChannelName;
  readonly maxLineBytes: number;
  readonly rateMode: RateMode;
  /** True when nobody waits for the answer any more. */
  readonly isEnded: () => boolean;
}

type Outcome = PublishResult | EverywireError;

/**
 * Publishes lines that are there together as one batch, in one hop, and answers each by a line, in order. A line that
 * is no event is answered by an error and holds up none of the others.
 *
 * @throws EverywireError `internal`, which ends the stream: of the lines that were on their way nothing is known
 */
export async function publishLines(publisher: LinePublisher, lines: readonly NdjsonLine[]): Promise<string> {
  const { maxLineBytes } = publisher;
  const context = { ...publisher.context, nowMs: Date.now() };
  const defaults = { source: toDefaultSource(context.identity), nowMs: context.nowMs };
  const decoded = lines.map((line): NewEvent | EverywireError => {
    try {
      return decodeEventLine(line, maxLineBytes, defaults);
    } catch (thrown) {
      return EverywireError.from(thrown);
    }
  });
  const events = decoded.filter((event) => !(event instanceof EverywireError)) as readonly NewEvent[];
  const outcomes = events.length === 0 ? [] : await publishAll({ ...publisher, context }, events);
  let text = "";
  let index = 0;
  for (const [at, { number }] of lines.entries()) {
    const refused = decoded[at];
    const outcome = refused instanceof EverywireError ? refused : outcomes[index++];
    if (outcome === undefined) throw new Error("There are fewer outcomes than events.");
    text += outcome instanceof EverywireError ? encodeError(outcome, number) : encodeAck(number, outcome);
  }
  return text;
}

async function publishAll(
  publisher: LinePublisher,
  events: readonly NewEvent[],
): Promise<readonly Outcome[]> {
  for (;;) {
    try {
      return await publishEvents(publisher.context, publisher.channel, events);
    } catch (thrown) {
      const error = EverywireError.from(thrown);
      if (error.code === "internal") throw error;
      if (error.code === "rate_limited" && publisher.rateMode === "wait" && !publisher.isEnded()) {
        await scheduler.wait(error.retryAfterMs ?? 1000);
        continue;
      }
      if (events.length === 1 || !isOfOneEvent(error)) return events.map(() => error);
      // A batch is stored whole or not at all, so nothing of this one was: each is asked by itself.
      const outcomes: Outcome[] = [];
      for (const event of events) outcomes.push(...(await publishAll(publisher, [event])));
      return outcomes;
    }
  }
}

/** Whether the refusal is of one event of the batch, and the others may be good. */
function isOfOneEvent({ code }: EverywireError): boolean {
  return code === "payload_too_large" || code === "invalid_argument" || code === "validation_failed";
}
