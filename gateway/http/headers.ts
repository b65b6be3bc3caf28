/** Names in lower case, in the order in which they came; a name may be there several times. */
export type HeaderList = readonly (readonly [name: string, value: string])[];

/** Headers that belong to one connection and end with it (RFC 9110 §7.6.1; RFC 9113 §8.2.2 forbids them on HTTP/2). */
const HOP_BY_HOP = new Set([
  "connection",
  "keep-alive",
  "proxy-connection",
  "transfer-encoding",
  "upgrade",
  "te",
  "trailer",
  "http2-settings",
  "proxy-authenticate",
  "proxy-authorization",
]);

/** What only a proxy says: a client that says it itself would be believed to come from elsewhere. */
const OF_PROXIES = new Set([
  "x-forwarded-for",
  "x-forwarded-proto",
  "x-forwarded-host",
  "forwarded",
  "x-real-ip",
  "cf-connecting-ip",
]);

/** Who asked, and how. */
export interface Origin {
  readonly remoteAddress: string;
  readonly authority: string;
  readonly scheme: "http" | "https";
  /** As `Via` names it (RFC 9110 §7.6.3): `1.1`, `2`, `3`. */
  readonly version: string;
}

/**
 * The headers of a request as the Worker gets them.
 *
 * @param isNear whether the Worker is reached in clear, and so is no Worker on Cloudflare's network, which says itself
 * where a client is and refuses who does so in its place
 */
export function toWorkerHeaders(headers: HeaderList, origin: Origin, isNear: boolean): [string, string][] {
  const named = listNamedByConnection(headers);
  const kept: [string, string][] = [];
  for (const [name, value] of headers) {
    if (name.startsWith(":") || name === "host" || name === "expect") continue;
    if (HOP_BY_HOP.has(name) || OF_PROXIES.has(name) || named.has(name)) continue;
    kept.push([name, value]);
  }
  kept.push(
    ["x-forwarded-for", origin.remoteAddress],
    ["x-forwarded-proto", origin.scheme],
    ["x-forwarded-host", origin.authority],
    ["via", `${origin.version} everywire-gateway`],
  );
  if (isNear) kept.push(["cf-connecting-ip", origin.remoteAddress]);
  return kept;
}

/** The headers of the Worker's answer as the client gets them. */
export function toClientHeaders(headers: HeaderList): [string, string][] {
  const named = listNamedByConnection(headers);
  return headers.flatMap(([name, value]) => {
    if (HOP_BY_HOP.has(name) || named.has(name)) return [];
    return [[name, value] as [string, string]];
  });
}

/** Node's list of names and values in turn, as pairs. */
export function fromRawHeaders(raw: readonly string[]): [string, string][] {
  const pairs: [string, string][] = [];
  for (let index = 0; index + 1 < raw.length; index += 2) {
    pairs.push([(raw[index] ?? "").toLowerCase(), raw[index + 1] ?? ""]);
  }
  return pairs;
}

/** As Node takes headers that repeat. */
export function toRecord(headers: HeaderList): Record<string, string | string[]> {
  const record: Record<string, string | string[]> = {};
  for (const [name, value] of headers) {
    const before = record[name];
    if (before === undefined) record[name] = value;
    else if (Array.isArray(before)) before.push(value);
    // HTTP/2 and HTTP/3 may split a cookie, HTTP/1.1 may not (RFC 9113 §8.2.3).
    else if (name === "cookie") record[name] = `${before}; ${value}`;
    else record[name] = [before, value];
  }
  return record;
}

export function findHeader(headers: HeaderList, wanted: string): string | undefined {
  return headers.find(([name]) => name === wanted)?.[1];
}

function listNamedByConnection(headers: HeaderList): ReadonlySet<string> {
  const named = new Set<string>();
  for (const [name, value] of headers) {
    if (name !== "connection") continue;
    for (const token of value.split(",")) named.add(token.trim().toLowerCase());
  }
  return named;
}
