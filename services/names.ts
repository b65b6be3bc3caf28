import { EverywireError } from "../core/error.ts";
import type { Names } from "../core/ports.ts";

interface DnsAnswer {
  readonly Status: number;
  readonly Answer?: readonly { readonly type: number; readonly data: string }[];
}

/** A and AAAA, as `type` in the answer (RFC 1035 §3.2.2, RFC 3596 §2.1). */
const ADDRESS_TYPES = { A: 1, AAAA: 28 } as const;
const NO_ERROR = 0;
const NO_SUCH_NAME = 3;
const TIMEOUT_MS = 5000;
/** Short: it is asked before each call so that a name which leads elsewhere by now is noticed. */
const CACHE_MS = 5000;
const MAX_CACHED = 1000;

/**
 * Looks names up by DNS over HTTPS, in the JSON form that Cloudflare and Google answer. `node:dns` of workerd does the same
 * underneath, but only with Cloudflare's resolver, which not every network reaches.
 */
export function createNames(resolverUrl: string | undefined): Names {
  const known = new Map<string, { readonly addresses: readonly string[]; readonly untilMs: number }>();
  return {
    async resolve(hostname) {
      if (resolverUrl === undefined) return undefined;
      const cached = known.get(hostname);
      if (cached !== undefined && cached.untilMs > Date.now()) return cached.addresses;
      const [ipv4, ipv6] = await Promise.all([
        ask(resolverUrl, hostname, "A"),
        ask(resolverUrl, hostname, "AAAA"),
      ]);
      const addresses = [...ipv4, ...ipv6];
      if (known.size >= MAX_CACHED) known.clear();
      known.set(hostname, { addresses, untilMs: Date.now() + CACHE_MS });
      return addresses;
    },
  };
}

async function ask(
  resolverUrl: string,
  hostname: string,
  type: keyof typeof ADDRESS_TYPES,
): Promise<readonly string[]> {
  const url = new URL(resolverUrl);
  url.searchParams.set("name", hostname);
  url.searchParams.set("type", type);
  let answer: DnsAnswer;
  try {
    const response = await fetch(url, {
      headers: { accept: "application/dns-json" },
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    if (!response.ok) throw new Error(`The resolver answered ${response.status}.`);
    answer = (await response.json()) as DnsAnswer;
  } catch (cause) {
    throw new EverywireError("unavailable", "Names cannot be looked up now.", { cause });
  }
  if (answer.Status === NO_SUCH_NAME) return [];
  if (answer.Status !== NO_ERROR)
    throw new EverywireError("unavailable", "This name cannot be looked up now.");
  // An alias is answered together with what it leads to.
  return (answer.Answer ?? [])
    .filter((record) => record.type === ADDRESS_TYPES[type])
    .map(({ data }) => data);
}
