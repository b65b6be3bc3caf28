import type { Jobs } from "../core/jobs.ts";
import type { JobObject } from "../durable-objects/job.ts";

/** Jobs, each in a Durable Object of its own. */
export function createJobs(namespace: DurableObjectNamespace<JobObject<unknown>>): Jobs {
  return {
    startImport: async (jobId) => namespace.getByName(jobId).startImport(jobId),
    addRows: async (jobId, rows) => namespace.getByName(jobId).addRows(rows),
    endUpload: async (jobId, end) => namespace.getByName(jobId).endUpload(end),
  };
}
