import { EverywireError } from "../../core/error.ts";

const IDEMPOTENCY_KEY = /^[\u0021-\u007e]{1,200}$/;

/**
 * The key of `Idempotency-Key`; undefined where there is none. draft-ietf-httpapi-idempotency-key-header §2.1 writes it as
 * a quoted string; most clients leave it bare.
 *
 * @throws EverywireError `invalid_argument`
 */
export function parseIdempotencyKey(header: string | null, name = "Idempotency-Key"): string | undefined {
  if (header === null) return undefined;
  const key = /^"(.*)"$/.exec(header)?.[1] ?? header;
  if (IDEMPOTENCY_KEY.test(key)) return key;
  throw new EverywireError("invalid_argument", `'${name}' is 1-200 printable ASCII characters.`);
}
