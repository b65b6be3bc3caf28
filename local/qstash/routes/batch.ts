import type { Hono } from "hono";
import { z } from "zod";
import { readJson, tooLarge } from "../body.ts";
import { decodePublish } from "../decode-options.ts";
import { badRequest, QstashProblem } from "../problem.ts";
import type { Publication, Receipt } from "../publisher.ts";
import { toDeduplicationId } from "../publisher.ts";
import { MAX_BATCH_BYTES, MAX_BATCH_MESSAGES, MAX_MESSAGE_BYTES } from "../settings.ts";
import type { Account } from "./account.ts";
import { checkDestination } from "./destination.ts";
import { describeIssues } from "./issues.ts";
import { decodeQueueName } from "./publish.ts";

const BatchMessage = z.object({
  destination: z.string(),
  headers: z.record(z.string(), z.string()).optional(),
  body: z.string().nullish(),
  queue: z.string().optional(),
});
type BatchMessage = z.infer<typeof BatchMessage>;

const Batch = z.array(BatchMessage).min(1).max(MAX_BATCH_MESSAGES);

type Outcome = Receipt | readonly Receipt[] | { readonly error: string };

/** Several messages in one request. One that cannot be kept has an error in its place, and the others are kept. */
export function addBatchRoutes(app: Hono, { publisher, dispatcher }: Account): void {
  app.post("/v2/batch", async ({ req }) => {
    const batch = Batch.safeParse(await readJson(req.raw, MAX_BATCH_BYTES));
    if (!batch.success) throw badRequest(`the batch is malformed: ${describeIssues(batch.error)}`);
    const read = await Promise.all(batch.data.map((message) => toPublication(message).catch(toError)));
    // Nothing waits in here, so they are on disk together, and in this order.
    const outcomes = read.map(
      (one): Outcome => ("error" in one ? one : settle(() => publisher.publish(one))),
    );
    dispatcher.kick();
    return Response.json(outcomes);
  });
}

async function toPublication(message: BatchMessage): Promise<Publication> {
  const destination = checkDestination(message.destination);
  const options = decodePublish(toHeaders(message.headers ?? {}));
  const body = new TextEncoder().encode(message.body ?? "");
  if (body.byteLength > MAX_MESSAGE_BYTES) throw tooLarge(MAX_MESSAGE_BYTES);
  const queueName = message.queue === undefined ? undefined : decodeQueueName(message.queue);
  const deduplicationId = await toDeduplicationId(options.deduplication, destination, options, body);
  return { destination, queueName, options, body, deduplicationId };
}

function settle<T>(make: () => T): T | { readonly error: string } {
  try {
    return make();
  } catch (error) {
    return toError(error);
  }
}

function toError(error: unknown): { readonly error: string } {
  if (error instanceof QstashProblem) return { error: error.message };
  throw error;
}

function toHeaders(headers: Readonly<Record<string, string>>): Headers {
  try {
    return new Headers(headers);
  } catch {
    throw badRequest("a header has a name or a value that HTTP does not allow");
  }
}
