import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { RestTarget } from "./rest-target.ts";
import { serveRest } from "./rest-target.ts";

let rest: RestTarget;
beforeAll(async () => {
  rest = await serveRest();
});
afterAll(() => rest.served.stop());

const PEN = { name: "Pen", category: "office", price: 1.25, stock: 10 };
let emails = 0;
const newUser = (more: object = {}) => {
  emails += 1;
  return { name: "Ada Lovelace", email: `user${emails}@example.org`, ...more };
};

describe("each resource", () => {
  const cases = [
    { path: "/api/v1/users", body: () => newUser(), change: { name: "Grace Hopper" } },
    { path: "/api/v1/products", body: () => PEN, change: { price: 2 } },
    { path: "/api/v1/posts", body: () => ({ title: "A", content: "B" }), change: { title: "C" } },
  ];
  it.each(cases)("$path is created, read, replaced, patched, deleted", async ({ path, body, change }) => {
    const { admin } = rest;
    const created = await admin.call("POST", path, { body: body() });
    expect(created.status).toBe(201);
    expect(created.headers.get("location")).toBe(`${path}/${created.json.id}`);
    const at = `${path}/${created.json.id}`;
    const read = await admin.call("GET", at);
    expect(read.json).toEqual(created.json);
    expect(read.headers.get("etag")).toBe(created.headers.get("etag"));
    const patched = await admin.call("PATCH", at, { body: change });
    expect(patched.json).toEqual({ ...created.json, ...change });
    expect(patched.headers.get("etag")).not.toBe(read.headers.get("etag"));
    const replaced = await admin.call("PUT", at, { body: created.json });
    expect(replaced.json).toEqual(created.json);
    expect((await admin.call("PUT", at, { body: {} })).status).toBe(422);
    expect((await admin.call("HEAD", at)).status).toBe(200);
    expect((await admin.call("DELETE", at)).status).toBe(204);
    expect((await admin.call("GET", at)).status).toBe(404);
    expect((await admin.call("DELETE", at)).status).toBe(404);
  });

  it("answers another method with 405 and Allow, and OPTIONS with what there is", async () => {
    const wrong = await rest.admin.call("DELETE", "/api/v1/users");
    expect(wrong.status).toBe(405);
    expect(wrong.headers.get("allow")).toBe("GET, POST, HEAD, OPTIONS");
    const options = await rest.admin.call("OPTIONS", "/api/v1/users/x");
    expect(options.status).toBe(204);
    expect(options.headers.get("allow")).toContain("PATCH");
    expect(options.headers.get("accept-patch")).toContain("application/merge-patch+json");
  });
});

describe("comments", () => {
  it("belong to their post, and go with it", async () => {
    const post = await rest.create("/api/v1/posts", { title: "A", content: "B" });
    const at = `/api/v1/posts/${post.id}/comments`;
    const comment = await rest.ada.call("POST", at, { body: { content: "first" } });
    expect(comment.json).toMatchObject({ postId: post.id, authorId: "ada", content: "first" });
    expect((await rest.bob.call("GET", `${at}/${comment.json.id}`)).status).toBe(200);
    expect((await rest.bob.call("PUT", `${at}/${comment.json.id}`, { body: { content: "x" } })).status).toBe(
      403,
    );
    expect((await rest.bob.call("GET", `/api/v1/posts/other/comments/${comment.json.id}`)).status).toBe(404);
    expect(
      (await rest.ada.call("POST", "/api/v1/posts/none/comments", { body: { content: "x" } })).status,
    ).toBe(404);
    expect((await rest.ada.call("GET", "/api/v1/posts/none/comments")).status).toBe(404);
    expect((await rest.ada.call("GET", "/api/v1/posts/a%20b/comments")).status).toBe(404);
    await rest.admin.call("DELETE", `/api/v1/posts/${post.id}`);
    expect((await rest.bob.call("GET", `${at}/${comment.json.id}`)).status).toBe(404);
  });
});

