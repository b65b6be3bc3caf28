import { createHash } from "node:crypto";
import type { PublishRequest } from "@upstash/qstash";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { QstashTarget } from "./qstash-target.ts";
import { eventually, serveQstash } from "./qstash-target.ts";

let target: QstashTarget;
const url = (path: string) => `${target.receiver.url}${path}`;

beforeAll(async () => {
  target = await serveQstash();
});
afterAll(() => target.stop());

describe("publish", () => {
  test("delivers what was published, signed so that the SDK's receiver takes it", async () => {
    const { client, receiver, verifier } = target;
    const destination = url("/signed?a=1&b=%20c");
    const { messageId, ...more } = await client.publishJSON({
      url: destination,
      body: { hello: "wörld" },
      headers: { "X-Mine": "yes", Authorization: "Bearer of the destination" },
    });

    expect(messageId).toMatch(/^msg_\w{20,}$/);
    expect(more).toEqual({ url: destination });
    const [request] = await receiver.waitFor("/signed?a=1&b=%20c");
    expect(request).toMatchObject({ method: "POST", body: '{"hello":"wörld"}' });
    expect(request?.headers).toMatchObject({
      "content-type": "application/json",
      "x-mine": "yes",
      authorization: "Bearer of the destination",
      "user-agent": "Upstash-QStash",
      "upstash-message-id": messageId,
      "upstash-retried": "0",
    });
    const signed = {
      signature: `${request?.headers["upstash-signature"]}`,
      body: request?.body ?? "",
      url: destination,
    };
    await expect(verifier.verify(signed)).resolves.toBe(true);
    await expect(verifier.verify({ ...signed, body: "another" })).rejects.toThrow(/body hash/);
    await expect(verifier.verify({ ...signed, url: url("/other") })).rejects.toThrow(/invalid subject/);
  });

  test("has the claims of QStash in its signature, for five minutes", async () => {
    await target.client.publish({ url: url("/claims"), body: "x" });
    const [request] = await target.receiver.waitFor("/claims");
    const [head, payload] = `${request?.headers["upstash-signature"]}`.split(".");
    const decode = (part: string | undefined) => JSON.parse(Buffer.from(part ?? "", "base64url").toString());
    expect(decode(head)).toEqual({ alg: "HS256", typ: "JWT" });
    const claims = decode(payload);
    expect(claims).toMatchObject({ iss: "Upstash", sub: url("/claims"), jti: expect.any(String) });
    expect(claims.exp - claims.iat).toBe(300);
    expect(claims.nbf).toBe(claims.iat);
    expect(claims.body).toBe(createHash("sha256").update("x").digest("base64url"));
  });

  test.each(["GET", "PUT", "PATCH", "DELETE"] as const)(
    "sends a %s, and signs what it sends",
    async (method) => {
      const path = `/method-${method}`;
      await target.client.publish({ url: url(path), method, body: "content" });
      const [request] = await target.receiver.waitFor(path);
      expect(request?.method).toBe(method);
      expect(request?.body).toBe(method === "GET" ? "" : "content");
      const signature = `${request?.headers["upstash-signature"]}`;
      await expect(target.verifier.verify({ signature, body: request?.body ?? "" })).resolves.toBe(true);
    },
  );

  test("delivers bytes as they are", async () => {
    const bytes = Uint8Array.from({ length: 256 }, (_, index) => index);
    const { client, receiver, request } = target;
    await client.publish({ url: url("/bytes"), body: new Blob([bytes]), delay: 3600 });
    const { logs } = await client.logs({ filter: { url: url("/bytes") } });
    const waiting = await client.messages.get(logs[0]?.messageId ?? "");
    expect(waiting.body).toBeUndefined();
    expect(Buffer.from(waiting.bodyBase64 ?? "", "base64")).toEqual(Buffer.from(bytes));
    expect((await request(`/v2/messages/${waiting.messageId}/retry`, { method: "POST" })).status).toBe(200);
    const [delivered] = await receiver.waitFor("/bytes");
    expect(delivered?.headers["content-length"]).toBe("256");
  });

  test("waits for a delay, and for a time", async () => {
    const { client, receiver } = target;
    const publishedMs = Date.now();
    const notBefore = Math.ceil(publishedMs / 1000) + 1;
    await client.publish({ url: url("/delayed"), body: "", delay: "1s" });
    await client.publish({ url: url("/not-before"), body: "", notBefore, delay: 3600 });
    const [[delayed], [timed]] = await Promise.all([
      receiver.waitFor("/delayed"),
      receiver.waitFor("/not-before"),
    ]);
    expect(delayed?.atMs).toBeGreaterThanOrEqual(publishedMs + 1000);
    expect(timed?.atMs).toBeGreaterThanOrEqual(notBefore * 1000);
  });

  test("keeps a repeat of an id, and of a content, from being sent again", async () => {
    const { client, receiver, request } = target;
    const publish = (body: string) =>
      client.publish({ url: url("/twice"), body, deduplicationId: "order 1" });
    const first = await publish("one");
    expect(await publish("two")).toEqual({
      messageId: first.messageId,
      url: url("/twice"),
      deduplicated: true,
    });

    const byContent = (body: string, headers = {}) =>
      client.publish({ url: url("/content"), body, headers, contentBasedDeduplication: true });
    const ids = [
      await byContent("a"),
      await byContent("a"),
      await byContent("b"),
      await byContent("a", { "X-Other": "1" }),
    ].map(({ messageId }) => messageId);
    expect(new Set(ids).size).toBe(3);
    expect(ids[0]).toBe(ids[1]);

    const repeat = await request(`/v2/publish/${url("/twice")}`, {
      method: "POST",
      headers: { "upstash-deduplication-id": "order 1" },
    });
    expect(repeat.status).toBe(202);
    const storm = await Promise.all(
      Array.from({ length: 20 }, (_, n) =>
        client.publish({ url: url("/storm"), body: `${n}`, deduplicationId: "storm" }),
      ),
    );
    expect(new Set(storm.map(({ messageId }) => messageId)).size).toBe(1);
    await receiver.waitFor("/storm");
    await receiver.waitFor("/content", 3);
    expect(receiver.at("/storm")).toHaveLength(1);
    expect(receiver.at("/twice").map(({ body }) => body)).toEqual(["one"]);
  });

  test("publishes a batch, with an error only in the place of what is wrong", async () => {
    const { client, receiver, request } = target;
    const results = await client.batchJSON([
      { url: url("/batch"), body: { n: 1 } },
      { url: url("/batch"), body: { n: 2 }, queueName: "of-a-batch", headers: { "X-In": "batch" } },
    ]);
    expect(results).toEqual([
      { messageId: expect.stringMatching(/^msg_/), url: url("/batch") },
      { messageId: expect.stringMatching(/^msg_/), url: url("/batch") },
    ]);
    const received = await receiver.waitFor("/batch", 2);
    expect(received.map(({ body }) => body).sort()).toEqual(['{"n":1}', '{"n":2}']);
    expect(received.find(({ body }) => body === '{"n":2}')?.headers["x-in"]).toBe("batch");

    const mixed = await request("/v2/batch", {
      method: "POST",
      body: JSON.stringify([
        { destination: "no-group" },
        { destination: url("/batch-good") },
        { destination: url("/x"), headers: { "upstash-retries": "many" } },
        { destination: url("/x"), headers: { "a b": "c" } },
      ]),
    });
    expect(mixed.status).toBe(200);
    expect(await mixed.json()).toEqual([
      { error: expect.stringContaining("no-group") },
      { messageId: expect.any(String), url: url("/batch-good") },
      { error: expect.stringContaining("upstash-retries") },
      { error: expect.stringContaining("header") },
    ]);
    await receiver.waitFor("/batch-good");
  });
});

