import type { ChannelName } from "../../core/channel-name.ts";
import type { OperationContext } from "../../core/context.ts";
import { EverywireError } from "../../core/error.ts";
import type { NewEvent } from "../../core/event.ts";
import { toDefaultSource } from "../../core/identity.ts";
import { publishEach } from "../../core/operations/publish-each.ts";
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
  const { channel, rateMode, isEnded } = publisher;
  const waitForRate = async ({ retryAfterMs }: EverywireError): Promise<boolean> => {
    if (rateMode === "refuse" || isEnded()) return false;
    await new Promise((resolve) => setTimeout(resolve, retryAfterMs ?? 1000));
    return true;
  };
  const outcomes = events.length === 0 ? [] : await publishEach(context, channel, events, waitForRate);
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
