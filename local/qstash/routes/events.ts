import type { Hono } from "hono";
import { decodeCursor, decodeFilter, decodePageSize, takePage } from "../filter.ts";
import type { LoggedEvent } from "../store/event-store.ts";
import type { Account } from "./account.ts";

const FILTERS = [
  "messageId",
  "messageIds",
  "state",
  "url",
  "host",
  "path",
  "topicName",
  "queueName",
  "scheduleId",
  "flowControlKey",
  "callerIp",
  "callerIP",
  "label",
  "responseStatus",
  "fromDate",
  "toDate",
];

/** What happened, the newest first. `/v2/events` is what the SDK calls the log; they differ in a name. */
export function addEventRoutes(app: Hono, { store }: Account): void {
  app.get("/v2/events", ({ req }) => {
    const { page, cursor } = select(new URL(req.url).searchParams);
    return Response.json({ events: page.map(toView), cursor });
  });

  app.get("/v2/logs", ({ req }) => {
    const { page, cursor } = select(new URL(req.url).searchParams);
    return Response.json({ logs: page.map(toView), cursor });
  });

  function select(query: URLSearchParams) {
    const fits = decodeFilter(query, FILTERS, ["count", "cursor"]);
    const before = decodeCursor(query) ?? Number.MAX_SAFE_INTEGER;
    return takePage(store.events.list(before), fits, decodePageSize(query), ({ seq }) => seq);
  }
}

function toView(event: LoggedEvent): Record<string, unknown> {
  return {
    time: event.timeMs,
    state: event.state,
    messageId: event.messageId,
    url: event.url,
    method: event.method,
    topicName: event.urlGroup,
    endpointName: event.endpointName,
    queueName: event.queueName,
    scheduleId: event.scheduleId,
    flowControlKey: event.flowControlKey,
    label: event.labels[0],
    labels: event.labels.length > 0 ? event.labels : undefined,
    callerIP: event.callerIp,
    maxRetries: event.maxRetries,
    retried: event.retried,
    error: event.error,
    responseStatus: event.status,
    nextDeliveryTime: event.nextDeliveryMs,
  };
}
