import { createJobClass } from "../durable-objects/job.ts";
import { createJobs } from "../services/jobs.ts";
import type { Environment } from "./environment.ts";
import type { Compose, Part } from "./part.ts";

export const jobs: Part = ({ env }) => ({ ports: { jobs: createJobs(env.JOB) } });

/** Imports, into the store that this Worker uses. */
export function createJob(compose: Compose) {
  return createJobClass<Environment>((env) => compose(env).edge.ports.records);
}
