import { findFreePort } from "../../../scripts/port.ts";
import { createTcpRelay, createUdpRelay } from "./relay.ts";
import { RunningClient } from "./running-client.ts";
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
const DEADLINE_MS = 15_000;

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
  const isReceiver = subject.carrier === "receiver";
  const receiverPort = isReceiver ? await findFreePort("127.0.0.1") : 0;
  const address = new URL(subject.address(server));
  const targetPort = isReceiver ? receiverPort : Number(address.port);
  const relay = await (subject.carrier === "udp" ? createUdpRelay(targetPort) : createTcpRelay(targetPort));
  if (!isReceiver) address.port = String(relay.port);
  let published: readonly string[] = [];
  const publish = async (count: number) => {
    for (let index = 0; index < count; index += 1) await publishEvent(server, channel, `event ${index}`);
    published = await readChannel(server, channel);
  };
  await publish(BEFORE);
  const client = new RunningClient(subject.file, address.href.replace(/\/$/, ""), channel, {
    ...(oneConnection ? { ONE_CONNECTION: "1" } : {}),
    EVERYWIRE_TOKEN: server.token,
    ...(isReceiver
      ? { RECEIVER_PORT: String(receiverPort), RECEIVER_URL: `http://127.0.0.1:${relay.port}` }
      : {}),
  });
  const all = async (timeoutMs: number) => client.hasPrinted(published.length, timeoutMs);
  try {
    await all(DEADLINE_MS);
    relay.cut();
    await publish(MEANWHILE);
    if (await all(patienceMs)) {
      await publish(AFTER);
      await all(patienceMs);
    }
    published = await readChannel(server, channel);
    // What the client itself published may have come last.
    await all(oneConnection ? 0 : patienceMs);
    const printed = client.printed.flatMap(({ sequence }) => sequence ?? []);
    return { published, printed, ...(client.complaint === "" ? {} : { complaint: client.complaint }) };
  } finally {
    client.stop();
    relay.stop();
  }
}

async function publishEvent({ url }: ExperienceServer, channel: string, data: unknown): Promise<void> {
  const response = await fetch(`${url}/channels/${channel}`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ type: "note", data }),
  });
  if (response.status !== 201) throw new Error(`A publish was answered ${response.status}.`);
}

async function readChannel({ url }: ExperienceServer, channel: string): Promise<readonly string[]> {
  const response = await fetch(`${url}/channels/${channel}?after=earliest&limit=100`);
  const { events } = (await response.json()) as { events: readonly { readonly sequence: string }[] };
  return events.map(({ sequence }) => sequence);
}