describe("retries", () => {
  test("come with growing delays, say which they are, and end in the dead letters", async () => {
    const { client, receiver } = target;
    receiver.on("/fails", () => ({ status: 500, headers: { "x-why": "because" }, body: "no" }));
    const { messageId } = await client.publish({
      url: url("/fails"),
      body: "kept",
      retries: 2,
      label: ["a", "b"],
    });
    const attempts = await receiver.waitFor("/fails", 3);
    expect(attempts.map(({ headers }) => headers["upstash-retried"])).toEqual(["0", "1", "2"]);
    const [first = 0, second = 0, third = 0] = attempts.map(({ atMs }) => atMs);
    expect(second - first).toBeGreaterThanOrEqual(95);
    expect(third - second).toBeGreaterThanOrEqual(300);

    const { messages } = await eventually(
      () => client.dlq.listMessages({ filter: { messageId } }),
      (dlq) => dlq.messages.length > 0,
    );
    expect(messages).toHaveLength(1);
    expect(messages[0]).toMatchObject({
      messageId,
      dlqId: expect.stringMatching(/^\d+-\d+$/),
      url: url("/fails"),
      body: "kept",
      maxRetries: 2,
      responseStatus: 500,
      responseBody: "no",
      responseHeader: expect.objectContaining({ "X-Why": ["because"] }),
      label: "a",
      labels: ["a", "b"],
    });
    await expect(client.messages.get(messageId)).rejects.toMatchObject({ status: 404 });
    const { logs } = await client.logs({ messageIds: [messageId] });
    expect(logs.map(({ state }) => state).reverse()).toEqual([
      "CREATED",
      "ACTIVE",
      "ERROR",
      "RETRY",
      "ACTIVE",
      "ERROR",
      "RETRY",
      "ACTIVE",
      "ERROR",
      "FAILED",
    ]);
  });

  test("follow the expression of the publisher", async () => {
    const { client, receiver } = target;
    receiver.on("/expression", () => ({ status: 503 }));
    await client.publish({
      url: url("/expression"),
      body: "",
      retries: 2,
      retryDelay: "200 * pow(2, retried)",
    });
    const [first = 0, second = 0, third = 0] = (await receiver.waitFor("/expression", 3)).map(
      ({ atMs }) => atMs,
    );
    expect(second - first).toBeGreaterThanOrEqual(195);
    expect(third - second).toBeGreaterThanOrEqual(395);
  });

  test("wait as long as the destination asks", async () => {
    const { client, receiver } = target;
    receiver.on("/busy", (_, count) => ({
      status: count === 0 ? 429 : 200,
      headers: { "retry-after": "1" },
    }));
    await client.publish({ url: url("/busy"), body: "", retryDelay: "1" });
    const [first = 0, second = 0] = (await receiver.waitFor("/busy", 2)).map(({ atMs }) => atMs);
    expect(second - first).toBeGreaterThanOrEqual(990);
  });

  test("are not made where the destination says that none will help", async () => {
    const { client, receiver } = target;
    receiver.on("/never", () => ({ status: 489, headers: { "Upstash-NonRetryable-Error": "true" } }));
    const { messageId } = await client.publish({ url: url("/never"), body: "", retries: 5 });
    await eventually(
      () => client.dlq.listMessages({ filter: { messageId } }),
      (dlq) => dlq.messages.length === 1,
    );
    expect(receiver.at("/never")).toHaveLength(1);
  });

  test("are made after a timeout, and where nobody listens", async () => {
    const { client, receiver } = target;
    receiver.on("/hangs", (_, count) => (count === 0 ? undefined : { status: 200 }));
    const { messageId } = await client.publish({ url: url("/hangs"), body: "", timeout: 1 });
    const [first = 0, second = 0] = (await receiver.waitFor("/hangs", 2)).map(({ atMs }) => atMs);
    expect(second - first).toBeGreaterThanOrEqual(1000);
    const { logs } = await client.logs({ messageIds: [messageId], count: 100 });
    expect(logs.find(({ state }) => state === "ERROR")?.error).toContain("1 s");

    const nowhere = await client.publish({ url: "http://127.0.0.1:9/x", body: "", retries: 0 });
    const { messages } = await eventually(
      () => client.dlq.listMessages({ filter: { messageId: nowhere.messageId } }),
      (dlq) => dlq.messages.length === 1,
    );
    expect(messages[0]?.responseStatus).toBe(0);
  });

  test("of one destination hold up no other", async () => {
    const { client, receiver } = target;
    const release = receiver.hold("/slow");
    await Promise.all(Array.from({ length: 40 }, () => client.publish({ url: url("/slow"), body: "" })));
    await receiver.waitFor("/slow", 32);
    await client.publish({ url: `http://localhost:${new URL(receiver.url).port}/quick`, body: "" });
    await receiver.waitFor("/quick");
    expect(receiver.at("/slow")).toHaveLength(32);
    release();
    await receiver.waitFor("/slow", 40);
  });
});

