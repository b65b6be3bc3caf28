import type { ChannelName } from "../../core/channel-name.ts";
import { parseChannelName } from "../../core/channel-name.ts";
import type { OperationContext } from "../../core/context.ts";
import { EverywireError } from "../../core/error.ts";
import type { NewEvent } from "../../core/event.ts";
import { isEphemeralType, parsePlainEvent } from "../../core/event.ts";
import { toDefaultSource } from "../../core/identity.ts";
import { publishEach } from "../../core/operations/publish-each.ts";
import type { CallOutcome } from "./method.ts";

/** What `channel.publish` is called with. */
export type PublishParams = { readonly channel: string } & Readonly<Record<string, unknown>>;

interface Publication {
  readonly name: ChannelName;
  readonly event: NewEvent;
}

/** @throws EverywireError `invalid_argument` */
export function toPublication(
  { identity, nowMs }: OperationContext,
  { channel, ...event }: PublishParams,
): Publication {
  const defaults = { source: toDefaultSource(identity), nowMs };
  return { name: parseChannelName(channel), event: parsePlainEvent(event, defaults) };
}

/**
 * Calls of `channel.publish` that wait in a row: those that follow each other to one channel go there in one hop and one
 * write. What is not stored goes by itself, so that it keeps its place among what is.
 */
export async function publishTogether(
  context: OperationContext,
  calls: readonly PublishParams[],
): Promise<readonly CallOutcome[]> {
  const outcomes: CallOutcome[] = [];
  let run: Publication[] = [];
  const flush = async () => {
    const publications = run;
    run = [];
    outcomes.push(...(await publishRun(context, publications)));
  };
  for (const params of calls) {
    const publication = attemptPublication(context, params);
    if (publication instanceof EverywireError) {
      await flush();
      outcomes.push(publication);
      continue;
    }
    const [first] = run;
    if (first !== undefined && !isOfOneRun(first, publication)) await flush();
    run.push(publication);
  }
  await flush();
  return outcomes;
}

async function publishRun(
  context: OperationContext,
  publications: readonly Publication[],
): Promise<readonly CallOutcome[]> {
  const [first] = publications;
  if (first === undefined) return [];
  try {
    const events = publications.map(({ event }) => event);
    const outcomes = await publishEach(context, first.name, events);
    return outcomes.map((one) => (one instanceof EverywireError ? one : { result: one }));
  } catch (thrown) {
    const error = EverywireError.from(thrown);
    return publications.map(() => error);
  }
}

function attemptPublication(context: OperationContext, params: PublishParams): Publication | EverywireError {
  try {
    return toPublication(context, params);
  } catch (thrown) {
    return EverywireError.from(thrown);
  }
}

function isOfOneRun(first: Publication, next: Publication): boolean {
  return first.name === next.name && isEphemeralType(first.event.type) === isEphemeralType(next.event.type);
}
