import type { Hono } from "hono";
import { readBody } from "../body.ts";
import { decodePublish } from "../decode-options.ts";
import { badRequest, notServed } from "../problem.ts";
import { toDeduplicationId } from "../publisher.ts";
import { MAX_MESSAGE_BYTES } from "../settings.ts";
import type { Account } from "./account.ts";
import { readDestination } from "./destination.ts";

/** Publishing one message: to a URL or a URL group, at once or through a queue. */
export function addPublishRoutes(app: Hono, account: Account): void {
  app.post("/v2/publish/*", async ({ req }) => publish(account, req.raw, "/v2/publish/", undefined));
  app.post("/v2/enqueue/:queue/*", async ({ req }) => {
    const queue = decodeQueueName(req.param("queue"));
    // As it is written: only so is it as long there.
    const written = new URL(req.raw.url).pathname.split("/")[3];
    return publish(account, req.raw, `/v2/enqueue/${written}/`, queue);
  });
}

async function publish(
  { publisher, dispatcher }: Account,
  request: Request,
  prefix: string,
  queueName: string | undefined,
): Promise<Response> {
  const destination = readDestination(request.url, prefix);
  const options = decodePublish(request.headers);
  if (request.headers.has("upstash-cron"))
    throw notServed("Upstash-Cron in a publish: POST /v2/schedules/{destination}");
  const body = await readBody(request, MAX_MESSAGE_BYTES);
  const deduplicationId = await toDeduplicationId(options.deduplication, destination, options, body);
  const receipts = publisher.publish({ destination, queueName, options, body, deduplicationId });
  dispatcher.kick();
  const isRepeat = [receipts].flat().every(({ deduplicated }) => deduplicated === true);
  return Response.json(receipts, { status: isRepeat ? 202 : 200 });
}

/** @throws QstashProblem 400 */
export function decodeQueueName(name: unknown): string {
  if (typeof name !== "string" || !/^[\w.-]{1,128}$/.test(name)) {
    throw badRequest("a queue's name has 1 to 128 letters, digits, hyphens, periods and underscores");
  }
  return name;
}
