import type { ErrorData } from "./error.ts";

/** A line of an import: its number from 1, and its JSON, or why it could not be read. */
export type JobRow =
  | { readonly row: number; readonly value: unknown }
  | { readonly row: number; readonly error: ErrorData };

/** How the upload of a job's rows ended. */
export type UploadEnd = "complete" | "cut" | "too-many-rows";

/**
 * Jobs that outlive the request that started them. Rows are durable when `addRows` resolves, and from then on the job
 * goes on by itself: the client may leave, and the process may be killed.
 *
 * What a job has to tell are events on its channel, `jobs/{id}` (see `import-products.ts`).
 */
export interface Jobs {
  /** Begins an import of products. A job whose upload goes silent for a minute ends as if it had been cut. */
  startImport(jobId: string): Promise<void>;
  addRows(jobId: string, rows: readonly JobRow[]): Promise<void>;
  /** No rows follow. */
  endUpload(jobId: string, end: UploadEnd): Promise<void>;
}
