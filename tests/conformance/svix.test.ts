import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, expect, it, vi } from "vitest";
import type { FakeSvix } from "./fake-svix.ts";
import { startFakeSvix } from "./fake-svix.ts";
import type { ServedTarget } from "./serve-target.ts";
import { serveTarget } from "./serve-target.ts";
import { WebhookClient } from "./webhook-client.ts";

/** Webhooks through Svix: the real SDK in the Worker, and a fake of a few of Svix's paths behind it. */
let svix: FakeSvix;
let served: ServedTarget;
let alice: WebhookClient;
beforeAll(async () => {
  svix = await startFakeSvix();
  served = await serveTarget({ SVIX_TOKEN: "testsk_everywire", SVIX_SERVER_URL: svix.url });
  alice = new WebhookClient(await served.signIn("alice"));
}, 60_000);
afterAll(async () => {
  await served.stop();
  svix.stop();
});

const settings = (channel: string) => ({ url: "https://127.0.0.1/hook", channels: [channel] });
const messagesOf = (id: string) =>
  svix.calls.filter(({ method, path }) => method === "POST" && path === `/api/v1/app/${id}/msg`);
const until = <T>(check: () => Promise<T> | T) => vi.waitFor(check, { timeout: 8000, interval: 25 });

it("makes, changes and removes the endpoint at Svix too, with our secret", async () => {
  const created = await alice.create({ ...settings("demo/svix"), description: "mine" });
  const { id, secret, url } = created;
  const path = `/api/v1/app/${id}/endpoint`;
  const made = svix.calls.find((call) => call.path === path);
  expect(made).toMatchObject({
    method: "POST",
    authorization: "Bearer testsk_everywire",
    body: { uid: id, url, description: "mine", secret },
  });
  await alice.update(id, { enabled: false });
  expect(svix.calls.at(-1)).toMatchObject({
    method: "PATCH",
    path: `${path}/${id}`,
    body: { disabled: true },
  });
  const rotated = (await alice.call("POST", `/webhooks/endpoints/${id}/rotate-secret`)).body;
  expect(svix.calls.at(-1)).toMatchObject({
    path: `${path}/${id}/secret/rotate`,
    body: { key: rotated.secret },
  });
  expect((await alice.call("DELETE", `/webhooks/endpoints/${id}`)).status).toBe(204);
  expect(svix.calls.at(-1)).toMatchObject({ method: "DELETE", path: `/api/v1/app/${id}` });
});

it("hands over what is wanted, in order, each under its own id, also where Svix fails meanwhile", async () => {
  const channel = `demo/${randomUUID()}`;
  const { id } = await alice.create({ ...settings(channel), types: ["order.*"] });
  let failures = 3;
  svix.fail = ({ path }) => (path.endsWith("/msg") && failures-- > 0 ? 503 : undefined);
  await alice.publish(channel, [1, 2], "order.created");
  await alice.publish(channel, [3], "other");
  await alice.publish(channel, [4], "order.paid");
  const deliveries = await until(async () => {
    const found = await alice.deliveries(id, "?state=delivered");
    expect(found).toHaveLength(3);
    return found;
  });
  svix.fail = () => undefined;
  const messages = messagesOf(id).map(({ body }) => body);
  expect(messages.map(({ payload }) => payload.data)).toEqual([1, 1, 1, 1, 2, 4]);
  expect(messages.at(-1)).toMatchObject({
    eventType: "order.paid",
    payload: { specversion: "1.0", type: "order.paid", subject: channel },
  });
  const ids = [...new Set(messages.map(({ eventId }) => eventId))];
  expect(deliveries.map((delivery) => delivery.id).reverse()).toEqual(ids);
});

it("says what Svix cannot do", async () => {
  const channel = `demo/${randomUUID()}`;
  const { id } = await alice.create(settings(channel));
  await alice.publish(channel, [1], "a type with spaces");
  const [dead] = await until(async () => {
    const found = await alice.deliveries(id, "?state=dead-lettered");
    expect(found).toHaveLength(1);
    return found;
  });
  expect(dead?.error).toContain("Svix takes event types");
  for (const path of [`deliveries/${dead?.id}/replay`, `endpoints/${id}/replay?after=earliest`]) {
    const refused = await alice.call("POST", `/webhooks/${path}`);
    expect(refused).toMatchObject({ status: 412, body: { error: { code: "precondition_failed" } } });
    expect(refused.body.error.message).toContain("Svix");
  }
});

it("leaves no endpoint behind where Svix does not take it", async () => {
  svix.fail = ({ path }) => (path.endsWith("/endpoint") ? 422 : undefined);
  const refused = await alice.call("POST", "/webhooks/endpoints", settings("demo/refused"));
  svix.fail = () => undefined;
  expect(refused).toMatchObject({ status: 503, body: { error: { code: "unavailable" } } });
  const { endpoints } = (await alice.call("GET", "/webhooks/endpoints?limit=100")).body;
  expect(endpoints.flatMap((endpoint: { channels: string[] }) => endpoint.channels)).not.toContain(
    "demo/refused",
  );
});
