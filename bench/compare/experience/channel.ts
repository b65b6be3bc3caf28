import type { ExperienceServer } from "./server.ts";

/** Publishes a note, past whatever stands between a client and the server. */
export async function publishEvent(
  { url }: Pick<ExperienceServer, "url">,
  channel: string,
  data: unknown,
): Promise<void> {
  const response = await fetch(`${url}/channels/${channel}`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ type: "note", data }),
  });
  if (response.status !== 201) throw new Error(`A publish was answered ${response.status}.`);
}

/** The sequences of all that is in a channel. */
export async function readSequences(
  { url }: Pick<ExperienceServer, "url">,
  channel: string,
): Promise<readonly string[]> {
  const response = await fetch(`${url}/channels/${channel}?after=earliest&limit=100`);
  const { events } = (await response.json()) as { events: readonly { readonly sequence: string }[] };
  return events.map(({ sequence }) => sequence);
}
