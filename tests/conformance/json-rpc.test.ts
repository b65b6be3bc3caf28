import { randomUUID } from "node:crypto";
import * as openRpc from "@open-rpc/meta-schema";
import { Ajv } from "ajv";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Target } from "./door-driver.ts";
import { connectRpc, createHttpClient, jsonRpc } from "./doors/json-rpc.ts";
import { toHeaders } from "./http-exchange.ts";
import type { ServedTarget } from "./serve-target.ts";
import { serveTarget } from "./serve-target.ts";

let server: ServedTarget;
let admin: Target;
beforeAll(async () => {
  server = await serveTarget({ MAX_SOCKET_SUBSCRIPTIONS: "5", HEARTBEAT_SECONDS: "1" });
  admin = await server.signIn("root", { roles: ["admin"] });
}, 60_000);
afterAll(() => server.stop());

const newChannel = () => `demo/${randomUUID()}`;
const post = (body: string, headers: Record<string, string> = {}) =>
  fetch(`${server.url}/rpc`, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body,
  });
const call = (method: string, params?: object, target: Target = server) =>
  createHttpClient(target).request(method, params);
const readersOf = async (channel: string) =>
  ((await call("channel.presence", { channel })) as { readers: number }).readers;

/** The meta schema calls JSON Schema by an address on the network; draft 7, which that is, is in ajv. */
function openRpcValidator() {
  const ajv = new Ajv({ strict: false, validateFormats: false, logger: false });
  const definitions = { JSONSchemaObject: { properties: { $ref: { type: "string" } } } };
  const $ref = "http://json-schema.org/draft-07/schema#";
  for (const $id of ["https://meta.json-schema.tools", "https://meta.json-schema.tools/"]) {
    ajv.addSchema({ $id, allOf: [{ $ref }], definitions }, $id);
  }
  // Its types do not name what it exports.
  const { openrpcDocument } = openRpc as unknown as { openrpcDocument: Record<string, unknown> };
  const { $schema: _, ...metaSchema } = openrpcDocument;
  return ajv.compile(metaSchema);
}

describe("POST /rpc", () => {
  it("publishes and reads, by name and by position", async () => {
    const channel = newChannel();
    const first = (await call("channel.publish", [channel, "t", { n: 1 }])) as { sequence: string };
    expect(first).toMatchObject({ id: expect.any(String), duplicate: false });
    await call("channel.publish", {
      channel,
      type: "t",
      data: { n: 2 },
      datacontenttype: "application/json",
      traceid: "x",
    });
    const page = await call("channel.read", [channel, "earliest", 1]);
    expect(page).toMatchObject({ events: [{ data: { n: 1 } }], next: first.sequence, upToDate: false });
    expect(await call("channel.read", { channel, after: first.sequence })).toMatchObject({
      events: [{ data: { n: 2 }, traceid: "x", subject: channel }],
      upToDate: true,
    });
    expect(await call("channel.list", { prefix: channel })).toMatchObject({
      channels: [{ name: channel }],
      next: null,
    });
    expect(await call("channel.presence", [channel])).toEqual({ members: [], readers: 0 });
    expect(await call("channel.delete", [channel])).toBeNull();
    await expect(call("channel.delete", [channel])).rejects.toMatchObject({
      code: -32004,
      data: { code: "not_found" },
    });
  });

  it("waits for an event where the reader asks for it", async () => {
    const channel = newChannel();
    const waiting = call("channel.read", { channel, after: "earliest", waitMs: 20_000 });
    await call("channel.publish", [channel, "t", 1]);
    expect(await waiting).toMatchObject({ events: [{ data: 1 }] });
    expect(await call("channel.read", { channel, waitMs: 10 })).toMatchObject({ events: [], upToDate: true });
    await expect(call("channel.read", { channel, waitMs: 60_001 })).rejects.toMatchObject({ code: -32602 });
  });

  it("keeps the order of a batch, and answers nothing to notifications alone", async () => {
    const channel = newChannel();
    const publish = (n: number, id?: number) => ({
      jsonrpc: "2.0",
      method: "channel.publish",
      params: [channel, "t", n],
      id,
    });
    const response = await post(JSON.stringify([publish(1, 1), publish(2), publish(3, 3)]));
    expect(((await response.json()) as { id: number }[]).map(({ id }) => id)).toEqual([1, 3]);
    const silent = await post(JSON.stringify([publish(4), publish(5)]));
    expect([silent.status, await silent.text()]).toEqual([204, ""]);
    const { events } = (await call("channel.read", [channel, "earliest"])) as { events: { data: number }[] };
    expect(events.map(({ data }) => data)).toEqual([1, 2, 3, 4, 5]);
  });

  const big = `"${"x".repeat(1024 * 1024)}"`;
  it.each<[string, number, number, string | null, () => Promise<Response>]>([
    ["no JSON", 200, -32700, null, () => post("{")],
    [
      "no UTF-8",
      200,
      -32700,
      null,
      () =>
        post("").then(() =>
          fetch(`${server.url}/rpc`, {
            method: "POST",
            headers: { "content-type": "application/json" },
            body: Uint8Array.of(0xff),
          }),
        ),
    ],
    [
      "another media type",
      415,
      -32015,
      "unsupported_media_type",
      () => post("{}", { "content-type": "text/plain" }),
    ],
    ["too large a body", 413, -32013, "payload_too_large", () => post(big)],
    ["a bad token", 401, -32001, "unauthenticated", () => post("{}", { authorization: "Bearer x" })],
  ])("answers %s with %i and %i", async (_name, status, code, name, send) => {
    const response = await send();
    expect(response.status).toBe(status);
    expect(await response.json()).toMatchObject({
      jsonrpc: "2.0",
      error: { code, ...(name && { data: { code: name } }) },
      id: null,
    });
  });

  it("is 405 for other methods, and GET without an upgrade is 400", async () => {
    const response = await fetch(`${server.url}/rpc`, { method: "PUT" });
    expect([response.status, response.headers.get("allow")]).toEqual([405, "GET, POST, HEAD, OPTIONS"]);
    expect((await fetch(`${server.url}/rpc`)).status).toBe(400);
  });
});

