import type { ChannelName } from "../channel-name.ts";
import type { OperationContext } from "../context.ts";
import { EverywireError } from "../error.ts";
import type { NewEvent } from "../event.ts";
import { isEphemeralType } from "../event.ts";
import type { PublishResult } from "./publish-event.ts";
import { publishEvents } from "./publish-event.ts";

/** What became of one event among several. */
export type PublishOutcome = PublishResult | EverywireError;

/**
 * Publishes events that have nothing to do with each other but that they are there together: in one batch and one hop
 * where all are good, and otherwise each by itself, so that one that is refused holds up none of the others. Of
 * events over the rate the first are taken, as many as it has left. The outcomes are in the order of the events.
 *
 * @param waitForRate asked where the rate is used up: whether to try again; it resolves when to
 * @throws EverywireError `internal`: of the events nothing is known then
 */
export async function publishEach(
  context: OperationContext,
  channel: ChannelName,
  events: readonly NewEvent[],
  waitForRate: (error: EverywireError) => Promise<boolean> = async () => false,
): Promise<readonly PublishOutcome[]> {
  for (;;) {
    try {
      return await publishEvents(context, channel, events);
    } catch (thrown) {
      const error = EverywireError.from(thrown);
      if (error.code === "internal") throw error;
      if (error.code === "rate_limited" && (await waitForRate(error))) continue;
      if (events.length === 1) return [error];
      // What is not stored may have been sent already when the rate refused the rest: it must not go out again.
      const isMixed = events.some(({ type }) => isEphemeralType(type));
      if (error.code === "rate_limited" && !isMixed) {
        return await publishHalves(context, channel, events, waitForRate);
      }
      if (!isOfOneEvent(error)) return events.map(() => error);
      // A batch is stored whole or not at all, so nothing of this one was: each is asked by itself.
      const outcomes: PublishOutcome[] = [];
      for (const event of events) {
        outcomes.push(...(await publishEach(context, channel, [event], waitForRate)));
      }
      return outcomes;
    }
  }
}

/** As many as the rate has left, in a few hops: the second half is asked only where nothing of the first was refused. */
async function publishHalves(
  context: OperationContext,
  channel: ChannelName,
  events: readonly NewEvent[],
  waitForRate: (error: EverywireError) => Promise<boolean>,
): Promise<readonly PublishOutcome[]> {
  const middle = Math.ceil(events.length / 2);
  const first = await publishEach(context, channel, events.slice(0, middle), waitForRate);
  const refusal = first.find(isRateLimited);
  const rest = events.slice(middle);
  const second =
    refusal === undefined ? await publishEach(context, channel, rest, waitForRate) : rest.map(() => refusal);
  return [...first, ...second];
}

function isRateLimited(outcome: PublishOutcome): outcome is EverywireError {
  return outcome instanceof EverywireError && outcome.code === "rate_limited";
}

/** Whether the refusal is of one event of the batch, and the others may be good. */
function isOfOneEvent({ code }: EverywireError): boolean {
  return code === "payload_too_large" || code === "invalid_argument" || code === "validation_failed";
}
