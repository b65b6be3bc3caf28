import { toErrorResponse } from "./app.ts";
import type { Env } from "./env.ts";

export { Qstash } from "./qstash.ts";

export default {
  async fetch(request, env) {
    if (!(await hasToken(request, env.QSTASH_TOKEN))) {
      return toErrorResponse(401, "unauthorized: the token is missing, or is not the one of this account");
    }
    return env.QSTASH.getByName("account").fetch(request);
  },
} satisfies ExportedHandler<Env>;

/** Where no token is set nobody has it: served by mistake, this does nothing. */
async function hasToken(request: Request, token: string | undefined): Promise<boolean> {
  const [, given] = /^Bearer (.+)$/.exec(request.headers.get("authorization") ?? "") ?? [];
  if (!token || given === undefined) return false;
  const [one, other] = await Promise.all([digest(given), digest(token)]);
  // Of digests, so that where they first differ tells nothing of the token.
  return one.every((byte, index) => byte === other[index]);
}

async function digest(text: string): Promise<Uint8Array> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text)));
}
