import type { ChannelName } from "../channel-name.ts";
import { parseChannelName } from "../channel-name.ts";
import type { OperationContext } from "../context.ts";
import { parseInput } from "../entities/parse-input.ts";
import type { Product } from "../entities/product.ts";
import { productInputSchema } from "../entities/product.ts";
import type { ErrorData } from "../error.ts";
import { EverywireError } from "../error.ts";
import type { Json } from "../event.ts";
import { createId } from "../ids.ts";
import type { JobRow, UploadEnd } from "../jobs.ts";
import { assertAllowed } from "../policy.ts";
import type { OutboxEvent, Records } from "../records.ts";
import { assertMay } from "../resource-policy.ts";
import { toEncodedEvent } from "./publish-event.ts";
import type { EventContext } from "./record-events.ts";
import { PRODUCTS_CHANNEL, toRecordEvent } from "./record-events.ts";

/** How far an import is. */
export interface ImportProgress {
  /** Rows that were looked at. */
  readonly processed: number;
  readonly inserted: number;
  readonly failed: number;
}

export const NO_PROGRESS: ImportProgress = { processed: 0, inserted: 0, failed: 0 };

/** One step of an import. */
export interface ImportBatch {
  readonly jobId: string;
  readonly rows: readonly JobRow[];
  /** Before this batch. */
  readonly progress: ImportProgress;
}

/** Where a job says what it does; the default policy lets signed-in users read it. */
export function jobChannel(jobId: string): ChannelName {
  return parseChannelName(`jobs/${jobId}`);
}

/**
 * Begins an import of products, for admins: a job that goes on whether its client stays or not. It tells of itself on
 * `jobs/{id}`: `job.started`, a `job.progress` for each batch with the ids that were made and the rows that were
 * refused, `job.uploaded` when the rows are all there, and `job.completed` or `job.failed` at the end.
 *
 * @throws EverywireError `unauthenticated`, `permission_denied`
 */
export async function startProductImport(context: OperationContext): Promise<{ readonly jobId: string }> {
  assertMay(context, { action: "write", channel: PRODUCTS_CHANNEL, who: "admins" });
  const jobId = createId("job", context.nowMs);
  // Who could not follow the job must not be told so after it has begun.
  await assertAllowed(context.policy, context.identity, "read", jobChannel(jobId));
  await context.ports.jobs.startImport(jobId);
  return { jobId };
}

/** Hands rows to a job that the caller started. */
export function addImportRows(
  context: OperationContext,
  jobId: string,
  rows: readonly JobRow[],
): Promise<void> {
  return context.ports.jobs.addRows(jobId, rows);
}

/** Says how the upload ended. */
export function endImportUpload(context: OperationContext, jobId: string, end: UploadEnd): Promise<void> {
  return context.ports.jobs.endUpload(jobId, end);
}

/** What a job's runner may use: it acts for the job's owner, who was checked when it was started. */
export interface ImportContext extends EventContext {
  readonly records: Pick<Records, "insertMany">;
}

/** Tells that a job has begun; once, however often it is called. */
export async function announceImport(context: ImportContext, jobId: string): Promise<void> {
  await tell(context, jobId, "job.started", { kind: "products.import" }, []);
}

/** Tells that no rows follow, and that those that came are safe: the client may leave. Once. */
export async function announceUploadEnd(
  context: ImportContext,
  jobId: string,
  received: number,
  end: UploadEnd,
): Promise<void> {
  await tell(context, jobId, "job.uploaded", { rows: received, isComplete: end === "complete" }, []);
}

/**
 * Imports a batch: valid rows become products, and what became of each is one `job.progress`, all of it in one
 * transaction. A batch that comes again after a crash changes nothing: its key is kept with its rows, and the ids of its
 * products come from the job and the row.
 *
 * @returns the progress after it
 */
export async function importBatch(context: ImportContext, batch: ImportBatch): Promise<ImportProgress> {
  const { jobId, rows } = batch;
  const products: Product[] = [];
  const created: { row: number; id: string }[] = [];
  const errors: (ErrorData & { row: number })[] = [];
  for (const row of rows) {
    try {
      const product = toProduct(context, jobId, row);
      products.push(product);
      created.push({ row: row.row, id: product.id });
    } catch (thrown) {
      errors.push({ row: row.row, ...EverywireError.from(thrown).toData() });
    }
  }
  const progress = {
    processed: batch.progress.processed + rows.length,
    inserted: batch.progress.inserted + products.length,
    failed: batch.progress.failed + errors.length,
  };
  await tell(
    context,
    jobId,
    "job.progress",
    { ...progress, created, errors: errors as unknown as Json },
    products,
  );
  return progress;
}

/** Tells the end of a job. An upload that did not come to its end is a failure, and what it brought stays. */
export async function finishImport(
  context: ImportContext,
  jobId: string,
  progress: ImportProgress,
  end: UploadEnd,
): Promise<void> {
  if (end === "complete") return tell(context, jobId, "job.completed", { ...progress }, []);
  const error =
    end === "cut"
      ? { code: "unavailable", message: "The upload was cut; what had come by then was imported." }
      : {
          code: "payload_too_large",
          message: "There were too many rows; those within the limit were imported.",
        };
  return tell(context, jobId, "job.failed", { ...progress, error }, []);
}

function toProduct(context: ImportContext, jobId: string, row: JobRow): Product {
  if ("error" in row) throw EverywireError.fromData(row.error);
  const { name, category, price, stock } = parseInput(productInputSchema, row.value);
  const createdAt = new Date(context.nowMs).toISOString();
  return { id: `prd_${jobId.slice(4)}_${row.row}`, name, category, price, stock, createdAt };
}

async function tell(
  context: ImportContext,
  jobId: string,
  type: string,
  data: Readonly<Record<string, Json>>,
  products: readonly Product[],
): Promise<void> {
  const step = type === "job.progress" ? `${type}-${String(data.processed)}` : type;
  const event = {
    id: `${jobId}-${step}`,
    source: "/jobs",
    type,
    time: new Date(context.nowMs).toISOString(),
    datacontenttype: "application/json",
    data: { jobId, ...data },
    extensions: {},
    hasOwnId: true,
  };
  const channel = jobChannel(jobId);
  const events: OutboxEvent[] = products.map((product) =>
    toRecordEvent(context, "products", "created", product),
  );
  events.push({ channel, ...toEncodedEvent(event, channel, context.limits) });
  const idempotency = { key: `job\n${jobId}\n${step}`, fingerprint: "" };
  await context.records.insertMany({ collection: "products", values: products, events, idempotency });
}
