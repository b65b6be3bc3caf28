import type { Worker } from "../worker/worker.ts";
import type { Glob } from "./glob.ts";

const PAGE = 1000;
const TIMEOUT_MS = 10_000;

/** The channels that there are, that the token may read and that match. @throws Error */
export async function listChannels(
  worker: Worker,
  token: string | undefined,
  globs: readonly Glob[],
): Promise<ReadonlySet<string>> {
  const found = new Set<string>();
  for (const prefix of new Set(globs.map((glob) => glob.prefix))) {
    let after: string | null = "";
    while (after !== null) {
      const url = new URL("/channels", worker.url);
      url.search = new URLSearchParams({ prefix, after, limit: String(PAGE) }).toString();
      const response = await fetch(url, {
        headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
        signal: AbortSignal.timeout(TIMEOUT_MS),
      });
      const text = await response.text();
      if (!response.ok)
        throw new Error(`Channels are not listed: HTTP status ${response.status}. ${text.slice(0, 300)}`);
      const page = JSON.parse(text) as { channels: { name: string }[]; next: string | null };
      for (const { name } of page.channels) if (globs.some((glob) => glob.matches(name))) found.add(name);
      after = page.next;
    }
  }
  return found;
}