describe("dead letters", () => {
  const kill = async (path: string, more: object = {}) => {
    target.receiver.on(path, (_, count) => ({ status: count === 0 ? 500 : 200 }));
    const { messageId } = await target.client.publish({ url: url(path), body: path, retries: 0, ...more });
    const { messages } = await eventually(
      () => target.client.dlq.listMessages({ filter: { messageId } }),
      (dlq) => dlq.messages.length === 1,
    );
    return messages[0]?.dlqId ?? "";
  };

  test("are retried: sent as a new message, and gone from the list", async () => {
    const { client, receiver } = target;
    const dlqId = await kill("/again");
    const { responses } = await client.dlq.retry(dlqId);
    expect(responses).toEqual([{ messageId: expect.stringMatching(/^msg_/) }]);
    const [, second] = await receiver.waitFor("/again", 2);
    expect(second).toMatchObject({ body: "/again" });
    expect(second?.headers["upstash-message-id"]).toBe(responses[0]?.messageId);
    expect((await client.dlq.listMessages({ dlqIds: [dlqId] })).messages).toEqual([]);
    await expect(client.dlq.retry(dlqId)).rejects.toMatchObject({ status: 404 });
  });

  test("are retried one by one with other settings", async () => {
    const dlqId = await kill("/changed");
    target.receiver.on("/changed", () => ({ status: 500 }));
    const response = await target.request(`/v2/dlq/retry/${dlqId}`, {
      method: "POST",
      headers: { "upstash-retries": "7", "upstash-delay": "1h", "upstash-forward-x-new": "1" },
    });
    expect(response.status).toBe(201);
    const { messageId } = (await response.json()) as { messageId: string };
    const message = await target.client.messages.get(messageId);
    expect(message).toMatchObject({ maxRetries: 7, body: "/changed" });
    expect(message.header).toMatchObject({ "X-New": ["1"] });
    await target.client.messages.cancel(messageId);
  });

  test("are shown and deleted by their ids, by filters and page by page", async () => {
    const { client, request } = target;
    const ids = [];
    for (const n of [1, 2, 3, 4]) ids.push(await kill(`/dead-${n}`, { label: n < 4 ? "some" : "other" }));
    const shown = await request(`/v2/dlq/${ids[0]}`);
    expect(await shown.json()).toMatchObject({ dlqId: ids[0], url: url("/dead-1") });

    const first = await client.dlq.listMessages({ filter: { label: "some" }, count: 2 });
    expect(first.messages.map(({ dlqId }) => dlqId)).toEqual([ids[0], ids[1]]);
    const rest = await client.dlq.listMessages({
      filter: { label: "some" },
      count: 2,
      cursor: first.cursor ?? "",
    });
    expect(rest.messages.map(({ dlqId }) => dlqId)).toEqual([ids[2]]);
    expect(rest.cursor).toBeUndefined();
    const byStatus = await client.dlq.listMessages({
      filter: { label: ["some", "other"], responseStatus: 500 },
    });
    expect(byStatus.messages).toHaveLength(4);

    expect(await client.dlq.delete(ids[0] ?? "")).toEqual({ deleted: 1 });
    await expect(client.dlq.delete(ids[0] ?? "")).rejects.toMatchObject({ status: 404 });
    expect(await client.dlq.delete([ids[1] ?? ""])).toEqual({ deleted: 1 });
    expect(await client.dlq.delete({ filter: { label: "some" } })).toEqual({ deleted: 1 });
    const { responses } = await client.dlq.retry({ filter: { label: "other" } });
    expect(responses).toHaveLength(1);
    await target.receiver.waitFor("/dead-4", 2);
    await client.dlq.delete({ all: true });
    expect((await client.dlq.listMessages()).messages).toEqual([]);
  });
});

