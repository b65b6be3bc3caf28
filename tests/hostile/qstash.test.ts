import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { createServer } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { QstashTarget } from "../conformance/qstash-target.ts";
import { eventually, serveQstash } from "../conformance/qstash-target.ts";

let target: QstashTarget;
const url = (path: string) => `${target.receiver.url}${path}`;
const publish = (headers: Record<string, string>, destination = url("/never")) =>
  target.request(`/v2/publish/${destination}`, { method: "POST", headers, body: "x" });

beforeAll(async () => {
  target = await serveQstash();
});
afterAll(() => target.stop());

describe("who has no token", () => {
  test.each([
    ["none", {}],
    ["another", { authorization: "Bearer another" }],
    ["an empty one", { authorization: "Bearer " }],
    ["one of another scheme", { authorization: "Basic YTpi" }],
  ])("is refused: %s", async (_, headers) => {
    const { QSTASH_URL } = target.settings;
    for (const path of ["/v2/keys", "/v2/dlq", `/v2/publish/${url("/never")}`, "/nowhere"]) {
      const response = await fetch(`${QSTASH_URL}${path}`, {
        headers,
        method: path.includes("publish") ? "POST" : "GET",
      });
      expect(response.status).toBe(401);
      expect(await response.json()).toEqual({ error: expect.stringContaining("unauthorized") });
    }
  });

  test("is refused with a part of the token", async () => {
    const { QSTASH_URL, QSTASH_TOKEN } = target.settings;
    const authorization = `Bearer ${QSTASH_TOKEN.slice(0, -1)}`;
    expect((await fetch(`${QSTASH_URL}/v2/keys`, { headers: { authorization } })).status).toBe(401);
  });
});

describe("a publish", () => {
  test.each([
    ["ftp://example.com/", 404],
    ["javascript:alert(1)", 404],
    ["http://", 400],
    ["http://user:secret@127.0.0.1/", 400],
    ["http://[::1", 400],
    ["", 400],
    ["no-such-group", 404],
    ["../../v2/keys", 404],
    ["https%3A%2F%2F%ZZ", 400],
  ])("to '%s' is answered with %i", async (destination, status) => {
    const response = await publish({}, destination);
    expect(response.status).toBe(status);
    expect(await response.json()).toEqual({ error: expect.any(String) });
  });

  test.each([
    [{ "upstash-delay": "soon" }, 400],
    [{ "upstash-delay": "-5s" }, 400],
    [{ "upstash-delay": "366d" }, 412],
    [{ "upstash-not-before": "tomorrow" }, 400],
    [{ "upstash-not-before": "99999999999" }, 412],
    [{ "upstash-retries": "-1" }, 400],
    [{ "upstash-retries": "1.5" }, 400],
    [{ "upstash-retries": "101" }, 412],
    [{ "upstash-retry-delay": "globalThis" }, 400],
    [{ "upstash-retry-delay": "9".repeat(300) }, 400],
    [{ "upstash-timeout": "0s" }, 400],
    [{ "upstash-timeout": "long" }, 400],
    [{ "upstash-method": "TRACE" }, 400],
    [{ "upstash-callback": "not a url" }, 400],
    [{ "upstash-failure-callback": "file:///etc/passwd" }, 400],
    [{ "upstash-callback": "http://127.0.0.1/", "upstash-callback-retries": "x" }, 400],
    [{ "upstash-deduplication-id": "x".repeat(1025) }, 400],
    [{ "upstash-flow-control-key": "k" }, 400],
    [{ "upstash-flow-control-key": "k", "upstash-flow-control-value": "rate=0" }, 400],
    [{ "upstash-flow-control-key": "k", "upstash-flow-control-value": "speed=1" }, 400],
    [{ "upstash-flow-control-key": "k", "upstash-flow-control-value": "rate=1, period=9d" }, 400],
    [{ "upstash-redact-fields": "everything" }, 400],
    [{ "upstash-workflow-runid": "wfr_1" }, 501],
    [{ "upstash-cron": "* * * * *" }, 501],
  ])("with %o is answered with %i", async (headers, status) => {
    const response = await publish(headers as Record<string, string>);
    expect(response.status).toBe(status);
    expect(await response.json()).toEqual({ error: expect.any(String) });
  });

  test("of more than a message may have is refused, also where it does not say how much it is", async () => {
    const large = "x".repeat(1024 * 1024 + 1);
    const post = (path: string, body: string) => target.request(path, { method: "POST", body });
    expect((await post(`/v2/publish/${url("/never")}`, large)).status).toBe(413);
    expect((await post("/v2/queues", JSON.stringify({ queueName: large }))).status).toBe(413);
    const batch = await post("/v2/batch", JSON.stringify([{ destination: url("/never"), body: large }]));
    expect(await batch.json()).toEqual([{ error: expect.stringContaining("bytes") }]);
    const stream = new Blob([large]).stream();
    const init = { method: "POST", body: stream, duplex: "half" } as RequestInit;
    const streamed = await target.request(`/v2/publish/${url("/never")}`, init);
    expect(streamed.status).toBe(413);
    const most = await post(`/v2/publish/${url("/most")}`, large.slice(1));
    expect(most.status).toBe(200);
    expect((await target.receiver.waitFor("/most"))[0]?.body).toHaveLength(1024 * 1024);
  });

  test("cannot sign for us, nor speak for the connection", async () => {
    const response = await publish(
      {
        "upstash-forward-upstash-signature": "forged",
        "upstash-forward-upstash-message-id": "forged",
        "upstash-forward-content-length": "3",
        "upstash-forward-transfer-encoding": "chunked",
        "upstash-forward-host": "elsewhere",
        "upstash-forward-x-fine": "1",
      },
      url("/forged"),
    );
    const { messageId } = (await response.json()) as { messageId: string };
    const [request] = await target.receiver.waitFor("/forged");
    expect(request?.headers).toMatchObject({
      "upstash-message-id": messageId,
      "content-length": "1",
      "x-fine": "1",
    });
    expect(request?.headers.host).toBe(new URL(target.receiver.url).host);
    const signature = `${request?.headers["upstash-signature"]}`;
    await expect(target.verifier.verify({ signature, body: "x", url: url("/forged") })).resolves.toBe(true);
  });
});

