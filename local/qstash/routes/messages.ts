import type { Hono } from "hono";
import { toMessageView } from "../encode.ts";
import type { Filtered } from "../filter.ts";
import { decodeFilter, readValues } from "../filter.ts";
import type { Message } from "../message.ts";
import { badRequest, notFound, notServed } from "../problem.ts";
import type { Account } from "./account.ts";

const FILTERS = [
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
  "fromDate",
  "toDate",
];

/** What waits to be delivered: looking at it, having it go now, calling it off. */
export function addMessageRoutes(app: Hono, { store, dispatcher }: Account): void {
  app.get("/v2/messages/:id", async ({ req }) => {
    const message = store.messages.get(req.param("id"));
    if (message === undefined) throw unknownMessage(req.param("id"));
    return Response.json(await toMessageView(message, store.messages.readBody(message.id)));
  });

  app.post("/v2/messages/:id/retry", ({ req }) => {
    const id = req.param("id");
    const message = store.messages.get(id);
    if (message?.place !== undefined) throw badRequest("what is in a queue goes when its turn comes");
    if (!store.messages.makeDue(id, Date.now()))
      throw notFound(`no message "${id.slice(0, 100)}" waits for a time`);
    dispatcher.kick();
    return Response.json({ messageId: id });
  });

  app.delete("/v2/messages/:id", ({ req }) => {
    const message = store.messages.get(req.param("id"));
    if (message === undefined) throw unknownMessage(req.param("id"));
    return cancel([message]);
  });

  app.delete("/v2/messages", ({ req }) => {
    const query = new URL(req.url).searchParams;
    if (query.get("async") === "true") throw notServed("bulk actions that run behind (async=true)");
    if (query.has("messageIds")) {
      const ids = readValues(query, "messageIds");
      return cancel(ids.map((id) => store.messages.get(id)).filter((message) => message !== undefined));
    }
    const fits = decodeFilter(query, FILTERS, ["count", "async", "cursor"]);
    return cancel(Array.from(store.messages.list()).filter((message) => fits(toFiltered(message))));
  });

  function cancel(messages: readonly Message[]): Response {
    store.transaction(() => {
      for (const message of messages) {
        store.messages.remove(message.id);
        store.events.append("CANCELED", message);
        if (message.spec.scheduleId !== undefined)
          store.schedules.noteEnd(message.spec.scheduleId, message.id, "FAIL");
      }
    });
    // Others of its queue may be next now.
    dispatcher.kick();
    return Response.json({ cancelled: messages.length }, { status: 202 });
  }
}

export function toFiltered({ id, spec, createdMs }: Message): Filtered {
  return {
    messageId: id,
    url: spec.url,
    urlGroup: spec.urlGroup,
    queueName: spec.queueName,
    scheduleId: spec.scheduleId,
    flowControlKey: spec.flowControl?.key,
    callerIp: spec.callerIp,
    labels: spec.labels,
    timeMs: createdMs,
  };
}

function unknownMessage(id: string) {
  return notFound(`there is no message "${id.slice(0, 100)}" that waits or is under way`);
}