describe("messages", () => {
  test("are shown while they wait, with what is private redacted", async () => {
    const { client } = target;
    const destination = url("/waiting");
    const { messageId } = await client.publishJSON<object, PublishRequest<object> & { url: string }>({
      url: destination,
      body: { secret: 1 },
      headers: { "X-Open": "seen", Authorization: "hidden" },
      delay: 90_000,
      retries: 5,
      retryDelay: "1000 * (1 + retried)",
      callback: url("/cb"),
      failureCallback: url("/fcb"),
      label: "l",
      redact: { body: true, header: ["Authorization"] },
      flowControl: { key: "of-waiting", rate: 2, parallelism: 3, period: "1m" },
    });
    const message = await client.messages.get(messageId);
    expect(message).toMatchObject({
      messageId,
      url: destination,
      method: "POST",
      maxRetries: 5,
      retryDelayExpression: "1000 * (1 + retried)",
      callback: url("/cb"),
      failureCallback: url("/fcb"),
      label: "l",
      flowControlKey: "of-waiting",
      rate: 2,
      ratePerSecond: 2,
      parallelism: 3,
      period: 60,
      body: expect.stringMatching(/^REDACTED:[0-9a-f]{64}$/),
    });
    expect(message.header).toMatchObject({
      "X-Open": ["seen"],
      Authorization: [expect.stringMatching(/^REDACTED:/)],
    });
    expect(message.notBefore).toBe(message.createdAt + 90_000_000);
    expect(await client.messages.cancel(messageId)).toEqual({ cancelled: 1 });
    await expect(client.messages.get(messageId)).rejects.toMatchObject({ status: 404 });
    await expect(client.messages.cancel(messageId)).rejects.toMatchObject({ status: 404 });
  });

  test("are called off by their ids, by filters, and all", async () => {
    const { client, receiver } = target;
    const wait = async (path: string, label: string) =>
      (await client.publish({ url: url(path), body: "", delay: 3600, label })).messageId;
    const [one, two] = [await wait("/off-1", "off"), await wait("/off-2", "off")];
    await wait("/off-3", "off-too");
    await wait("/off-4", "off-not");
    expect(await client.messages.cancel([one, "msg_unknown"])).toEqual({ cancelled: 1 });
    expect(
      await client.messages.cancel({
        filter: { label: ["off", "off-too"], host: new URL(receiver.url).host },
      }),
    ).toEqual({
      cancelled: 2,
    });
    await expect(client.messages.get(two)).rejects.toMatchObject({ status: 404 });
    const { logs } = await client.logs({ filter: { state: "CANCELED", label: "off" } });
    expect(new Set(logs.map(({ messageId }) => messageId))).toEqual(new Set([one, two]));
    expect((await client.messages.cancel({ all: true })).cancelled).toBeGreaterThanOrEqual(1);
    expect(await client.messages.cancel({ all: true })).toEqual({ cancelled: 0 });
  });

  test("are called off by the older methods of the SDK too", async () => {
    const { client } = target;
    const wait = async () => (await client.publish({ url: url("/old"), body: "", delay: "2h" })).messageId;
    const [one, two, three] = [await wait(), await wait(), await wait()];
    await client.messages.delete(one);
    expect(await client.messages.deleteMany([two, three])).toBe(2);
    await wait();
    expect(await client.messages.deleteAll()).toBe(1);
    const { events } = await client.events({ filter: { url: url("/old"), state: "CANCELED" } });
    expect(events).toHaveLength(4);
    const { deleted } = await client.dlq.deleteMany({ dlqIds: ["0-0"] });
    expect(deleted).toBe(0);
  });

  test("go at once where they are told to", async () => {
    const { client, receiver, request } = target;
    const { messageId } = await client.publish({ url: url("/now"), body: "", delay: 3600 });
    const retry = () => request(`/v2/messages/${messageId}/retry`, { method: "POST" });
    expect((await retry()).status).toBe(200);
    await receiver.waitFor("/now");
    await eventually(retry, ({ status }) => status === 404);
  });
});