describe("other requests", () => {
  test.each([
    ["POST", "/v2/batch", "{"],
    ["POST", "/v2/batch", "{}"],
    ["POST", "/v2/batch", "[]"],
    ["POST", "/v2/batch", '[{"destination":1}]'],
    ["POST", "/v2/queues", "null"],
    ["POST", "/v2/queues", '{"queueName":"a b"}'],
    ["POST", "/v2/queues", '{"queueName":"a","parallelism":0}'],
    ["POST", "/v2/topics/g/endpoints", '{"endpoints":[{"url":"ftp://x"}]}'],
    ["POST", "/v2/topics/a%20b/endpoints", '{"endpoints":[{"url":"http://x"}]}'],
    ["POST", "/v2/schedules/http://127.0.0.1/", ""],
    ["GET", "/v2/events?cursor=x", undefined],
    ["GET", "/v2/events?count=0", undefined],
    ["GET", "/v2/dlq?fromDate=now", undefined],
    ["DELETE", "/v2/messages?labell=typo", undefined],
    ["DELETE", "/v2/dlq?host=example.com", undefined],
    ["POST", "/v2/flowControl/k/pin", undefined],
  ])("%s %s %s is answered with 400", async (method, path, body) => {
    const response = await target.request(path, { method, body: body ?? null });
    expect(response.status).toBe(400);
    expect(await response.json()).toEqual({ error: expect.any(String) });
  });

  test.each([
    ["POST", "/llm/v1/chat/completions"],
    ["POST", "/v2/publish/api/llm"],
    ["POST", "/v2/publish/api/email"],
    ["DELETE", "/v2/workflows/runs/wfr_1"],
    ["GET", "/v2/bulkActions"],
    ["DELETE", "/v2/messages?async=true&label=x"],
    ["POST", "/v1/publish/http://127.0.0.1/"],
  ])("%s %s says that it is not served", async (method, path) => {
    const response = await target.request(path, { method });
    expect(response.status).toBe(501);
    expect(await response.json()).toEqual({ error: expect.stringContaining("stand-in") });
  });

  test("for what is not there are answered with 404", async () => {
    for (const path of [
      "/",
      "/v2",
      "/v2/nothing",
      "/v2/messages/msg_none",
      "/v2/dlq/1-1",
      "/v2/queues/none",
    ]) {
      expect((await target.request(path)).status, path).toBe(404);
    }
  });
});

describe("a destination", () => {
  test("that never ends its answer takes no more than is kept of it", async () => {
    const { client, receiver } = target;
    receiver.on("/endless", () => ({ status: 500, body: "y".repeat(3 * 1024 * 1024) }));
    const { messageId } = await client.publish({
      url: url("/endless"),
      body: "",
      retries: 0,
      failureCallback: url("/told"),
    });
    const { messages } = await eventually(
      () => client.dlq.listMessages({ filter: { messageId } }),
      (dlq) => dlq.messages.length === 1,
    );
    expect(messages[0]?.responseBody).toHaveLength(256 * 1024);
    const [told] = await receiver.waitFor("/told");
    expect(JSON.parse(told?.body ?? "{}")).toMatchObject({ status: 500 });
  });

  test("that redirects is not followed", async () => {
    const { client, receiver } = target;
    receiver.on("/moved", () => ({ status: 307, headers: { location: url("/followed") } }));
    const { messageId } = await client.publish({ url: url("/moved"), body: "", retries: 0 });
    await eventually(
      () => client.dlq.listMessages({ filter: { messageId } }),
      (dlq) => dlq.messages.length === 1,
    );
    expect(receiver.at("/followed")).toEqual([]);
  });

  test("that speaks no HTTP, or hangs up, is a failure like others", async () => {
    const { client } = target;
    for (const answer of ["not http at all\r\n\r\n", "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf"]) {
      const server = createServer((socket) => socket.end(answer));
      server.listen(0, "127.0.0.1");
      await once(server, "listening");
      const { port } = server.address() as AddressInfo;
      const { messageId } = await client.publish({ url: `http://127.0.0.1:${port}/`, body: "", retries: 0 });
      const { messages } = await eventually(
        () => client.dlq.listMessages({ filter: { messageId } }),
        (dlq) => dlq.messages.length === 1,
      );
      expect(messages[0]?.responseStatus).toBe(0);
      server.close();
    }
  });
});