describe("the resources", () => {
  it("are all there, with what REST does to them", async () => {
    const rpc = (method: string, params?: object) => call(method, params, admin);
    const email = `${randomUUID()}@example.org`;
    const user = (await rpc("users.create", { name: "Ada Lovelace", email })) as {
      id: string;
      version: number;
    };
    expect(user).toMatchObject({ name: "Ada Lovelace", familyName: "Lovelace", email, tags: [], version: 1 });
    await expect(rpc("users.create", { name: "Other", email })).rejects.toMatchObject({ code: -32009 });
    expect(await rpc("users.get", [user.id])).toEqual(user);
    const changed = await rpc("users.update", { id: user.id, changes: { tags: ["x"] }, ifVersion: 1 });
    expect(changed).toMatchObject({ tags: ["x"], version: 2, email });
    await expect(rpc("users.update", { id: user.id, changes: {}, ifVersion: 1 })).rejects.toMatchObject({
      code: -32012,
    });
    expect(await rpc("users.replace", { id: user.id, value: { name: "A", email } })).toMatchObject({
      name: "A",
      tags: [],
    });
    expect(await rpc("users.list", { email })).toMatchObject({
      data: [{ id: user.id }],
      pagination: { total: 1 },
    });

    const product = (await rpc("products.create", ["Tea", "food", 2.5, 10])) as { id: string };
    expect(await rpc("products.list", { category: "food", max_price: 3, sort: "-price" })).toMatchObject({
      data: [product].map(({ id }) => ({ id })),
    });
    const order = (await rpc("orders.create", { items: [{ productId: product.id, quantity: 4 }] })) as {
      id: string;
    };
    expect(order).toMatchObject({ total: 10, status: "pending" });
    expect(await rpc("orders.update", { id: order.id, changes: { status: "shipped" } })).toMatchObject({
      status: "shipped",
    });
    const theirs = (await rpc("users.orders.create", {
      userId: user.id,
      items: [{ productId: product.id, quantity: 1 }],
    })) as { id: string };
    expect(await rpc("users.orders.list", [user.id])).toMatchObject({
      data: [{ id: theirs.id, userId: user.id }],
    });
    expect(await rpc("users.orders.get", [user.id, theirs.id])).toMatchObject({ id: theirs.id });
    await expect(rpc("users.orders.get", [user.id, order.id])).rejects.toMatchObject({ code: -32004 });
    await expect(
      rpc("orders.create", { items: [{ productId: product.id, quantity: 99 }] }),
    ).rejects.toMatchObject({
      code: -32009,
      data: { details: { "items.0.quantity": ["Only 5 in stock"] } },
    });

    const made = (await rpc("posts.create", { title: "T", content: "C" })) as { id: string };
    const comment = (await rpc("comments.create", { postId: made.id, content: "Hi" })) as { id: string };
    expect(await rpc("comments.get", { postId: made.id, id: comment.id })).toMatchObject({ content: "Hi" });
    expect(await rpc("comments.list", { postId: made.id })).toMatchObject({ data: [{ id: comment.id }] });
    expect(await rpc("posts.list", { cursor: "", limit: 1 })).toMatchObject({
      data: [{ id: expect.any(String) }],
    });
    expect(await rpc("posts.delete", [made.id])).toBeNull();
    await expect(rpc("comments.get", { postId: made.id, id: comment.id })).rejects.toMatchObject({
      code: -32004,
    });
  });

  it("validate as REST does, and need the same rights", async () => {
    const alice = await server.signIn("alice");
    await expect(call("users.create", { name: "", email: "x" }, admin)).rejects.toMatchObject({
      code: -32602,
      data: { code: "validation_failed", details: { name: expect.any(Array), email: expect.any(Array) } },
    });
    await expect(call("users.create", { name: "A", email: "a@example.org" }, alice)).rejects.toMatchObject({
      code: -32003,
    });
    await expect(call("users.list", {})).rejects.toMatchObject({ code: -32001 });
    await expect(call("users.list", { sort: "secret" }, alice)).rejects.toMatchObject({ code: -32602 });
  });

  it("create once for an idempotency key", async () => {
    const key = randomUUID();
    const create = (price: number) =>
      call("products.create", { name: "K", category: "k", price, idempotencyKey: key }, admin);
    const first = await create(1);
    expect(await create(1)).toEqual(first);
    await expect(create(2)).rejects.toMatchObject({ data: { code: "validation_failed" } });
  });
});

