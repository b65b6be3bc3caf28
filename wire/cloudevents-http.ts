/**
 * The header rules of the CloudEvents HTTP protocol binding 1.0.2: attributes travel as `ce-` headers in binary mode
 * (§3.1.3.1), and their values are percent-encoded (§3.1.3.2).
 */

export const BATCH_MEDIA_TYPE = "application/cloudevents-batch+json";
export const ATTRIBUTE_HEADER_PREFIX = "ce-";

const MUST_ENCODE = /[^\u0021-\u007e]|["%]/gu;
const PRINTABLE = /^[\u0020-\u007e\t]*$/;
const ENCODED_BYTES = /(?:%[0-9A-Fa-f]{2})+/g;
const QUOTED = /^"((?:[^"\\]|\\.)*)"$/;

/** Encodes an attribute's value for a header: space, `"`, `%` and what is not printable ASCII become `%XX`. */
export function encodeHeaderValue(value: string): string {
  return value.toWellFormed().replace(MUST_ENCODE, encodePoint);
}

// encodeURIComponent leaves some of ASCII alone, but none of what MUST_ENCODE finds.
function encodePoint(point: string): string {
  return encodeURIComponent(point);
}

/**
 * Decodes a header's value: a quoted string is unquoted first (older senders quote), then percent-encoded bytes are
 * decoded once. A `%` that starts no encoded byte stands for itself.
 *
 * @returns undefined where the encoded bytes are not UTF-8 (which "MUST generate an error"), or where the value has
 *   raw characters that a header cannot carry unambiguously
 */
export function decodeHeaderValue(header: string): string | undefined {
  if (!PRINTABLE.test(header)) return undefined;
  const quoted = QUOTED.exec(header)?.[1];
  const value = quoted === undefined ? header : quoted.replace(/\\(.)/g, "$1");
  if (!value.includes("%")) return value;
  try {
    return value.replace(ENCODED_BYTES, (bytes) => decodeURIComponent(bytes));
  } catch {
    return undefined;
  }
}
