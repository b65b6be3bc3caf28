/**
 * Which addresses the outside may make us call (SSRF). An edge function stands where its caller does not: in our network,
 * beside services that trust whoever reaches them. So an address that somebody else chose is called only where anybody
 * could call it.
 *
 * All of this is decided from the text. What a name resolves to is asked elsewhere, and each of the addresses that come
 * back is held against {@link isPrivateAddress}.
 */

export interface TargetRules {
  /** `ALLOW_PRIVATE_WEBHOOKS`: for development, where everything is on one machine. Then any http(s) URL will do. */
  readonly allowsPrivate: boolean;
}

const MAX_URL_LENGTH = 2048;

/** [first address, bits of the prefix] of what is not reached from everywhere (IANA's special-purpose registry, RFC 6890). */
const PRIVATE_IPV4: readonly (readonly [string, number])[] = [
  ["0.0.0.0", 8],
  ["10.0.0.0", 8],
  ["100.64.0.0", 10],
  ["127.0.0.0", 8],
  ["169.254.0.0", 16],
  ["172.16.0.0", 12],
  ["192.0.0.0", 24],
  ["192.0.2.0", 24],
  ["192.88.99.0", 24],
  ["192.168.0.0", 16],
  ["198.18.0.0", 15],
  ["198.51.100.0", 24],
  ["203.0.113.0", 24],
  // Multicast, and what is reserved, the broadcast address with it.
  ["224.0.0.0", 4],
  ["240.0.0.0", 4],
];

/** The same within 2000::/3, the only part of IPv6 that is given out; everything outside of it is refused as a whole. */
const PRIVATE_IPV6: readonly (readonly [string, number])[] = [
  // Protocol assignments: Teredo, ORCHID, benchmarking.
  ["2001::", 23],
  ["2001:db8::", 32],
  ["3fff::", 20],
];

/** Names that mean something only inside of some network (RFC 6761, RFC 6762, RFC 8375, ICANN's `internal`). */
const PRIVATE_SUFFIXES = [
  "localhost",
  "localdomain",
  "local",
  "internal",
  "intranet",
  "private",
  "corp",
  "home",
  "lan",
  "arpa",
  "onion",
  "alt",
  "test",
  "example",
  "invalid",
];

/** Ports from 1024 on that belong to other protocols: those that `fetch` refuses in a browser (Fetch §2.9). */
const FOREIGN_PORTS: ReadonlySet<number> = new Set([
  1719, 1720, 1723, 2049, 3659, 4045, 4190, 5060, 5061, 6000, 6566, 6665, 6666, 6667, 6668, 6669, 6679, 6697,
  10080,
]);
const FIRST_UNPRIVILEGED_PORT = 1024;

/**
 * Why a URL that somebody else gave is not called; undefined where it may be. The text is written for who gave it.
 *
 * Forms such as `http://2130706433/`, `http://0x7f.1/` and `http://017700000001/` are the address that they mean, since a
 * URL parser writes them as one. Redirects are to be refused by whoever calls: they lead anywhere.
 *
 * @example refuseTarget("https://169.254.169.254/", { allowsPrivate: false }) // "It is a private address ..."
 */
export function refuseTarget(text: string, rules: TargetRules): string | undefined {
  if (text.length > MAX_URL_LENGTH) return `A URL has at most ${MAX_URL_LENGTH} characters.`;
  if (!URL.canParse(text)) return "This is not a URL.";
  const url = new URL(text);
  if (url.protocol !== "https:" && url.protocol !== "http:") return "The URL must be https.";
  if (url.username !== "" || url.password !== "") return "The URL must not have a user or a password in it.";
  if (rules.allowsPrivate) return undefined;
  if (url.protocol !== "https:") return "The URL must be https.";
  if (!isOpenPort(url.port)) return "The port belongs to another protocol; use 443, or one from 1024 on.";
  return isPrivateHost(url.hostname)
    ? "It is a private address: only what is reached from everywhere is called."
    : undefined;
}

/**
 * Whether an address is reached only from some networks, or by none: private, loopback, link-local, shared (CGNAT),
 * multicast, reserved, and IPv6 forms of those. What is no address counts as private, too.
 *
 * @param address as DNS gives it: `192.0.2.1`, `2001:db8::1`; without brackets
 */