describe("rpc.discover", () => {
  it("is an OpenRPC document of every method, by the meta schema", async () => {
    const document = (await call("rpc.discover")) as {
      methods: { name: string; params: { name: string }[] }[];
    };
    const validate = openRpcValidator();
    expect(validate(document), JSON.stringify(validate.errors)).toBe(true);
    expect(validate({ ...document, methods: [{ name: 1 }] })).toBe(false);
    const names = document.methods.map(({ name }) => name);
    const operations = ["list", "get", "create", "update", "replace", "delete"];
    const resources = ["users", "users.orders", "products", "posts", "comments", "orders"];
    expect(new Set(names)).toEqual(
      new Set([
        ...["publish", "read", "list", "presence", "delete", "subscribe", "unsubscribe", "pong"].map(
          (name) => `channel.${name}`,
        ),
        ...resources.flatMap((resource) => operations.map((operation) => `${resource}.${operation}`)),
        "rpc.discover",
      ]),
    );
    const publish = document.methods.find(({ name }) => name === "channel.publish");
    expect(publish?.params.map(({ name }) => name)).toEqual([
      "channel",
      "type",
      "data",
      "id",
      "source",
      "data_base64",
    ]);
  });
});

describe("GET /rpc", () => {
  it("has the same methods, and several subscriptions on one connection", async () => {
    const [a, b] = [newChannel(), newChannel()];
    const { socket, call: over, notifications } = await connectRpc(server);
    const first = (await over("channel.subscribe", [a])) as { subscription: string; cursor: string };
    const second = (await over("channel.subscribe", { channel: b, after: "earliest" })) as {
      subscription: string;
    };
    expect(first.subscription).not.toBe(second.subscription);
    await over("channel.publish", [a, "t", 1]);
    await over("channel.publish", [b, "t", 2]);
    const next = async () => {
      for (;;) {
        const { method, params } = await notifications.next();
        if (method === "channel.event") return params;
      }
    };
    expect(await next()).toMatchObject({ subscription: first.subscription, event: { data: 1, subject: a } });
    expect(await next()).toMatchObject({ subscription: second.subscription, event: { data: 2, subject: b } });
    expect(await over("channel.unsubscribe", [first.subscription])).toBeNull();
    await over("channel.publish", [a, "t", 3]);
    await over("channel.publish", [b, "t", 4]);
    expect(await next()).toMatchObject({ subscription: second.subscription, event: { data: 4 } });
    await expect(over("channel.unsubscribe", [first.subscription])).rejects.toMatchObject({
      code: "not_found",
    });
    expect(await readersOf(a)).toBe(0);
    socket.terminate();
  });

  it("keeps the order of calls that are sent at once, and lets one that waits be passed", async () => {
    const channel = newChannel();
    const { socket, call: over } = await connectRpc(server);
    const waiting = over("channel.read", { channel: newChannel(), waitMs: 60_000 });
    waiting.catch(() => undefined);
    await Promise.all(Array.from({ length: 50 }, (_, n) => over("channel.publish", [channel, "t", n])));
    const { events } = (await over("channel.read", [channel, "earliest"])) as { events: { data: number }[] };
    expect(events.map(({ data }) => data)).toEqual(Array.from({ length: 50 }, (_, n) => n));
    socket.terminate();
  });

  it("answers publishes that are sent at once each by itself, in order, and keeps the log's", async () => {
    const [channel, other] = [newChannel(), newChannel()];
    const { socket, call: over } = await connectRpc(server);
    await over("channel.subscribe", [channel, "latest"]);
    const answers: { id: number; result?: { duplicate: boolean }; error?: { data: { code: string } } }[] = [];
    const seen: unknown[] = [];
    const done = Promise.withResolvers<void>();
    socket.on("message", (data) => {
      const frame = JSON.parse(String(data));
      if (frame.method === "channel.event") seen.push(frame.params.event.data);
      if (frame.id !== undefined) answers.push(frame);
      if (frame.id === 199) done.resolve();
    });
    const toCall = (n: number) => {
      if (n % 20 === 3) return { method: "channel.publish", params: [other, "t", n] };
      if (n % 20 === 7) return { method: "channel.publish", params: [channel] };
      if (n % 20 === 9) return { method: "channel.publish", params: ["bad//name", "t", n] };
      if (n % 20 === 11) return { method: "channel.publish", params: ["news", "t", n] };
      if (n % 20 === 13) return { method: "channel.publish", params: [channel, "chat.typing", n] };
      if (n % 20 === 15) return { method: "channel.presence", params: [channel] };
      // The one before again, by its id.
      const id = `e${n % 20 === 17 ? n - 1 : n}`;
      return { method: "channel.publish", params: { channel, type: "t", data: n, id } };
    };
    const calls = Array.from({ length: 200 }, (_, n) => n);
    const isSilent = (n: number) => n % 10 === 5 && n % 20 !== 15;
    for (const n of calls) {
      socket.send(JSON.stringify({ jsonrpc: "2.0", ...toCall(n), ...(isSilent(n) ? {} : { id: n }) }));
    }
    await done.promise;
    expect(answers.map(({ id }) => id)).toEqual(calls.filter((n) => !isSilent(n)));
    for (const { id: n, result, error } of answers) {
      const code = { 7: "invalid_argument", 9: "invalid_argument", 11: "unauthenticated" }[n % 20];
      expect([n, error?.data.code]).toEqual([n, code]);
      if (code === undefined && n % 20 !== 15) expect(result?.duplicate).toBe(n % 20 === 17);
    }
    const isHere = (n: number) => ![3, 7, 9, 11, 15, 17].includes(n % 20);
    // What is not stored keeps its place among what is.
    await expect.poll(() => seen).toEqual(calls.filter(isHere));
    const dataOf = async (name: string) => {
      const page = (await call("channel.read", [name, "earliest", 1000])) as { events: { data: number }[] };
      return page.events.map(({ data }) => data);
    };
    expect(await dataOf(channel)).toEqual(calls.filter((n) => isHere(n) && n % 20 !== 13));
    expect(await dataOf(other)).toEqual(calls.filter((n) => n % 20 === 3));
    socket.terminate();
  });

  it("counts publishes that are sent at once each by itself", async () => {
    const limited = await serveTarget({
      RATE_LIMITS: "on",
      PUBLISHES_PER_SECOND: "20",
      REQUESTS_PER_SECOND: "60",
    });
    const { socket } = await connectRpc(limited);
    const channel = newChannel();
    const answers: { id: number; error?: { data: { code: string; retryAfterMs: number } } }[] = [];
    const done = Promise.withResolvers<void>();
    socket.on("message", (data) => {
      answers.push(JSON.parse(String(data)));
      if (answers.length === 200) done.resolve();
    });
    for (let id = 0; id < 200; id += 1) {
      socket.send(
        JSON.stringify({ jsonrpc: "2.0", id, method: "channel.publish", params: [channel, "t", id] }),
      );
    }
    await done.promise;
    expect(answers.map(({ id }) => id)).toEqual(Array.from({ length: 200 }, (_, n) => n));
    const taken = answers.filter(({ error }) => error === undefined).map(({ id }) => id);
    expect(taken.slice(0, 20)).toEqual(Array.from({ length: 20 }, (_, n) => n));
    expect(taken.length).toBeLessThan(150);
    for (const { error } of answers.filter((one) => one.error !== undefined)) {
      expect(error?.data).toMatchObject({ code: "rate_limited", retryAfterMs: expect.any(Number) });
    }
    socket.terminate();
    await limited.stop();
  });

  it("answers what it cannot take, and goes on", async () => {
    const { socket, call: over } = await connectRpc(server);
    const answers: unknown[] = [];
    const got = Promise.withResolvers<void>();
    socket.on("message", (data) => {
      answers.push(JSON.parse(String(data)));
      if (answers.length === 4) got.resolve();
    });
    socket.send("{");
    socket.send(Buffer.of(1, 2, 3));
    socket.send(JSON.stringify("x".repeat(1024 * 1024)));
    socket.send("[]");
    await got.promise;
    expect(answers.map((answer) => (answer as { error: { code: number } }).error.code).sort()).toEqual(
      [-32013, -32015, -32600, -32700].sort(),
    );
    expect(await over("channel.presence", ["demo/a"])).toMatchObject({ members: [] });
    socket.terminate();
  });

  it("has a limit of subscriptions", async () => {
    const { socket, call: over } = await connectRpc(server);
    for (let n = 0; n < 5; n += 1) await over("channel.subscribe", [`demo/limit-${n}`]);
    await expect(over("channel.subscribe", ["demo/limit"])).rejects.toMatchObject({ code: "rate_limited" });
    socket.terminate();
  });

  it("tells where a subscription ends, and closes with the token", async () => {
    const channel = newChannel();
    await call("channel.publish", [channel, "t", 1]);
    const reader = await jsonRpc.read?.(server, channel);
    await call("channel.delete", [channel]);
    await expect(reader?.next()).rejects.toMatchObject({ code: "gone" });
    await reader?.cut();
    const alice = await server.signIn("alice", { expiresIn: 3 });
    const { socket, call: over } = await connectRpc(alice);
    await over("channel.subscribe", ["rooms/expiry"]);
    const code = await new Promise((resolve) => socket.on("close", resolve));
    expect(code).toBe(4401);
  });

  it.each(["close", "terminate"] as const)("leaves no subscription behind after %s", async (how) => {
    const channel = newChannel();
    const connections = await Promise.all(Array.from({ length: 20 }, () => connectRpc(server)));
    for (const { call: over } of connections) await over("channel.subscribe", [channel]);
    expect(await readersOf(channel)).toBe(20);
    for (const { socket } of connections) socket[how]();
    await expect.poll(() => readersOf(channel), { timeout: 15_000 }).toBe(0);
  });

  it("says that it is alive while there is a subscription", async () => {
    const { socket, call: over, notifications } = await connectRpc(server);
    await over("channel.subscribe", [newChannel()]);
    expect(await notifications.next()).toMatchObject({ method: "channel.heartbeat" });
    socket.terminate();
  });

  it("is refused by HTTP where the token is bad", async () => {
    await expect(connectRpc({ url: server.url, token: "x" })).rejects.toMatchObject({
      code: "unauthenticated",
    });
    const response = await fetch(`${server.url}/rpc`, {
      headers: toHeaders({ url: server.url, token: "x" }),
    });
    expect(response.status).toBe(401);
  });
});
