import type { OperationContext } from "../../core/context.ts";
import type { JobRow, UploadEnd } from "../../core/jobs.ts";
import { addImportRows, endImportUpload } from "../../core/operations/import-products.ts";
import type { FeedRecord } from "../../core/ports.ts";
import { NdjsonSplitter } from "../../wire/ndjson.ts";
import { BodyChunks } from "./body-chunks.ts";
import { decodeJobRow } from "./decode.ts";

const MAX_ROWS_PER_HOP = 1000;

/** The last event of a job. */
export function isJobEnd(record: FeedRecord): boolean {
  return record.kind === "event" && (record.type === "job.completed" || record.type === "job.failed");
}

/** Hands a body of rows to a job as they come, and says how the body ended. */
export async function uploadRows(
  context: OperationContext,
  jobId: string,
  body: ReadableStream<Uint8Array> | null,
  maxLineBytes: number,
): Promise<void> {
  const end = body === null ? "complete" : await readRows(context, jobId, body, maxLineBytes);
  await endImportUpload(context, jobId, end);
}

async function readRows(
  context: OperationContext,
  jobId: string,
  body: ReadableStream<Uint8Array>,
  maxLineBytes: number,
): Promise<UploadEnd> {
  const splitter = new NdjsonSplitter(maxLineBytes);
  const sender = new RowSender(context, jobId);
  const chunks = new BodyChunks(body);
  let count = 0;
  for (;;) {
    let chunk: Uint8Array | undefined;
    try {
      chunk = await chunks.next();
    } catch {
      await sender.settle();
      return "cut";
    }
    for (const line of chunk === undefined ? splitter.end() : splitter.push(chunk)) {
      count += 1;
      if (count > context.limits.MAX_JOB_ROWS) {
        await sender.settle();
        await chunks.stop();
        return "too-many-rows";
      }
      sender.push(decodeJobRow(line, maxLineBytes));
    }
    if (chunk === undefined || sender.waiting > MAX_ROWS_PER_HOP) await sender.settle();
    if (chunk === undefined) return "complete";
  }
}

/** Sends rows one hop after the other; what comes while a hop is on its way goes with the next. */
class RowSender {
  readonly #context: OperationContext;
  readonly #jobId: string;
  readonly #rows: JobRow[] = [];
  #sending: Promise<void> | undefined;

  constructor(context: OperationContext, jobId: string) {
    this.#context = context;
    this.#jobId = jobId;
  }

  get waiting(): number {
    return this.#rows.length;
  }

  push(row: JobRow): void {
    this.#rows.push(row);
    if (this.#sending !== undefined) return;
    this.#sending = this.#send();
    // A failure is met where the sender is settled; until then it must not pass for one that nobody handles.
    this.#sending.catch(() => undefined);
  }

  /** Resolves when all rows are safe. @throws what a hop failed with */
  async settle(): Promise<void> {
    await this.#sending;
  }

  async #send(): Promise<void> {
    // The rest of the chunk that this row came with goes in the same hop.
    await Promise.resolve();
    while (this.#rows.length > 0) {
      await addImportRows(this.#context, this.#jobId, this.#rows.splice(0, MAX_ROWS_PER_HOP));
    }
    this.#sending = undefined;
  }
}