export function isPrivateAddress(address: string): boolean {
  const ipv4 = parseIpv4(address);
  if (ipv4 !== undefined) return isPrivateIpv4(ipv4);
  const ipv6 = parseIpv6(address);
  return ipv6 === undefined || isPrivateIpv6(ipv6);
}

/** Whether a URL's host is an address, and so needs no look at DNS. */
export function isAddress(hostname: string): boolean {
  return hostname.startsWith("[") || parseIpv4(hostname) !== undefined;
}

function isPrivateHost(hostname: string): boolean {
  if (hostname.startsWith("[")) return isPrivateAddress(hostname.slice(1, -1));
  if (parseIpv4(hostname) !== undefined) return isPrivateAddress(hostname);
  // One dot at the end is the same name, written out in full.
  const labels = hostname.replace(/\.$/, "").split(".");
  // A name of one label is looked up in the network's own domain.
  return labels.length < 2 || PRIVATE_SUFFIXES.includes(labels.at(-1) ?? "");
}

function isOpenPort(port: string): boolean {
  if (port === "") return true;
  const number = Number(port);
  return number === 80 || (number >= FIRST_UNPRIVILEGED_PORT && !FOREIGN_PORTS.has(number));
}

function isPrivateIpv4(address: bigint): boolean {
  return PRIVATE_IPV4.some(([first, bits]) => hasPrefix(address, parseIpv4(first), bits, 32));
}

function isPrivateIpv6(address: bigint): boolean {
  // IPv4 in IPv6: mapped (::ffff:0:0/96), and 6to4 (2002::/16), whose routers take the IPv4 address out and go there.
  if (hasPrefix(address, parseIpv6("::ffff:0:0"), 96, 128)) return isPrivateIpv4(address & 0xffff_ffffn);
  if (hasPrefix(address, parseIpv6("2002::"), 16, 128)) return isPrivateIpv4((address >> 80n) & 0xffff_ffffn);
  if (!hasPrefix(address, parseIpv6("2000::"), 3, 128)) return true;
  return PRIVATE_IPV6.some(([first, bits]) => hasPrefix(address, parseIpv6(first), bits, 128));
}

function hasPrefix(address: bigint, prefix: bigint | undefined, bits: number, width: number): boolean {
  const shift = BigInt(width - bits);
  return prefix !== undefined && address >> shift === prefix >> shift;
}

function parseIpv4(text: string): bigint | undefined {
  if (!/^\d{1,3}(\.\d{1,3}){3}$/.test(text)) return undefined;
  const octets = text.split(".").map(Number);
  if (octets.some((octet) => octet > 255)) return undefined;
  return octets.reduce((address, octet) => (address << 8n) | BigInt(octet), 0n);
}

/** RFC 4291 §2.2, all three forms. A zone (`%eth0`) is only ever used with link-local addresses, and is no part of them here. */
function parseIpv6(text: string): bigint | undefined {
  const halves = toGroups(text)?.split("::");
  if (halves === undefined || halves.length > 2) return undefined;
  const [left = [], right = []] = halves.map((half) => (half === "" ? [] : half.split(":")));
  const missing = 8 - left.length - right.length;
  if (halves.length === 1 ? missing !== 0 : missing < 1) return undefined;
  const groups = [...left, ...Array<string>(missing).fill("0"), ...right];
  if (!groups.every((group) => /^[0-9a-f]{1,4}$/i.test(group))) return undefined;
  return groups.reduce((address, group) => (address << 16n) | BigInt(`0x${group}`), 0n);
}

/** An IPv4 address at the end, as in `::ffff:10.0.0.1`, written as the two groups that it is. */
function toGroups(text: string): string | undefined {
  if (!text.includes(".")) return text;
  const start = text.lastIndexOf(":") + 1;
  const ipv4 = parseIpv4(text.slice(start));
  if (ipv4 === undefined) return undefined;
  return `${text.slice(0, start)}${(ipv4 >> 16n).toString(16)}:${(ipv4 & 0xffffn).toString(16)}`;
}
