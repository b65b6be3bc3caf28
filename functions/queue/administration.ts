import { parseChannelName } from "../../core/channel-name.ts";
import { EverywireError } from "../../core/error.ts";
import { parseGroupName } from "../../core/operations/lease-messages.ts";
import {
  deleteDeadLetter,
  getDeadLetter,
  listDeadLetters,
  listGroupDeadLetters,
  retryDeadLetter,
} from "../../core/operations/manage-dead-letters.ts";
import {
  cancelMessage,
  deleteFifo,
  getFifo,
  getMessage,
  listFifos,
  saveFifo,
} from "../../core/operations/manage-messages.ts";
import type { EdgeContext } from "../boundary/edge.ts";
import { toOperationContext } from "../boundary/edge.ts";
import { parseWholeNumber } from "../boundary/query.ts";
import { queryOf } from "../boundary/request-target.ts";
import { parseFifoName, parseParallelism, readOptionalJson } from "./decode.ts";
import { encodeDeadLetters, toDeadLetterBody, toJsonResponse, toMessageBody } from "./encode.ts";

const DEFAULT_LISTED = 50;
const MAX_LISTED = 100;

/** `GET /queue/dead-letters?cursor=&limit=`, and of a consumer group `?channel=&group=`. */
export async function handleDeadLetters(c: EdgeContext): Promise<Response> {
  const context = toOperationContext(c);
  const query = queryOf(c.req.raw.url);
  const request = {
    cursor: query.get("cursor") || undefined,
    limit: parseWholeNumber(query.get("limit"), "limit", { min: 1, max: MAX_LISTED }) ?? DEFAULT_LISTED,
  };
  const channel = query.get("channel");
  if (channel === null) {
    if (query.has("group")) {
      throw new EverywireError("invalid_argument", "'group' is one of a channel: give 'channel', too.");
    }
    return encodeDeadLetters(await listDeadLetters(context, request));
  }
  const key = { channel: parseChannelName(channel), group: parseGroupName(query.get("group")) };
  return encodeDeadLetters(await listGroupDeadLetters(context, key, request));
}

/** `GET /queue/dead-letters/{id}` */
export async function handleDeadLetter(c: EdgeContext): Promise<Response> {
  return toJsonResponse(toDeadLetterBody(await getDeadLetter(toOperationContext(c), parameterOf(c, "id"))));
}

/** `POST /queue/dead-letters/{id}/retry` */
export async function handleRetry(c: EdgeContext): Promise<Response> {
  return toJsonResponse(await retryDeadLetter(toOperationContext(c), parameterOf(c, "id")), 202);
}

/** `DELETE /queue/dead-letters/{id}` */
export async function handleDeleteDeadLetter(c: EdgeContext): Promise<Response> {
  await deleteDeadLetter(toOperationContext(c), parameterOf(c, "id"));
  return new Response(null, { status: 204 });
}

/** `GET /queue/messages/{id}` */
export async function handleMessage(c: EdgeContext): Promise<Response> {
  return toJsonResponse(toMessageBody(await getMessage(toOperationContext(c), parameterOf(c, "id"))));
}

/** `DELETE /queue/messages/{id}` */
export async function handleCancel(c: EdgeContext): Promise<Response> {
  await cancelMessage(toOperationContext(c), parameterOf(c, "id"));
  return new Response(null, { status: 204 });
}

/** `GET /queue/queues` */
export async function handleFifos(c: EdgeContext): Promise<Response> {
  return toJsonResponse({ queues: await listFifos(toOperationContext(c)) });
}

/** `GET /queue/queues/{name}` */
export async function handleFifo(c: EdgeContext): Promise<Response> {
  return toJsonResponse(await getFifo(toOperationContext(c), fifoOf(c)));
}

/** `PUT /queue/queues/{name}` */
export async function handleSaveFifo(c: EdgeContext): Promise<Response> {
  const context = toOperationContext(c);
  const parallelism = parseParallelism(await readOptionalJson(c.req.raw, context.limits.MAX_REQUEST_BYTES));
  return toJsonResponse(await saveFifo(context, fifoOf(c), parallelism));
}

/** `DELETE /queue/queues/{name}` */
export async function handleDeleteFifo(c: EdgeContext): Promise<Response> {
  await deleteFifo(toOperationContext(c), fifoOf(c));
  return new Response(null, { status: 204 });
}

function fifoOf(c: EdgeContext): string {
  return parseFifoName(parameterOf(c, "name")) ?? "";
}

function parameterOf(c: EdgeContext, name: string): string {
  return c.req.param(name) ?? "";
}
