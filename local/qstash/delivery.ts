import type { Env } from "./env.ts";
import type { Answer, Message } from "./message.ts";
import { isSuccess } from "./retry.ts";
import { MAX_RESPONSE_BYTES } from "./settings.ts";
import { signDelivery } from "./signature.ts";

/**
 * Sends a message once, signed. Never throws: what went wrong is in the answer.
 *
 * Redirects are not followed: they are an answer that is not 2xx, and a signature is good for one address.
 */
export async function deliver(
  env: Env,
  signingKey: string,
  message: Message,
  body: Uint8Array<ArrayBuffer>,
): Promise<Answer> {
  const { url, method, timeoutMs } = message.spec;
  // A GET has no body for `fetch`, and what is signed is what is sent.
  const sent = method === "GET" ? new Uint8Array() : body;
  const abort = new AbortController();
  const timer = setTimeout(() => abort.abort(), timeoutMs);
  try {
    const signature = await signDelivery(signingKey, url, sent, Date.now());
    const response = await toFetcher(env, url).fetch(url, {
      method,
      headers: toDeliveryHeaders(message, signature),
      body: sent.byteLength === 0 ? null : sent,
      redirect: "manual",
      signal: abort.signal,
    });
    return await toAnswer(response);
  } catch (error) {
    const reason = abort.signal.aborted ? `no answer within ${timeoutMs / 1000} s` : describe(error);
    return { status: 0, headers: {}, body: new Uint8Array(), error: reason };
  } finally {
    clearTimeout(timer);
  }
}

function toFetcher({ EVERYWIRE, WORKER_ALIAS }: Env, url: string): Pick<Fetcher, "fetch"> {
  const isWorker = WORKER_ALIAS !== undefined && new URL(url).origin === WORKER_ALIAS;
  return EVERYWIRE !== undefined && isWorker ? EVERYWIRE : { fetch: (input, init) => fetch(input, init) };
}

function toDeliveryHeaders({ id, spec, retried }: Message, signature: string): Headers {
  const headers = new Headers(spec.headers);
  // After those that are forwarded: nobody may send a signature of their own.
  headers.set("user-agent", "Upstash-QStash");
  headers.set("upstash-signature", signature);
  headers.set("upstash-message-id", id);
  headers.set("upstash-retried", `${retried}`);
  if (spec.urlGroup !== undefined) headers.set("upstash-topic-name", spec.urlGroup);
  if (spec.scheduleId !== undefined) headers.set("upstash-schedule-id", spec.scheduleId);
  if (spec.callerIp !== undefined) headers.set("upstash-caller-ip", spec.callerIp);
  return headers;
}

async function toAnswer(response: Response): Promise<Answer> {
  const headers: Record<string, readonly string[]> = {};
  for (const [name, value] of response.headers) headers[name] = [...(headers[name] ?? []), value];
  const body = await readBeginning(response.body, MAX_RESPONSE_BYTES);
  const error = isSuccess(response.status) ? undefined : `the destination answered ${response.status}`;
  return { status: response.status, headers, body, error };
}

/** The rest is not waited for: nobody sees it. */
async function readBeginning(stream: ReadableStream<Uint8Array> | null, limit: number): Promise<Uint8Array> {
  if (stream === null) return new Uint8Array();
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const part of stream) {
    parts.push(part.subarray(0, limit - size));
    size = Math.min(limit, size + part.byteLength);
    // Leaving the loop cancels the stream.
    if (size === limit) break;
  }
  const body = new Uint8Array(size);
  let at = 0;
  for (const part of parts) {
    body.set(part, at);
    at += part.byteLength;
  }
  return body;
}

function describe(error: unknown): string {
  return error instanceof Error && error.message !== ""
    ? error.message
    : "the destination could not be reached";
}
