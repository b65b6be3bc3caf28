import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Reader, Target } from "./door-driver.ts";
import { connect } from "./doors/graphql-socket.ts";
import { http } from "./doors/http.ts";
import { readers } from "./doors.ts";
import { assertOk, toHeaders, toUrl } from "./http-exchange.ts";
import type { ServedTarget } from "./serve-target.ts";
import { serveTarget } from "./serve-target.ts";

interface Order {
  readonly id: string;
  readonly userId: string;
  readonly status: string;
}

let server: ServedTarget;
let admin: Target;
let ada: Target;
beforeAll(async () => {
  server = await serveTarget({}, { withGateway: true });
  admin = await server.signIn("root", { roles: ["admin"] });
  ada = await server.signIn("ada");
});
afterAll(() => server.stop());

const call = async (as: Target, method: string, path: string, body?: unknown): Promise<Response> =>
  fetch(toUrl(as, path), {
    method,
    headers: toHeaders(as, {
      "content-type": method === "PATCH" ? "application/merge-patch+json" : "application/json",
    }),
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
const json = async <T>(response: Promise<Response>): Promise<T> =>
  (await assertOk(await response)).json() as T;
const newProduct = async (stock = 100) => {
  const product = { name: "Lamp", category: "home", price: 2.5, stock };
  return (await json<{ id: string }>(call(admin, "POST", "/api/v1/products", product))).id;
};
const order = async (as: Target = ada) => {
  const items = [{ productId: await newProduct(), quantity: 1 }];
  return json<Order>(call(as, "POST", "/api/v1/orders", { items }));
};
const readAll = async (as: Target, channel: string) =>
  (
    await json<{ events: { type: string; data: Record<string, unknown> }[] }>(
      call(as, "GET", `/channels/${channel}?after=earliest&limit=1000`),
    )
  ).events;
/** What happened to an order, and what its owner was told of it. */
const storyOf = async ({ id, userId }: Order) => ({
  statuses: (await readAll(admin, `orders/${id}`))
    .filter(({ type }) => type === "order.status_changed")
    .map(({ data }) => data),
  notifications: (await readAll(admin, `users/${userId}/inbox`))
    .filter(({ type, data }) => type === "notification" && (data.data as { orderId?: string }).orderId === id)
    .map(({ data }) => (data.data as { status: string }).status),
});
const statusOf = async (id: string) => (await json<Order>(call(admin, "GET", `/api/v1/orders/${id}`))).status;
const waitFor = async (id: string, status: string) => {
  for (const deadlineMs = Date.now() + 10_000; Date.now() < deadlineMs; await delay(50)) {
    if ((await statusOf(id)) === status) return;
  }
  throw new Error(`The order is not '${status}' but '${await statusOf(id)}'.`);
};
const SHIPPED = (id: string) => ({
  statuses: [
    { orderId: id, status: "processing" },
    { orderId: id, status: "shipped" },
  ],
  notifications: ["processing", "shipped"],
});

describe.concurrent("an order that was placed", () => {
  const items = async () => [{ productId: await newProduct(), quantity: 1 }];
  const graphql = async (as: Target, query: string, variables: object) =>
    json<{ data: Record<string, Order>; errors?: unknown }>(
      call(as, "POST", "/graphql", { query, variables }),
    );
  const places: readonly [string, () => Promise<Order>][] = [
    ["REST", async () => order()],
    [
      "REST, by way of the user",
      async () => json<Order>(call(ada, "POST", "/api/v1/users/ada/orders", { items: await items() })),
    ],
    [
      "GraphQL",
      async () => {
        const mutation = "mutation ($i: OrderInput!) { createOrder(input: $i) { id userId status } }";
        const { data } = await graphql(ada, mutation, { i: { items: await items() } });
        return data.createOrder as Order;
      },
    ],
    [
      "JSON-RPC",
      async () => {
        const params = { items: await items() };
        const request = { jsonrpc: "2.0", id: 1, method: "orders.create", params };
        return (await json<{ result: Order }>(call(ada, "POST", "/rpc", request))).result;
      },
    ],
  ];

  it.each(places)("through %s is shipped, and each step is told once", async (_name, place) => {
    const placed = await place();
    expect(placed).toMatchObject({ userId: "ada", status: "pending" });
    await waitFor(placed.id, "shipped");
    expect(await storyOf(placed)).toEqual(SHIPPED(placed.id));
  });

  it("is followed live on every door that subscribes, and by orderStatus", async () => {
    const carol = await server.signIn("carol");
    const placed = await order(carol);
    const channel = `orders/${placed.id}`;
    const live: { name: string; reader: Reader }[] = [];
    for (const { name, read } of readers) live.push({ name, reader: await read(carol, channel, "earliest") });
    const inbox = await http.read?.(carol, "users/carol/inbox", "earliest");
    const { client } = connect(carol);
    const query = `subscription { orderStatus(orderId: "${placed.id}", after: "earliest") { orderId status } }`;
    const statuses = client.iterate<{ orderStatus: { status: string } }>({ query });
    for (const status of ["pending", "processing", "shipped"]) {
      const { value } = await statuses.next();
      expect((value as { data: { orderStatus: object } }).data.orderStatus).toMatchObject({
        orderId: placed.id,
        status,
      });
    }
    for (const { name, reader } of live) {
      const types: unknown[] = [];
      while (types.length < 3) {
        const { event, sequence } = await reader.next();
        // Without a sequence it says who came and went.
        if (sequence !== undefined) types.push([event.type, (event.data as Order).status]);
      }
      expect(types, name).toEqual([
        ["order.created", "pending"],
        ["order.status_changed", "processing"],
        ["order.status_changed", "shipped"],
      ]);
      await reader.cut();
    }
    for (const status of ["processing", "shipped"]) {
      expect((await inbox?.next())?.event).toMatchObject({
        type: "notification",
        data: { title: expect.stringMatching(/^Your order /), data: { orderId: placed.id, status } },
      });
    }
    await client.dispose();
  });

  it("goes no further once it is cancelled or deleted", async () => {
    const [cancelled, deleted] = [await order(), await order()];
    await json(call(admin, "PATCH", `/api/v1/orders/${cancelled.id}`, { status: "cancelled" }));
    expect((await call(admin, "DELETE", `/api/v1/orders/${deleted.id}`)).status).toBe(204);
    const last = await order();
    // Placed after them, so their jobs have come when this one's second has.
    await waitFor(last.id, "shipped");
    expect(await statusOf(cancelled.id)).toBe("cancelled");
    expect(await storyOf(cancelled)).toEqual({
      statuses: [{ orderId: cancelled.id, status: "cancelled" }],
      notifications: ["cancelled"],
    });
    expect(await storyOf(deleted)).toEqual({ statuses: [], notifications: [] });
  });

  it("goes on from where an admin puts it, and tells the owner", async () => {
    const placed = await order();
    await json(call(admin, "PATCH", `/api/v1/orders/${placed.id}`, { status: "processing" }));
    await waitFor(placed.id, "shipped");
    expect(await storyOf(placed)).toEqual(SHIPPED(placed.id));
  });

  it("is placed once where the request is sent twice", async () => {
    const items = [{ productId: await newProduct(), quantity: 1 }];
    const place = () =>
      fetch(toUrl(ada, "/api/v1/orders"), {
        method: "POST",
        headers: toHeaders(ada, { "content-type": "application/json", "idempotency-key": "twice" }),
        body: JSON.stringify({ items }),
      });
    const [first, second] = [await json<Order>(place()), await json<Order>(place())];
    expect(second.id).toBe(first.id);
    await waitFor(first.id, "shipped");
    expect(await storyOf(first)).toEqual(SHIPPED(first.id));
  });
});

it("200 at once for the last 50 items sell exactly 50, and each of those is shipped once", async () => {
  const productId = await newProduct(50);
  const eve = await server.signIn("eve");
  const outcomes = await Promise.all(
    Array.from({ length: 200 }, () =>
      call(eve, "POST", "/api/v1/orders", { items: [{ productId, quantity: 1 }] }),
    ),
  );
  const statuses = outcomes.map(({ status }) => status);
  expect(statuses.filter((status) => status === 201)).toHaveLength(50);
  expect(statuses.filter((status) => status === 409)).toHaveLength(150);
  expect(await json(call(admin, "GET", `/api/v1/products/${productId}`))).toMatchObject({ stock: 0 });
  const placed = await Promise.all(
    outcomes.filter(({ status }) => status === 201).map((response) => response.json() as Promise<Order>),
  );
  for (const { id } of placed) await waitFor(id, "shipped");
  const told = (await readAll(eve, "users/eve/inbox")).map(({ data }) => JSON.stringify(data.data));
  const expected = placed.flatMap(({ id }) => SHIPPED(id).statuses.map((status) => JSON.stringify(status)));
  expect(told.sort()).toEqual(expected.sort());
});
