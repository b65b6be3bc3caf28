import { createQueue } from "../services/queue.ts";
import { createWorkQueues } from "../services/work-queues.ts";
import type { Part } from "./part.ts";

export { WorkQueue } from "../durable-objects/work-queue.ts";

/** Queued delivery by QStash, and the queues that consumers lease from. */
export const queue: Part = ({ env, settings }) => ({
  ports: {
    queue: createQueue({
      QSTASH_URL: env.QSTASH_URL,
      QSTASH_TOKEN: env.QSTASH_TOKEN,
      QSTASH_CURRENT_SIGNING_KEY: env.QSTASH_CURRENT_SIGNING_KEY,
      QSTASH_NEXT_SIGNING_KEY: env.QSTASH_NEXT_SIGNING_KEY,
      publicUrl: settings.publicUrl,
      allowsPrivateTargets: settings.allowsPrivateWebhooks,
    }),
    workQueues: createWorkQueues(env.WORK_QUEUE),
  },
});
