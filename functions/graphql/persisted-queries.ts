import { EverywireError } from "../../core/error.ts";
import type { RequestParameters } from "./decode.ts";

const MAX_QUERIES = 1000;
/** A longer one is executed and not kept: it would cost more memory than its bytes on the wire. */
const MAX_QUERY_CHARACTERS = 8 * 1024;

/**
 * Documents by their SHA-256 (automatic persisted queries): a client sends the hash alone, and where it is not known,
 * once more together with the document. They are kept in this isolate, the latest thousand: another isolate just asks
 * again, so there is nothing to lose.
 */
export class PersistedQueries {
  readonly #queries = new Map<string, string>();

  /**
   * The parameters with their document.
   *
   * @throws EverywireError `not_found` with the message `PersistedQueryNotFound`, by which clients know to send the
   *   document; `invalid_argument` where the hash is not the document's
   */
  async resolve(parameters: RequestParameters): Promise<RequestParameters> {
    const hash = hashOf(parameters);
    if (hash === undefined) return parameters;
    const { query } = parameters;
    if (query === undefined || query === null) {
      const known = this.#queries.get(hash);
      if (known === undefined) throw new EverywireError("not_found", "PersistedQueryNotFound");
      this.#keep(hash, known);
      return { ...parameters, query: known };
    }
    if (typeof query !== "string" || (await sha256Hex(query)) !== hash) {
      throw new EverywireError("invalid_argument", "'sha256Hash' is not the SHA-256 of 'query'.");
    }
    if (query.length <= MAX_QUERY_CHARACTERS) this.#keep(hash, query);
    return parameters;
  }

  /** Deleting first keeps the map in order of use, so that the oldest is the first. */
  #keep(hash: string, query: string): void {
    this.#queries.delete(hash);
    this.#queries.set(hash, query);
    if (this.#queries.size <= MAX_QUERIES) return;
    const oldest = this.#queries.keys().next();
    if (!oldest.done) this.#queries.delete(oldest.value);
  }
}

function hashOf({ extensions }: RequestParameters): string | undefined {
  const persisted = extensions?.persistedQuery;
  if (typeof persisted !== "object" || persisted === null) return undefined;
  const { version, sha256Hash } = persisted as Readonly<Record<string, unknown>>;
  if (version === 1 && typeof sha256Hash === "string" && /^[0-9a-f]{64}$/.test(sha256Hash)) return sha256Hash;
  throw new EverywireError("invalid_argument", "'persistedQuery' is {version: 1, sha256Hash}.");
}

async function sha256Hex(text: string): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text)));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
