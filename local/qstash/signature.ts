import { base64url, SignJWT } from "jose";

const VALID_SECONDS = 300;

/**
 * The `Upstash-Signature` of one request: a JWT (HS256) over where it goes and what it carries, as the SDK's `Receiver`
 * verifies it.
 */
export async function signDelivery(
  signingKey: string,
  url: string,
  body: Uint8Array<ArrayBuffer>,
  nowMs: number,
): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", body);
  const now = Math.floor(nowMs / 1000);
  return new SignJWT({ body: base64url.encode(new Uint8Array(digest)) })
    .setProtectedHeader({ alg: "HS256", typ: "JWT" })
    .setIssuer("Upstash")
    .setSubject(url)
    .setIssuedAt(now)
    .setNotBefore(now)
    .setExpirationTime(now + VALID_SECONDS)
    .setJti(`jwt_${crypto.randomUUID().replaceAll("-", "")}`)
    .sign(new TextEncoder().encode(signingKey));
}
