import { EverywireError } from "../error.ts";

export type HashName = "SHA-1" | "SHA-256" | "SHA-512";

/** Senders sign with one or two secrets at a time. Each signature costs a pass over the body, so a header full is not tried. */
const MAX_SIGNATURES = 8;
const HEX = /^(?:[0-9a-f]{2})+$/i;
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;
const UNIX_TIME = /^\d{1,13}$/;
/** A time in seconds has that many digits until the year 5138; one more than that is in milliseconds. */
const MAX_SECONDS = 99_999_999_999;
const UTF8 = new TextEncoder();

/** One of the signatures that a sender's secrets can make. */
export interface Verifier {
  /** Whether one of the signatures is of this content. The comparison takes as long for a near miss as for any other. */
  matches(content: Uint8Array<ArrayBuffer>, signatures: readonly Uint8Array<ArrayBuffer>[]): Promise<boolean>;
}

/** @param secrets several while a sender goes from one to the next */
export function createHmacVerifier(
  secrets: readonly [Uint8Array<ArrayBuffer>, ...Uint8Array<ArrayBuffer>[]],
  hash: HashName,
): Verifier {
  const algorithm = { name: "HMAC", hash };
  return createVerifier("HMAC", () =>
    secrets.map((secret) => crypto.subtle.importKey("raw", secret, algorithm, false, ["verify"])),
  );
}

/** @param publicKeys of 32 bytes each */
export function createEd25519Verifier(publicKeys: readonly Uint8Array<ArrayBuffer>[]): Verifier {
  return createVerifier("Ed25519", () =>
    publicKeys.map((key) => crypto.subtle.importKey("raw", key, "Ed25519", false, ["verify"])),
  );
}

/** The keys are made at the first delivery: where a Worker starts, the runtime lets nothing wait. */
function createVerifier(algorithm: string, importKeys: () => readonly Promise<CryptoKey>[]): Verifier {
  let imported: Promise<readonly CryptoKey[]> | undefined;
  return {
    async matches(content, signatures) {
      imported ??= Promise.all(importKeys());
      for (const key of await imported) {
        for (const signature of signatures.slice(0, MAX_SIGNATURES)) {
          // WebCrypto compares in constant time; comparing texts would tell how much of a guess was right.
          if (await crypto.subtle.verify(algorithm, key, signature, content)) return true;
        }
      }
      return false;
    },
  };
}

/** @returns undefined where it is no hexadecimal */
export function decodeHex(text: string): Uint8Array<ArrayBuffer> | undefined {
  if (!HEX.test(text)) return undefined;
  const bytes = new Uint8Array(text.length / 2);
  for (let index = 0; index < bytes.length; index += 1) {
    bytes[index] = Number.parseInt(text.slice(2 * index, 2 * index + 2), 16);
  }
  return bytes;
}

/** @returns undefined where it is no standard base64, or empty */
export function decodeBase64(text: string): Uint8Array<ArrayBuffer> | undefined {
  if (text === "" || !BASE64.test(text)) return undefined;
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
}

/** Puts texts and bytes one after the other. */
export function joinBytes(...parts: readonly (string | Uint8Array)[]): Uint8Array<ArrayBuffer> {
  const encoded = parts.map((part) => (typeof part === "string" ? UTF8.encode(part) : part));
  const whole = new Uint8Array(encoded.reduce((length, { byteLength }) => length + byteLength, 0));
  let offset = 0;
  for (const part of encoded) {
    whole.set(part, offset);
    offset += part.byteLength;
  }
  return whole;
}

/** @throws EverywireError `unauthenticated` */
export function requireHeader(value: string | undefined, name: string): string {
  if (value === undefined || value === "") throw refused(`The header '${name}' is missing.`);
  return value;
}

/**
 * Holds a signed time to the replay window. One in the future is as bad as one in the past: it would keep a delivery
 * good for longer.
 *
 * @param text Unix time, in seconds or in milliseconds
 * @throws EverywireError `unauthenticated`
 */
export function assertRecent(text: string, toleranceSeconds: number, nowMs: number): void {
  if (!UNIX_TIME.test(text)) throw refused("The timestamp is no Unix time.");
  const value = Number(text);
  const sentSeconds = value > MAX_SECONDS ? value / 1000 : value;
  if (Math.abs(Math.floor(nowMs / 1000) - sentSeconds) > toleranceSeconds) {
    throw refused(`The timestamp is more than ${toleranceSeconds} seconds away from now.`);
  }
}

/** The same for every signature that does not fit: which part of it was wrong is nobody's to learn. */
export function mismatch(): EverywireError {
  return refused("The signature is not of this delivery.");
}

export function refused(message: string): EverywireError {
  return new EverywireError("unauthenticated", message);
}