describe("orders", () => {
  it("take stock, add up exactly, and are 409 where there is too little", async () => {
    const pen = await rest.create("/api/v1/products", { ...PEN, price: 0.1, stock: 3 });
    const items = [
      { productId: pen.id, quantity: 1 },
      { productId: pen.id, quantity: 2 },
    ];
    const order = await rest.ada.call("POST", "/api/v1/orders", { body: { items } });
    expect(order.status).toBe(201);
    expect(order.json).toMatchObject({ userId: "ada", total: 0.3, status: "pending" });
    expect((await rest.ada.call("GET", `/api/v1/products/${pen.id}`)).json.stock).toBe(0);
    const short = await rest.ada.call("POST", "/api/v1/orders", { body: { items: items.slice(0, 1) } });
    expect(short.status).toBe(409);
    expect(short.json.error.details).toEqual({ "items.0.quantity": ["Only 0 in stock"] });
    const unknown = { items: [{ productId: "none", quantity: 1 }] };
    expect((await rest.ada.call("POST", "/api/v1/orders", { body: unknown })).status).toBe(422);
  });

  it("are seen by their owner and admins, and moved on by admins", async () => {
    const { id: productId } = await rest.create("/api/v1/products", PEN);
    const body = { items: [{ productId, quantity: 1 }] };
    const order = await rest.ada.call("POST", "/api/v1/users/ada/orders", { body });
    expect(order.headers.get("location")).toBe(`/api/v1/users/ada/orders/${order.json.id}`);
    const at = `/api/v1/orders/${order.json.id}`;
    expect((await rest.ada.call("GET", `/api/v1/users/ada/orders/${order.json.id}`)).json).toEqual(
      order.json,
    );
    expect((await rest.bob.call("GET", at)).status).toBe(403);
    expect((await rest.bob.call("GET", "/api/v1/users/ada/orders")).status).toBe(403);
    expect((await rest.bob.call("GET", "/api/v1/orders")).json.data).toEqual([]);
    expect((await rest.admin.call("GET", "/api/v1/users/unknown/orders")).status).toBe(404);
    expect((await rest.ada.call("PATCH", at, { body: { status: "shipped" } })).status).toBe(403);
    expect((await rest.admin.call("PATCH", at, { body: { status: "lost" } })).status).toBe(422);
    expect((await rest.admin.call("PATCH", at, { body: { status: "shipped" } })).json.status).toBe("shipped");
    const log = await fetch(`${rest.served.url}/channels/orders/${order.json.id}?after=earliest`, {
      headers: { authorization: `Bearer ${(await rest.served.signIn("ada")).token}` },
    });
    const { events } = (await log.json()) as { events: { type: string; subject: string; data: object }[] };
    expect(events.map((event) => event.type)).toEqual(["order.created", "order.status_changed"]);
    expect(events[1]).toMatchObject({
      subject: `orders/${order.json.id}`,
      data: { orderId: order.json.id, status: "shipped" },
    });
  });
});

describe("who may what", () => {
  it("nobody without a token, and not everybody with one", async () => {
    const { nobody, ada, bob, admin } = rest;
    for (const path of ["/api/v1/users", "/api/v1/orders", "/api/v1/posts/x/comments"]) {
      expect((await nobody.call("GET", path)).status).toBe(401);
    }
    expect((await nobody.call("POST", "/api/v1/posts", { body: "{" })).status).toBe(401);
    expect((await ada.call("POST", "/api/v1/users", { body: newUser() })).status).toBe(403);
    expect((await ada.call("POST", "/api/v1/products", { body: PEN })).status).toBe(403);
    const post = await ada.call("POST", "/api/v1/posts", { body: { title: "A", content: "B" } });
    expect(post.json.authorId).toBe("ada");
    const at = `/api/v1/posts/${post.json.id}`;
    expect((await bob.call("DELETE", at)).status).toBe(403);
    expect((await ada.call("PATCH", at, { body: { authorId: "bob" } })).status).toBe(403);
    const forBob = { title: "A", content: "B", authorId: "bob" };
    expect((await ada.call("POST", "/api/v1/posts", { body: forBob })).status).toBe(403);
    expect((await admin.call("POST", "/api/v1/posts", { body: forBob })).json.authorId).toBe("bob");
  });

  it("a token that lists channels opens only the resources of those channels", async () => {
    const narrow = await rest.served.signIn("ada", { channels: { read: ["posts", "demo/**"], write: [] } });
    const client = rest.nobody.as(narrow);
    expect((await client.call("GET", "/api/v1/posts")).status).toBe(200);
    expect((await client.call("GET", "/api/v1/users")).status).toBe(403);
    expect((await client.call("POST", "/api/v1/posts", { body: { title: "A", content: "B" } })).status).toBe(
      403,
    );
  });
});

