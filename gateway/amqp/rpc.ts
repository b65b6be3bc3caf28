import { Buffer } from "node:buffer";
import type { ConfirmChannel, ConsumeMessage } from "amqplib";
import { findError } from "../gateway-error.ts";
import type { Worker } from "../worker/worker.ts";
import { post, toAuthorization } from "../worker/worker-post.ts";
import { APP_ID } from "./cloudevents-amqp.ts";
import { publishConfirmed } from "./confirmed.ts";
import { MAX_MESSAGE_BYTES } from "./message-size.ts";

/** As the Worker numbers `unavailable` (functions/json-rpc/README.md). */
const UNAVAILABLE = -32050;
const PAYLOAD_TOO_LARGE = -32013;
/** A read may wait for a minute (`waitMs`). */
const TIMEOUT_MS = 75_000;

/** What the Worker would say of it, without being asked. */
const TOO_LARGE = {
  status: 413,
  body: JSON.stringify({ error: { code: "payload_too_large", message: "The call is too large." } }),
};

/** JSON-RPC calls from a queue onto `POST /rpc`, answered to where each says (RabbitMQ's RPC pattern). */
export async function answerCall(
  message: ConsumeMessage,
  options: { readonly worker: Worker; readonly token: string | undefined; readonly channel: ConfirmChannel },
): Promise<void> {
  const { worker, token, channel } = options;
  const { replyTo, correlationId, headers } = message.properties;
  // It was taken before, and the connection did not outlive it: its answer may be why, and must not be so for ever.
  if (message.fields.redelivered) channel.ack(message);
  const isTooLarge = message.content.byteLength > MAX_MESSAGE_BYTES;
  const body = isTooLarge ? "" : message.content.toString("utf8");
  const authorization = toAuthorization(headers, token);
  const request = { body, contentType: "application/json", authorization, timeoutMs: TIMEOUT_MS };
  const answer = isTooLarge ? TOO_LARGE : await post(worker, "/rpc", request);
  if (typeof replyTo === "string" && replyTo !== "" && answer.status !== 204) {
    const reply = isJsonRpc(answer.body) ? answer.body : toFault(body, answer.body);
    const correlation = correlationId === undefined ? {} : { correlationId: String(correlationId) };
    const properties = { contentType: "application/json", appId: APP_ID, ...correlation };
    await publishConfirmed(channel, "", replyTo, Buffer.from(reply), properties);
  }
  if (!message.fields.redelivered) channel.ack(message);
}

function isJsonRpc(text: string): boolean {
  return /^\s*(\[\s*)?\{\s*"jsonrpc"/.test(text);
}

/** Whether the call was carried out is not known, so it is not tried again: the caller decides. */
function toFault(request: string, answer: string): string {
  const { message = "The server is not reachable. Try again.", code = "unavailable" } = findError(answer);
  return JSON.stringify({
    jsonrpc: "2.0",
    id: findId(request),
    error: { code: code === "payload_too_large" ? PAYLOAD_TOO_LARGE : UNAVAILABLE, message, data: { code } },
  });
}

function findId(request: string): unknown {
  try {
    const { id } = JSON.parse(request) as { readonly id?: unknown };
    return typeof id === "string" || typeof id === "number" ? id : null;
  } catch {
    return null;
  }
}
