import type { Choice } from "../../guide/choose.ts";
import type { Guide } from "../../guide/guide.ts";

/** It changes with a deploy and with nothing else, and says nothing about who asks. */
const CACHE_CONTROL = "public, max-age=300";

export function encodeGuide(value: Guide | Choice): Response {
  return new Response(JSON.stringify(value), {
    headers: { "content-type": "application/json", "cache-control": CACHE_CONTROL },
  });
}