describe("keys", () => {
  test("are shown, and after a rotation the next one signs", async () => {
    const { client, request, settings, verifier, receiver } = target;
    const before = { current: settings.QSTASH_CURRENT_SIGNING_KEY, next: settings.QSTASH_NEXT_SIGNING_KEY };
    expect(await (await request("/v2/keys")).json()).toEqual(before);
    const rotated = (await (await request("/v2/keys/rotate", { method: "POST" })).json()) as typeof before;
    expect(rotated).toEqual({ current: before.next, next: expect.stringMatching(/^sig_/) });
    expect(rotated.next).not.toBe(before.next);
    expect(await (await request("/v2/keys")).json()).toEqual(rotated);

    await client.publish({ url: url("/rotated"), body: "x" });
    const [delivered] = await receiver.waitFor("/rotated");
    const signature = `${delivered?.headers["upstash-signature"]}`;
    // Whoever has the keys of before takes it by the next one.
    await expect(verifier.verify({ signature, body: "x", url: url("/rotated") })).resolves.toBe(true);
  });
});

describe("the Worker's alias", () => {
  test("leads to the Worker, whatever port it has", async () => {
    const { messageId } = await target.client.publish({
      url: "http://everywire.localhost/health",
      method: "GET",
    });
    const { logs } = await eventually(
      () => target.client.logs({ messageIds: [messageId] }),
      ({ logs }) => logs.some(({ state }) => state === "DELIVERED"),
    );
    expect(logs.filter(({ state }) => state === "ERROR")).toEqual([]);
  });
});
