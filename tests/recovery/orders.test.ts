import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, expect, it } from "vitest";
import { buildIfStale } from "../../scripts/build.ts";
import type { Served } from "../../scripts/serve.ts";
import { serve } from "../../scripts/serve.ts";
import type { Target } from "../conformance/door-driver.ts";
import { assertOk, toHeaders, toUrl } from "../conformance/http-exchange.ts";

/** Kills at a random moment, under load; one more for each step of an order. */
const RANDOM_KILLS = 3;
const ORDERS_AT_ONCE = 6;

interface Order {
  readonly id: string;
  readonly status: string;
}
interface Event {
  readonly type: string;
  readonly data: {
    readonly status?: string;
    readonly data?: { readonly orderId: string; readonly status: string };
  };
}

let stateDirectory: string;
let served: Served;
let admin: Target;
let productId: string;

const start = async () => {
  const environment = { RATE_LIMITS: "off", DEV_AUTH: "true" };
  served = await serve({ port: 0, stateDirectory, environment });
  const response = await fetch(`${served.url}/auth/token`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ name: "root", roles: ["admin"] }),
  });
  admin = { url: served.url, token: ((await response.json()) as { token: string }).token };
};
const restart = async () => {
  await served.kill();
  await start();
};

beforeAll(async () => {
  await buildIfStale();
  stateDirectory = await mkdtemp(join(tmpdir(), "everywire-orders-"));
  await start();
  const product = { name: "Lamp", category: "home", price: 1, stock: 10_000 };
  productId = (await call<{ id: string }>("POST", "/api/v1/products", product)).id;
}, 60_000);
afterAll(async () => {
  await served.stop();
  await rm(stateDirectory, { recursive: true, force: true });
});

async function call<T>(method: string, path: string, body?: object): Promise<T> {
  const response = await fetch(toUrl(admin, path), {
    method,
    headers: toHeaders(admin, { "content-type": "application/json" }),
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return (await (await assertOk(response)).json()) as T;
}
const place = () => call<Order>("POST", "/api/v1/orders", { items: [{ productId, quantity: 1 }] });
const eventsOf = async (channel: string) =>
  (await call<{ events: Event[] }>("GET", `/channels/${channel}?after=earliest&limit=1000`)).events;
/** A little after the status is seen: what belongs to it is still on its way then. */
const waitFor = async (id: string, status: string) => {
  for (const deadlineMs = Date.now() + 30_000; Date.now() < deadlineMs; await delay(5)) {
    if ((await call<Order>("GET", `/api/v1/orders/${id}`)).status === status) return;
  }
  throw new Error(`'${id}' did not become '${status}'.`);
};

it("ships every order once, wherever the runtime is killed", async () => {
  const acknowledged: string[] = [];
  // At each step: placed, being prepared, shipped.
  const first = await place();
  acknowledged.push(first.id);
  await restart();
  await waitFor(first.id, "processing");
  await restart();
  await waitFor(first.id, "shipped");
  await restart();

  for (let kill = 0; kill < RANDOM_KILLS; kill += 1) {
    const writers = Array.from({ length: ORDERS_AT_ONCE }, async () => {
      for (;;) {
        try {
          acknowledged.push((await place()).id);
          await delay(Math.random() * 400);
        } catch {
          // Killed: what was not answered may have been stored or not.
          return;
        }
      }
    });
    await delay(300 + Math.random() * 1500);
    await served.kill();
    await Promise.all(writers);
    await start();
  }

  const { data: orders, pagination } = await call<{ data: Order[]; pagination: { total: number } }>(
    "GET",
    "/api/v1/orders?per_page=100",
  );
  const ids = orders.map(({ id }) => id);
  for (let page = 2; ids.length < pagination.total; page += 1) {
    const more = await call<{ data: Order[] }>("GET", `/api/v1/orders?per_page=100&page=${page}`);
    ids.push(...more.data.map(({ id }) => id));
  }
  expect(ids.length).toBeGreaterThan(RANDOM_KILLS * ORDERS_AT_ONCE);
  expect(ids).toEqual(expect.arrayContaining(acknowledged));
  for (const id of ids) await waitFor(id, "shipped");

  const steps = ["processing", "shipped"];
  for (const id of ids) {
    const changes = (await eventsOf(`orders/${id}`)).map(({ type, data }) => [type, data.status]);
    expect(changes, id).toEqual([
      ["order.created", "pending"],
      ...steps.map((status) => ["order.status_changed", status]),
    ]);
  }
  const inbox = (await eventsOf("users/root/inbox")).map(({ type, data }) =>
    [type, data.data?.orderId, data.data?.status].join(" "),
  );
  const expected = ids.flatMap((id) => steps.map((status) => `notification ${id} ${status}`));
  expect([...inbox].sort()).toEqual([...expected].sort());
  expect(await call("GET", "/queue/dead-letters")).toMatchObject({ deadLetters: [] });
  expect(await call("GET", `/api/v1/products/${productId}`)).toMatchObject({ stock: 10_000 - ids.length });
}, 120_000);
