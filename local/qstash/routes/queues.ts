import type { Hono } from "hono";
import { z } from "zod";
import { readJson } from "../body.ts";
import { badRequest, notFound, QstashProblem } from "../problem.ts";
import { MAX_MESSAGE_BYTES, MAX_QUEUE_PARALLELISM } from "../settings.ts";
import type { Queue } from "../store/queue-store.ts";
import type { Account } from "./account.ts";
import { describeIssues } from "./issues.ts";
import { decodeQueueName } from "./publish.ts";

const Upsert = z.object({
  queueName: z.string(),
  parallelism: z.int().min(1).default(1),
  paused: z.boolean().default(false),
});

/** Queues: messages of one start in their order, `parallelism` of them at once. */
export function addQueueRoutes(app: Hono, { store, dispatcher }: Account): void {
  app.post("/v2/queues", async ({ req }) => {
    const upsert = Upsert.safeParse(await readJson(req.raw, MAX_MESSAGE_BYTES));
    if (!upsert.success) throw badRequest(`the queue is malformed: ${describeIssues(upsert.error)}`);
    const { parallelism, paused } = upsert.data;
    if (parallelism > MAX_QUEUE_PARALLELISM) {
      throw new QstashProblem(412, `a queue's parallelism may be ${MAX_QUEUE_PARALLELISM} at most`);
    }
    const name = decodeQueueName(upsert.data.queueName);
    store.queues.upsert(name, { parallelism, isPaused: paused }, Date.now());
    dispatcher.kick();
    return new Response(null);
  });

  app.get("/v2/queues", () => Response.json(store.queues.list().map(toView)));

  app.get("/v2/queues/:name", ({ req }) => {
    const name = decodeQueueName(req.param("name"));
    const queue = store.queues.get(name);
    if (queue === undefined) throw unknownQueue(name);
    return Response.json(toView(queue));
  });

  // What waits in it goes with it: nothing would ever deliver that.
  app.delete("/v2/queues/:name", ({ req }) => {
    const name = decodeQueueName(req.param("name"));
    store.transaction(() => {
      for (const message of store.messages.listLane(name)) {
        store.messages.remove(message.id);
        store.events.append("CANCELED", message);
      }
      store.queues.remove(name);
    });
    return new Response(null);
  });

  for (const [verb, isPaused] of [
    ["pause", true],
    ["resume", false],
  ] as const) {
    app.post(`/v2/queues/:name/${verb}`, ({ req }) => {
      const name = decodeQueueName(req.param("name"));
      if (!store.queues.setPaused(name, isPaused, Date.now())) throw unknownQueue(name);
      dispatcher.kick();
      return new Response(null);
    });
  }

  function toView({ name, parallelism, isPaused, createdMs, updatedMs }: Queue) {
    const lag = store.messages.countLane(name);
    return { name, parallelism, paused: isPaused, lag, createdAt: createdMs, updatedAt: updatedMs };
  }
}

function unknownQueue(name: string) {
  return notFound(`there is no queue "${name}"`);
}
