import { findError } from "../gateway-error.ts";
import type { Worker } from "./worker.ts";

const TIMEOUT_MS = 30_000;

export interface PostAnswer {
  /** Zero where there was no answer. */
  readonly status: number;
  readonly body: string;
}

/** Posts to the Worker; whoever sent a message may have put a token of its own on it. */
export async function post(
  worker: Worker,
  path: string,
  request: {
    readonly body: string;
    readonly contentType: string;
    readonly authorization: string | undefined;
    readonly timeoutMs?: number;
  },
): Promise<PostAnswer> {
  const { body, contentType, authorization, timeoutMs = TIMEOUT_MS } = request;
  try {
    const response = await fetch(new URL(path, worker.url), {
      method: "POST",
      headers: { "content-type": contentType, ...(authorization === undefined ? {} : { authorization }) },
      body,
      signal: AbortSignal.timeout(timeoutMs),
    });
    return { status: response.status, body: await response.text() };
  } catch (thrown) {
    return { status: 0, body: thrown instanceof Error ? thrown.message : String(thrown) };
  }
}

/** The message's own `authorization`, else the gateway's token. */
export function toAuthorization(
  headers: Readonly<Record<string, unknown>> | undefined,
  token: string | undefined,
): string | undefined {
  const own = headers?.authorization;
  if (typeof own === "string" && /^[\x21-\x7e]+ [\x21-\x7e]+$/.test(own)) return own;
  return token === undefined ? undefined : `Bearer ${token}`;
}

/** What becomes of a message that was posted. */
export type Outcome =
  | { readonly kind: "done" }
  | { readonly kind: "later"; readonly reason: string }
  | { readonly kind: "never"; readonly reason: string };

/**
 * A fault of ours, a rate, or a token of ours that has expired will pass; what is wrong with the message will not.
 *
 * @param hasOwnToken whether the message came with a token, which nobody will renew
 */
export function toOutcome({ status, body }: PostAnswer, hasOwnToken = false): Outcome {
  if (status >= 200 && status < 300) return { kind: "done" };
  const { code = `status ${status}`, message = "" } = findError(body);
  const reason = `${code}: ${message}`;
  const isOurs = status === 401 && !hasOwnToken;
  const passes = status < 400 || status >= 500 || isOurs || status === 408 || status === 429;
  return { kind: passes ? "later" : "never", reason };
}
