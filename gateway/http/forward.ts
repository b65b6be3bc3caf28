import type { ClientRequest, IncomingMessage } from "node:http";
import { concatBytes } from "../../wire/bytes.ts";
import { GatewayError } from "../gateway-error.ts";
import { logSparingly } from "../log.ts";
import type { Worker } from "../worker/worker.ts";
import { abandon, toGatewayError } from "../worker/worker.ts";
import type { Exchange } from "./exchange.ts";
import { findHeader, fromRawHeaders, toClientHeaders, toRecord, toWorkerHeaders } from "./headers.ts";
import { untilDrained } from "./until-drained.ts";

const RETRY_AFTER_SECONDS = "1";
/** Between a connection's fault and an answer that had come before it. */
const LAST_WORD_MS = 500;
const FIRST_ERROR_STATUS = 400;
/** How long the headers of a request wait for its body. */
const GATHER_MS = 2;
const GATHERED_BYTES = 16 * 1024;
/** Of a body that the Worker wants no more of. */
const MAX_UNREAD_BYTES = 32 * 1024 * 1024;

/** Carries one exchange to the Worker and back, both ways at once and at the pace of who is slower. */
export async function forward(exchange: Exchange, worker: Worker, responseTimeoutMs: number): Promise<void> {
  let request: ClientRequest | undefined;
  let hasResponded = false;
  const leave = () => {
    if (request !== undefined) abandon(request);
  };
  exchange.signal.addEventListener("abort", leave, { once: true });
  try {
    request = worker.open({
      method: exchange.method,
      path: exchange.path,
      headers: toRecord(toWorkerHeaders(exchange.headers, exchange.origin, worker.isNear)),
    });
    if (exchange.signal.aborted) return leave();
    const answered = answerOf(request);
    const sent = send(exchange, request);
    // Where the client leaves in the middle of its body, nobody waits for what became of it.
    sent.catch(() => {});
    const response = await untilAnswered(answered, sent, responseTimeoutMs);
    hasResponded = true;
    await relay(exchange, response);
    // Answered before all was sent: what is left of the connection is of no use for another request.
    if (!request.writableEnded) leave();
  } catch (thrown) {
    leave();
    if (exchange.signal.aborted) return;
    const error = toGatewayError(thrown);
    if (hasResponded) return exchange.cut();
    refuse(exchange, error);
  } finally {
    exchange.signal.removeEventListener("abort", leave);
  }
}

/** Answers with an error of the gateway's own. */
export function refuse(exchange: Exchange, error: GatewayError): void {
  if (error.code === "internal") logSparingly("fault", { path: exchange.path, why: error.cause ?? error });
  const body = new TextEncoder().encode(error.toBody(Date.now()));
  const headers: [string, string][] = [
    ["content-type", "application/json"],
    ["content-length", String(body.byteLength)],
    ["cache-control", "no-store"],
  ];
  if (error.code === "unavailable") headers.push(["retry-after", RETRY_AFTER_SECONDS]);
  exchange.respond(error.httpStatus, headers, exchange.method === "HEAD");
  if (exchange.method === "HEAD") return;
  exchange.write(body).catch(() => {});
  exchange.end();
}

/** The head of the Worker's answer. @throws the error of a connection that gives none */
export function answerOf(request: ClientRequest): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    let isAnswered = false;
    request.once("response", (response) => {
      isAnswered = true;
      resolve(response);
    });
    request.once("error", (error: Error & { readonly code?: unknown }) => {
      // A server that refuses before it has read all closes its ear first: what it says is still on the way.
      if (error.code === "EPIPE") setTimeout(reject, LAST_WORD_MS, error);
      else reject(error);
    });
    request.once("close", () => {
      if (isAnswered) return;
      const noAnswer = new GatewayError("unavailable", "The server gave no answer.", { status: 502 });
      setTimeout(reject, LAST_WORD_MS, noAnswer);
    });
  });
}

/** Sends the body on. Rejects where the client stops in the middle of it. */
export async function send(exchange: Exchange, request: ClientRequest): Promise<void> {
  if (exchange.isBodyless) {
    request.end();
    return;
  }
  let isRefused = false;
  request.once("response", ({ statusCode = 0 }) => (isRefused = statusCode >= FIRST_ERROR_STATUS));
  const iterator = exchange.body[Symbol.asyncIterator]();
  const { bytes, next } = await gather(iterator);
  if (next === undefined) {
    request.end(bytes);
    return;
  }
  if (bytes.byteLength > 0) request.write(bytes);
  request.flushHeaders();
  let unread = 0;
  for (let result = await next; result.done !== true; result = await iterator.next()) {
    const chunk = result.value;
    if (request.destroyed || isRefused) {
      // The Worker has answered, or failed, before it read all. To stop reading here would cut off the client together
      // with its answer.
      unread += chunk.byteLength;
      if (unread > MAX_UNREAD_BYTES) return;
      continue;
    }
    if (!request.write(chunk)) await untilDrained(request);
  }
  if (!isRefused) request.end();
}

/**
 * What is there of a body already, to leave together with the headers: a Worker that refuses those alone has then read
 * it. `next` is undefined where that is all of it.
 */
async function gather(iterator: AsyncIterator<Uint8Array>) {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(resolve, GATHER_MS, undefined);
  });
  const chunks: Uint8Array[] = [];
  try {
    for (let length = 0; ; ) {
      const next = iterator.next();
      const result = length < GATHERED_BYTES ? await Promise.race([next, late]) : undefined;
      if (result === undefined) return { bytes: concatBytes(chunks), next };
      if (result.done === true) return { bytes: concatBytes(chunks), next: undefined };
      chunks.push(result.value);
      length += result.value.byteLength;
    }
  } finally {
    clearTimeout(timer);
  }
}

/** @throws GatewayError `deadline_exceeded`, counted from the end of the request */
async function untilAnswered(
  answered: Promise<IncomingMessage>,
  sent: Promise<void>,
  timeoutMs: number,
): Promise<IncomingMessage> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    const fail = () => reject(new GatewayError("deadline_exceeded", "The server did not answer in time."));
    sent.then(
      () => (timer = setTimeout(fail, timeoutMs)),
      () => {},
    );
  });
  try {
    return await Promise.race([answered, late]);
  } finally {
    clearTimeout(timer);
    sent.then(
      () => clearTimeout(timer),
      () => {},
    );
  }
}

async function relay(exchange: Exchange, response: IncomingMessage): Promise<void> {
  const headers = toClientHeaders(fromRawHeaders(response.rawHeaders));
  const status = response.statusCode ?? 502;
  const isEmpty =
    exchange.method === "HEAD" ||
    status === 204 ||
    status === 304 ||
    (findHeader(headers, "content-length") === "0" && response.headers["transfer-encoding"] === undefined);
  exchange.respond(status, headers, isEmpty);
  if (isEmpty) {
    response.resume();
    return;
  }
  for await (const chunk of response) await exchange.write(chunk as Uint8Array);
  // An answer that was cut short ends its stream quietly in some runtimes.
  if (!response.complete) throw new Error("The answer was cut short.");
  exchange.end();
}
