import type { Precondition } from "../../core/operations/change-record.ts";
import type { Stored } from "../../core/records.ts";
import type { Representation } from "./negotiate.ts";
import type { ApiVersion } from "./versions.ts";

/**
 * The strong entity tag of a record (RFC 9110 §8.8.3): which record, how often it was written, and in which form. All
 * of it is known without making the answer, so that a 304 costs no encoding and a 200 no hashing.
 */
export function recordEtag(
  stored: Stored<{ readonly id: string }>,
  version: ApiVersion,
  kind: Representation["kind"],
): string {
  return `"${stored.value.id}-${stored.version}-v${version}-${kind}"`;
}

/** The entity tag of a list: a hash of what is sent. */
export async function textEtag(text: string, kind: Representation["kind"]): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text)));
  let hash = "";
  for (const byte of digest.subarray(0, 12)) hash += byte.toString(16).padStart(2, "0");
  return `"${hash}-${kind}"`;
}

/** Whether `If-None-Match` says that the client has this already: weak comparison (RFC 9110 §13.1.2). */
export function isKnown(ifNoneMatch: string | undefined, etag: string): boolean {
  if (ifNoneMatch === undefined) return false;
  if (ifNoneMatch === etag || ifNoneMatch.trim() === "*") return true;
  return parseTags(ifNoneMatch).some((tag) => tag.text === etag);
}

/**
 * `If-Match` and `If-None-Match` on a write (RFC 9110 §13.1.1). A tag of any form of the record names its version: who
 * read XML may write JSON. A tag that is weak or none of ours matches nothing, so it is 412.
 */
export function toPrecondition(
  id: string,
  ifMatch: string | undefined,
  ifNoneMatch: string | undefined,
): Precondition | undefined {
  if (ifMatch === undefined && ifNoneMatch === undefined) return undefined;
  const wanted = ifMatch === undefined ? undefined : namedVersions(id, ifMatch, false);
  const unwanted = ifNoneMatch === undefined ? undefined : namedVersions(id, ifNoneMatch, true);
  return (version) => {
    if (wanted !== undefined && wanted !== "any" && !wanted.has(version)) return false;
    return unwanted === undefined || (unwanted !== "any" && !unwanted.has(version));
  };
}

const OWN_TAG = /^"(.+)-(\d{1,15})-v\d+-[a-z]+"$/;

function namedVersions(id: string, header: string, hasWeak: boolean): ReadonlySet<number> | "any" {
  if (header.trim() === "*") return "any";
  const versions = new Set<number>();
  for (const { text, isWeak } of parseTags(header)) {
    const match = OWN_TAG.exec(text);
    if (match?.[1] === id && (hasWeak || !isWeak)) versions.add(Number(match[2]));
  }
  return versions;
}

function parseTags(header: string): readonly { readonly text: string; readonly isWeak: boolean }[] {
  return Array.from(header.matchAll(/(W\/)?("[^"]*")/g), ([, weak, text = ""]) => ({
    text,
    isWeak: weak !== undefined,
  }));
}