describe("bad input", () => {
  it("is told field by field, in the one form of all errors", async () => {
    const answer = await rest.admin.call("POST", "/api/v1/users", {
      body: { email: "no", address: { city: 5 }, tags: "x" },
    });
    expect(answer.status).toBe(422);
    expect(answer.json.error.code).toBe("validation_failed");
    expect(Object.keys(answer.json.error.details).sort()).toEqual(["address.city", "email", "name", "tags"]);
    const problem = await rest.admin.call("GET", "/api/v1/users/none", {
      headers: { accept: "application/problem+json" },
    });
    expect(problem.headers.get("content-type")).toBe("application/problem+json");
    expect(problem.json).toMatchObject({ status: 404, code: "not_found" });
  });

  it.each([
    ["malformed JSON", 400, { body: "{" }],
    ["an empty body", 400, { body: "" }],
    ["a list", 422, { body: [] }],
    ["null", 422, { body: null }],
    ["a number", 422, { body: 5 }],
    ["another media type", 415, { body: "a=b", headers: { "content-type": "text/plain" } }],
    ["a body over the limit", 413, { body: `"${"x".repeat(1024 * 1024)}"` }],
    ["an infinite price", 422, { body: '{"name":"a","category":"b","price":1e999}' }],
    ["a negative price", 422, { body: { ...PEN, price: -1 } }],
    ["half a cent", 422, { body: { ...PEN, price: 0.005 } }],
    ["half a piece", 422, { body: { ...PEN, stock: 0.5 } }],
    ["an empty idempotency key", 400, { body: PEN, headers: { "idempotency-key": "" } }],
  ])("%s is %i", async (_, status, call) => {
    expect((await rest.admin.call("POST", "/api/v1/products", call)).status).toBe(status);
  });

  it("does not pollute prototypes, nor exhaust the stack", async () => {
    const { id } = await rest.create("/api/v1/products", PEN);
    const at = `/api/v1/products/${id}`;
    const body = '{"__proto__":{"price":5,"x":1},"constructor":{"prototype":{"x":1}},"name":"Ink"}';
    expect((await rest.admin.call("PATCH", at, { body })).json).toEqual(
      expect.objectContaining({ name: "Ink", price: 1.25 }),
    );
    const deep = `${'{"a":'.repeat(50_000)}1${"}".repeat(50_000)}`;
    expect((await rest.admin.call("PATCH", at, { body: deep })).status).toBe(422);
    expect((await rest.admin.call("GET", "/api/v1/products/%E0%A4%A")).status).toBe(404);
    expect((await rest.admin.call("GET", "/api/v1/products/..%2f..%2fhealth")).status).toBe(404);
  });

  it("ignores what a body may not set", async () => {
    const { id } = await rest.create("/api/v1/products", PEN);
    const body = { ...PEN, id: "mine", createdAt: "then", colour: "red" };
    const replaced = await rest.admin.call("PUT", `/api/v1/products/${id}`, { body });
    expect(replaced.json.id).toBe(id);
    expect(replaced.json.colour).toBeUndefined();
  });
});
