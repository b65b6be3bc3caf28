import { publishEvent } from "./channel.ts";
import { placeClient } from "./placement.ts";
import { createPlainProxy } from "./proxies.ts";
import type { ExperienceServer } from "./server.ts";
import type { Subject } from "./subjects.ts";

/**
 * Beyond this an event has not come: a proxy that holds an answer back may let it go in the end. Long enough for a client that
 * tries one wire after the other.
 */
const PATIENCE_MS = 8000;

/** Whether a client gets what is there, and what comes, through a proxy of plain HTTP/1.1. */
export async function runProxyTrial(
  subject: Subject,
  server: ExperienceServer,
  holdsAnswers: boolean,
): Promise<boolean> {
  const channel = `demo/proxy-${subject.file}-${crypto.randomUUID()}`;
  await publishEvent(server, channel, "before");
  const create = (targetPort: number) => createPlainProxy(targetPort, holdsAnswers);
  const { client, stop } = await placeClient(subject, server, channel, { create, oneConnection: false });
  try {
    // Its own, where it publishes one, is the second.
    const first = subject.isReadOnly === true ? 1 : 2;
    if (!(await client.hasPrinted(first, PATIENCE_MS))) return false;
    await publishEvent(server, channel, "after");
    return await client.hasPrinted(first + 1, PATIENCE_MS);
  } finally {
    stop();
  }
}
