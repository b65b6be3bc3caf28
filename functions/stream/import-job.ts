import type { OperationContext } from "../../core/context.ts";
import type { JobRow, UploadEnd } from "../../core/jobs.ts";
import { addImportRows, endImportUpload } from "../../core/operations/import-products.ts";
import type { FeedRecord } from "../../core/ports.ts";
import { NdjsonSplitter } from "../../wire/ndjson.ts";
import { decodeJobRow } from "./decode.ts";

const ROWS_PER_HOP = 200;

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
  const { MAX_JOB_ROWS } = context.limits;
  const splitter = new NdjsonSplitter(maxLineBytes);
  const reader = body.getReader();
  let count = 0;
  for (;;) {
    let chunk: ReadableStreamReadResult<Uint8Array>;
    try {
      chunk = await reader.read();
    } catch {
      return "cut";
    }
    const last = chunk.done ? splitter.end() : undefined;
    const lines = chunk.done ? (last === undefined ? [] : [last]) : splitter.push(chunk.value);
    let rows: JobRow[] = [];
    for (const line of lines) {
      count += 1;
      if (count > MAX_JOB_ROWS) {
        await addImportRows(context, jobId, rows);
        await reader.cancel().catch(() => undefined);
        return "too-many-rows";
      }
      rows.push(decodeJobRow(line, maxLineBytes));
      if (rows.length < ROWS_PER_HOP) continue;
      await addImportRows(context, jobId, rows);
      rows = [];
    }
    if (rows.length > 0) await addImportRows(context, jobId, rows);
    if (chunk.done) return "complete";
  }
}
