import { base64Decode, base64Encode } from "@bufbuild/protobuf/wire";
import { EverywireError } from "../../core/error.ts";

/**
 * A page token: the store's cursor, and what the list was asked for, so that a token of one list is not taken for a
 * place in another (AIP-158).
 */
export function encodePageToken(cursor: string, asked: string): string {
  return base64Encode(new TextEncoder().encode(JSON.stringify([cursor, asked])), "url");
}

/**
 * The cursor to go on from; undefined for the first page.
 *
 * @throws EverywireError `invalid_argument`
 */
export function decodePageToken(token: string, asked: string): string | undefined {
  if (token === "") return undefined;
  const [cursor, wasAsked] = parse(token);
  if (typeof cursor !== "string") throw invalid("'page_token' is not one of ours.");
  if (wasAsked !== asked)
    throw invalid("'page_token' goes with the filters and the order that it was given for.");
  return cursor;
}

function parse(token: string): readonly unknown[] {
  try {
    const value: unknown = JSON.parse(new TextDecoder().decode(base64Decode(token)));
    return Array.isArray(value) ? value : [];
  } catch {
    return [];
  }
}

function invalid(message: string): EverywireError {
  return new EverywireError("invalid_argument", message);
}
