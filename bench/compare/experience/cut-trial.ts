import { publishEvent, readSequences } from "./channel.ts";
import { placeClient } from "./placement.ts";
import { createTcpRelay, createUdpRelay } from "./relay.ts";
import type { ExperienceServer } from "./server.ts";
import type { Subject } from "./subjects.ts";

/** What a client made of a channel while its connection was cut; plain JSON. */
export interface CutOutcome {
  /** Sequences in the channel, and as they were printed. */
  readonly published: readonly string[];
  readonly printed: readonly string[];
  /** What it said where it ended. */
  readonly complaint?: string;
}

const BEFORE = 3;
const MEANWHILE = 3;
const AFTER = 3;
/** A library waits before it connects again, some for longer each time. */
const DEADLINE_MS = 30_000;

/**
 * Lets a client read a channel through a relay, which is cut once: some events are there before, some are published while
 * nothing passes, some when all is well again.
 *
 * @param oneConnection without what the client's file itself does to go on
 * @param patienceMs for how long a client that does not go on is waited for
 */
export async function runCutTrial(
  subject: Subject,
  server: ExperienceServer,
  { oneConnection = false, patienceMs = DEADLINE_MS } = {},
): Promise<CutOutcome> {
  const channel = `demo/cut-${subject.file}-${crypto.randomUUID()}`;
  let published: readonly string[] = [];
  const publish = async (count: number) => {
    for (let index = 0; index < count; index += 1) await publishEvent(server, channel, `event ${index}`);
    published = await readSequences(server, channel);
  };
  await publish(BEFORE);
  const create = subject.carrier === "udp" ? createUdpRelay : createTcpRelay;
  const { client, between, stop } = await placeClient(subject, server, channel, { create, oneConnection });
  try {
    // The client publishes one too, where its wire can.
    await client.hasPrinted(published.length + 1, subject.isReadOnly === true ? 0 : DEADLINE_MS);
    await client.hasPrinted(published.length, DEADLINE_MS);
    between.cut();
    await publish(MEANWHILE);
    if (await client.hasPrinted(published.length, patienceMs)) {
      await publish(AFTER);
      await client.hasPrinted(published.length, patienceMs);
    }
    const printed = client.printed.flatMap(({ sequence }) => sequence ?? []);
    return { published, printed, ...(client.complaint === "" ? {} : { complaint: client.complaint }) };
  } finally {
    stop();
  }
}

export type Resumption = "complete" | "repeats" | "stops";

/** Says what became of the events: all of them once, some twice, or some never. */
export function toResumption({ published, printed }: CutOutcome): Resumption {
  const distinct = new Set(printed);
  if (published.some((sequence) => !distinct.has(sequence))) return "stops";
  return distinct.size === printed.length ? "complete" : "repeats";
}
