import { waitUntil } from "cloudflare:workers";
import { attemptAsync } from "../core/result.ts";
import { createRecordsClass } from "../durable-objects/records.ts";
import { createOutbox, createRecords as createRecordsPort } from "../services/records.ts";
import { createRedisStore } from "../services/redis-store.ts";
import type { Environment } from "./environment.ts";
import type { Compose, Part } from "./part.ts";

/** The resources: in SQLite, or in Upstash Redis where an operator has set that up. */
export const records: Part = ({ env, settings, ports }) => {
  const redis = createRedisStore(
    env,
    { channels: ports.channels, queue: { sendJob: (job) => ports.queue.sendJob(job) }, waitUntil },
    settings.limits,
  );
  return {
    ports: { records: redis?.records ?? createRecordsPort(env.RECORDS), outbox: createOutbox(env.RECORDS) },
    rates: redis?.requestRates,
    rescue: redis && (() => redis.rescue()),
  };
};

/** The object that stores them, and the queue that does what follows on a write. */
export function createRecords(compose: Compose) {
  return createRecordsClass<Environment>(
    (env) => (job) => attemptAsync(async () => compose(env).edge.ports.queue.sendJob(job)),
  );
}
