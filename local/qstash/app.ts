import { Hono } from "hono";
import { notServed, QstashProblem } from "./problem.ts";
import type { Account } from "./routes/account.ts";
import { addBatchRoutes } from "./routes/batch.ts";
import { addDeadLetterRoutes } from "./routes/dead-letters.ts";
import { addEventRoutes } from "./routes/events.ts";
import { addFlowControlRoutes } from "./routes/flow-controls.ts";
import { addMessageRoutes } from "./routes/messages.ts";
import { addPublishRoutes } from "./routes/publish.ts";
import { addQueueRoutes } from "./routes/queues.ts";
import { addScheduleRoutes } from "./routes/schedules.ts";
import { addSigningKeyRoutes } from "./routes/signing-keys.ts";
import { addUrlGroupRoutes } from "./routes/url-groups.ts";

/** What QStash serves there, and this does not. */
const NOT_SERVED: readonly (readonly [path: string, what: string])[] = [
  ["/llm/*", "language models"],
  ["/v2/workflows/*", "workflows"],
  ["/v2/waiters/*", "workflows"],
  ["/v2/notify/*", "workflows"],
  ["/v2/bulkActions", "bulk actions: a cancel is done when it is answered"],
  ["/v2/bulkActions/*", "bulk actions: a cancel is done when it is answered"],
  ["/v1/*", "version 1 of the API"],
];

/** The REST API, for requests whose token was checked. */
export function createApp(account: Account): Hono {
  const app = new Hono();
  addPublishRoutes(app, account);
  addBatchRoutes(app, account);
  addMessageRoutes(app, account);
  addQueueRoutes(app, account);
  addUrlGroupRoutes(app, account);
  addScheduleRoutes(app, account);
  addFlowControlRoutes(app, account);
  addDeadLetterRoutes(app, account);
  addEventRoutes(app, account);
  addSigningKeyRoutes(app, account);
  for (const [path, what] of NOT_SERVED) {
    app.all(path, () => {
      throw notServed(what);
    });
  }
  app.notFound(({ req }) => toErrorResponse(404, `there is no ${req.method} ${req.path.slice(0, 200)}`));
  app.onError((error) => {
    if (error instanceof QstashProblem) return toErrorResponse(error.status, error.message);
    console.error("qstash:", error);
    return toErrorResponse(500, "the stand-in for QStash failed; its log says why");
  });
  return app;
}

/** Errors as QStash has them, and the SDK shows them. */
export function toErrorResponse(status: number, message: string): Response {
  return Response.json({ error: message }, { status });
}
