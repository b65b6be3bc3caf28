import type { Hono } from "hono";
import { decodePublish } from "../decode-options.ts";
import { toBodyView, toHeaderView, toMessageView } from "../encode.ts";
import type { Filtered } from "../filter.ts";
import { decodeCursor, decodeFilter, decodePageSize, readValues, takePage } from "../filter.ts";
import { notFound } from "../problem.ts";
import { toMessageOptions } from "../publisher.ts";
import type { DeadLetter } from "../store/dead-letter-store.ts";
import type { Account } from "./account.ts";
import { toFiltered as toFilteredMessage } from "./messages.ts";

const FILTERS = [
  "messageId",
  "url",
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

/** The dead letter queue: listing it, deleting from it, and sending again what is in it. */
export function addDeadLetterRoutes(app: Hono, { store, publisher, dispatcher }: Account): void {
  const { deadLetters } = store;

  app.get("/v2/dlq", async ({ req }) => {
    const { page, cursor } = select(new URL(req.url).searchParams);
    return Response.json({ messages: await Promise.all(page.map(toView)), cursor });
  });

  app.get("/v2/dlq/:id", async ({ req }) => Response.json(await toView(find(req.param("id")))));

  app.delete("/v2/dlq/:id", ({ req }) => {
    deadLetters.remove(find(req.param("id")).id);
    return Response.json({ deleted: 1 });
  });

  app.delete("/v2/dlq", ({ req }) => {
    const { page, cursor } = select(new URL(req.url).searchParams);
    store.transaction(() => {
      for (const { id } of page) deadLetters.remove(id);
    });
    return Response.json({ deleted: page.length, cursor });
  });

  app.post("/v2/dlq/retry/:id", ({ req }) => {
    const [receipt] = retry([find(req.param("id"))], req.raw.headers);
    return Response.json(receipt, { status: 201 });
  });

  app.post("/v2/dlq/retry", ({ req }) => {
    const query = new URL(req.url).searchParams;
    // All or none: a part of them sent again would be hard to tell from the rest.
    for (const id of readValues(query, "dlqIds")) find(id);
    const { page, cursor } = select(query);
    return Response.json({ responses: retry(page, req.raw.headers), cursor }, { status: 201 });
  });

  /** What a query means: the ids that it names, or what its filters fit, page by page. */
  function select(query: URLSearchParams) {
    const ids = readValues(query, "dlqIds");
    if (ids.length > 0) {
      const page = [...new Set(ids)]
        .map((id) => deadLetters.get(id))
        .filter((letter) => letter !== undefined);
      return { page, cursor: undefined };
    }
    const fits = decodeFilter(query, FILTERS, ["count", "cursor"]);
    const after = decodeCursor(query) ?? 0;
    return takePage(
      deadLetters.list(after),
      (letter) => fits(toFiltered(letter)),
      decodePageSize(query),
      ({ seq }) => seq,
    );
  }

  /** Headers of the request come before what the dead letter was published with. */
  function retry(letters: readonly DeadLetter[], headers: Headers): { messageId: string }[] {
    const receipts = store.transaction(() =>
      letters.map((letter) => {
        const nowMs = Date.now();
        const { spec } = letter.message;
        const options = decodePublish(headers, spec);
        const dueMs = Math.max(nowMs, options.notBeforeMs ?? nowMs + options.delayMs);
        const renewed = { ...spec, ...toMessageOptions(options), callerIp: spec.callerIp };
        const { id } = publisher.insert(renewed, deadLetters.readBodies(letter.id).body, { nowMs, dueMs });
        deadLetters.remove(letter.id);
        return { messageId: id };
      }),
    );
    dispatcher.kick();
    return receipts;
  }

  function find(id: string): DeadLetter {
    const letter = deadLetters.get(id);
    if (letter === undefined) throw notFound(`there is no dead letter "${id.slice(0, 100)}"`);
    return letter;
  }

  async function toView(letter: DeadLetter): Promise<Record<string, unknown>> {
    const { body, answer } = deadLetters.readBodies(letter.id);
    const answered = toBodyView(answer);
    return {
      ...(await toMessageView(letter.message, body)),
      dlqId: letter.id,
      responseStatus: letter.status,
      responseHeader: toHeaderView(letter.headers),
      responseBody: answered.body,
      responseBodyBase64: answered.bodyBase64,
    };
  }
}

function toFiltered({ message, status, failedMs }: DeadLetter): Filtered {
  return { ...toFilteredMessage(message), status, timeMs: failedMs };
}
