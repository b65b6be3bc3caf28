import { EverywireError } from "../../core/error.ts";
import { toRateKey } from "../../core/identity.ts";
import type { IdempotencyClaim } from "../../core/records.ts";
import { decodeUtf8, mediaType, parseJson, readBytes } from "../boundary/body.ts";
import type { EdgeContext } from "../boundary/edge.ts";
import type { Representation } from "./negotiate.ts";
import { negotiate } from "./negotiate.ts";
import type { ApiVersion, Mount } from "./versions.ts";
import { isApiVersion } from "./versions.ts";

/** In which form and version a client wants its answer. */
export interface Asked {
  readonly representation: Representation;
  readonly version: ApiVersion;
  /** What a link to a resource must end with to be of the same version. */
  readonly linkSuffix: string;
}

/**
 * Reads what is asked for. A version in `Accept` counts more than the one in the path, and that more than the query's;
 * without any it is 1.
 *
 * @throws EverywireError `not_acceptable`, `invalid_argument` for an unknown `?version=`
 */
export function decodeAsked(c: EdgeContext, mount: Mount): Asked {
  const representation = negotiate(c.req.header("accept"));
  const queried = mount.version === undefined ? parseVersion(c.req.query("version")) : undefined;
  return {
    representation,
    version: representation.version ?? mount.version ?? queried ?? 1,
    linkSuffix: queried === undefined ? "" : `?version=${queried}`,
  };
}

function parseVersion(text: string | undefined): ApiVersion | undefined {
  if (text === undefined) return undefined;
  const version = /^v?[0-9]$/.test(text) ? Number(text.replace("v", "")) : Number.NaN;
  if (isApiVersion(version)) return version;
  throw new EverywireError("invalid_argument", "'version' is 1 or 2.");
}

/** A body, parsed but not validated, and the version that it is written in. */
export interface DecodedBody {
  readonly value: unknown;
  readonly version: ApiVersion;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

const BODY_TYPES: ReadonlyMap<string, ApiVersion | undefined> = new Map([
  ["application/json", undefined],
  ["application/vnd.everywire.v1+json", 1],
  ["application/vnd.everywire.v2+json", 2],
]);

export const PATCH_TYPE = "application/merge-patch+json";
export const BODY_TYPE_NAMES: readonly string[] = [...BODY_TYPES.keys()];

/**
 * Reads a body of JSON. A media type that names a version says what the body is in; any other body is in the version
 * that is asked for.
 *
 * @throws EverywireError `unsupported_media_type`, `payload_too_large`, `invalid_argument` for what is not JSON
 */
export async function decodeBody(c: EdgeContext, asked: Asked, isPatch = false): Promise<DecodedBody> {
  const type = mediaType(c.req.raw);
  if (!BODY_TYPES.has(type) && !(isPatch && type === PATCH_TYPE)) {
    const names = isPatch ? [PATCH_TYPE, ...BODY_TYPE_NAMES] : BODY_TYPE_NAMES;
    throw new EverywireError("unsupported_media_type", `The body must be ${names.join(" or ")}.`);
  }
  const bytes = await readBytes(c.req.raw, c.get("edge").settings.limits.MAX_REQUEST_BYTES);
  return { value: parseJson(decodeUtf8(bytes)), version: BODY_TYPES.get(type) ?? asked.version, bytes };
}

// Visible ASCII: the header can be a structured-field string, quotes and all, or a bare token.
const IDEMPOTENCY_KEY = /^[\x21-\x7e]{1,255}$/;

/**
 * Reads `Idempotency-Key`. A key belongs to who sent it and to the collection that it was sent to.
 *
 * @throws EverywireError `invalid_argument`
 */
export async function decodeIdempotency(
  c: EdgeContext,
  mount: Mount,
  body: DecodedBody,
): Promise<IdempotencyClaim | undefined> {
  const key = c.req.header("idempotency-key");
  if (key === undefined) return undefined;
  if (!IDEMPOTENCY_KEY.test(key)) {
    throw new EverywireError("invalid_argument", "'Idempotency-Key' is 1-255 visible ASCII characters.");
  }
  const route = c.req.path.slice(mount.prefix.length);
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", body.bytes));
  const hash = Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return {
    key: `${toRateKey(c.get("identity"))}\n${route}\n${key}`,
    fingerprint: `v${body.version}:${hash}`,
  };
}
