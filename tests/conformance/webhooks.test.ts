import { execFileSync } from "node:child_process";
import { randomUUID } from "node:crypto";
import type { Server } from "node:http";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { http } from "./doors/http.ts";
import type { ServedTarget } from "./serve-target.ts";
import { serveTarget } from "./serve-target.ts";
import { WebhookClient } from "./webhook-client.ts";
import type { Answer, ReceivedWebhook } from "./webhook-receiver.ts";
import { startReceiver, verifyWebhook } from "./webhook-receiver.ts";

let served: ServedTarget;
let alice: WebhookClient;
let bob: WebhookClient;
let admin: WebhookClient;
let nobody: WebhookClient;
beforeAll(async () => {
  served = await serveTarget({
    WEBHOOK_MAX_ATTEMPTS: "3",
    WEBHOOK_DISABLE_AFTER: "2",
    WEBHOOK_UNREACHABLE_SECONDS: "1",
    WEBHOOK_TIMEOUT_SECONDS: "2",
    MAX_WEBHOOK_ENDPOINTS: "40",
  });
  nobody = new WebhookClient(served);
  alice = new WebhookClient(await served.signIn("alice"));
  bob = new WebhookClient(await served.signIn("bob"));
  admin = new WebhookClient(await served.signIn("root", { roles: ["admin"] }));
}, 60_000);
afterAll(() => served.stop());

const newChannel = () => `demo/${randomUUID()}`;
const setUp = async (body: object, answer?: Answer) => {
  const receiver = await startReceiver(answer);
  const endpoint = await alice.create({ url: receiver.url, ...body });
  return { receiver, endpoint };
};
const take = async (receiver: { accepted: { next(): Promise<ReceivedWebhook> } }, count: number) => {
  const taken: ReceivedWebhook[] = [];
  while (taken.length < count) taken.push(await receiver.accepted.next());
  return taken;
};
const dataOf = (webhooks: readonly ReceivedWebhook[]) => webhooks.map(({ event }) => event.data);
const until = <T>(check: () => Promise<T> | T) => vi.waitFor(check, { timeout: 8000, interval: 25 });

describe("an endpoint", () => {
  it("is made, listed, read, changed and deleted, and its secret is told once", async () => {
    const settings = { url: "http://127.0.0.1:9/hook", channels: ["rooms/**"], types: ["chat.*"] };
    const created = await alice.call("POST", "/webhooks/endpoints", { ...settings, description: "mine" });
    expect(created.status).toBe(201);
    expect(created.headers.get("location")).toBe(`/webhooks/endpoints/${created.body.id}`);
    const { secret, previousValidUntil, ...endpoint } = created.body;
    expect(secret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
    expect(previousValidUntil).toBeNull();
    expect(endpoint).toMatchObject({
      ...settings,
      description: "mine",
      owner: "alice",
      enabled: true,
      disabledReason: null,
    });
    expect(await alice.get(endpoint.id)).toEqual(endpoint);
    expect((await alice.call("GET", "/webhooks/endpoints?limit=100")).body.endpoints).toContainEqual(
      endpoint,
    );
    const changed = await alice.update(endpoint.id, { types: [], description: "" });
    expect(changed).toEqual({ ...endpoint, types: [], description: "" });
    expect((await alice.call("DELETE", `/webhooks/endpoints/${endpoint.id}`)).status).toBe(204);
    expect((await alice.call("GET", `/webhooks/endpoints/${endpoint.id}`)).status).toBe(404);
    const { endpoints } = (await alice.call("GET", "/webhooks/endpoints?limit=100")).body;
    expect(endpoints.map(({ id }: { id: string }) => id)).not.toContain(endpoint.id);
  });

  it("is its owner's and the admins', and nobody else knows of it", async () => {
    const { id } = await alice.create({ url: "http://127.0.0.1:9/", channels: ["demo/nothing"] });
    for (const [method, path] of [
      ["GET", ""],
      ["PATCH", ""],
      ["DELETE", ""],
      ["POST", "/rotate-secret"],
      ["POST", "/test"],
      ["GET", "/deliveries"],
      ["POST", "/replay?after=earliest"],
    ] as const) {
      const body = method === "PATCH" ? {} : undefined;
      expect((await nobody.call(method, `/webhooks/endpoints/${id}${path}`, body)).status).toBe(401);
      expect((await bob.call(method, `/webhooks/endpoints/${id}${path}`, body)).status).toBe(404);
    }
    expect((await nobody.call("GET", "/webhooks/endpoints")).status).toBe(401);
    expect((await nobody.call("POST", "/webhooks/endpoints", {})).status).toBe(401);
    const ids = async (who: WebhookClient) =>
      (await who.call("GET", "/webhooks/endpoints?limit=100")).body.endpoints.map(
        (e: { id: string }) => e.id,
      );
    expect(await ids(bob)).not.toContain(id);
    expect(await ids(admin)).toContain(id);
    expect(await admin.get(id)).toMatchObject({ id, owner: "alice" });
  });

  it("is listed by page", async () => {
    const carol = new WebhookClient(await served.signIn("carol"));
    const ids: string[] = [];
    for (let n = 0; n < 5; n += 1)
      ids.push((await carol.create({ url: "http://127.0.0.1:9/", channels: ["demo/x"] })).id);
    const found: string[] = [];
    for (let query = "?limit=2"; query !== ""; ) {
      const { endpoints, next } = (await carol.call("GET", `/webhooks/endpoints${query}`)).body;
      found.push(...endpoints.map((e: { id: string }) => e.id));
      query = next === null ? "" : `?limit=2&after=${next}`;
    }
    expect(found).toEqual([...ids].sort());
  });

  it.each([
    ["no body", [], 400, "invalid_argument"],
    ["nothing in it", {}, 422, "validation_failed"],
    ["no channel", { url: "http://127.0.0.1/", channels: [] }, 422, "validation_failed"],
    ["a channel that is none", { url: "http://127.0.0.1/", channels: ["a b"] }, 400, "invalid_argument"],
    ["no URL", { url: "nonsense", channels: ["demo/x"] }, 422, "validation_failed"],
    ["a URL of another scheme", { url: "ftp://a.b/", channels: ["demo/x"] }, 422, "validation_failed"],
    [
      "a field that nobody knows",
      { url: "http://127.0.0.1/", channels: ["demo/x"], a: 1 },
      422,
      "validation_failed",
    ],
    [
      "types that are no list",
      { url: "http://127.0.0.1/", channels: ["demo/x"], types: "a" },
      422,
      "validation_failed",
    ],
    [
      "a cursor that is none",
      { url: "http://127.0.0.1/", channels: ["demo/x"], after: "x" },
      400,
      "invalid_argument",
    ],
    [
      "a channel of somebody else's",
      { url: "http://127.0.0.1/", channels: ["users/bob/inbox"] },
      403,
      "permission_denied",
    ],
    [
      "a cursor of no channel in reach",
      { url: "http://127.0.0.1/", channels: ["demo/nothing/*"], after: "0mi9x2k4qz7f-00000001a3" },
      400,
      "invalid_argument",
    ],
  ])("is refused with %s", async (_name, body, status, code) => {
    const answer = await alice.call("POST", "/webhooks/endpoints", body);
    expect(answer).toMatchObject({ status, body: { error: { code } } });
  });

  it("is one of so many that an owner may have", async () => {
    const dave = new WebhookClient(await served.signIn("dave"));
    const body = { url: "http://127.0.0.1:9/", channels: ["demo/x"] };
    await Promise.all(Array.from({ length: 40 }, () => dave.create(body)));
    const refused = await dave.call("POST", "/webhooks/endpoints", body);
    expect(refused).toMatchObject({ status: 429, body: { error: { code: "rate_limited" } } });
  });

  it("answers what it does not do, and what is not there", async () => {
    expect((await alice.call("PUT", "/webhooks/endpoints")).headers.get("allow")).toBe(
      "GET, POST, HEAD, OPTIONS",
    );
    for (const path of [
      "endpoints/whe_nothing",
      "endpoints/..",
      "endpoints/whe_000000000000000000000/deliveries",
    ])
      expect((await alice.call("GET", `/webhooks/${path}`)).status, path).toBe(404);
    expect((await alice.call("POST", "/webhooks/deliveries/nothing/replay")).status).toBe(404);
  });
});

describe("a delivery", () => {
  it("is the CloudEvent in structured mode, signed under both families of names, also as Python has it", async () => {
    const channel = newChannel();
    const { receiver, endpoint } = await setUp({ channels: [channel] });
    const [sequence] = await alice.publish(channel, [{ text: "grüße ☂" }]);
    const [webhook] = await take(receiver, 1);
    if (webhook === undefined) throw new Error("Nothing came.");
    expect(webhook.headers["content-type"]).toBe("application/cloudevents+json");
    expect(webhook.event).toMatchObject({
      specversion: "1.0",
      sequence,
      subject: channel,
      type: "test.event",
      data: { text: "grüße ☂" },
    });
    verifyWebhook(webhook, endpoint.secret);
    expect(() => verifyWebhook({ ...webhook, body: `${webhook.body} ` }, endpoint.secret)).toThrow();
    const line = (body: string) =>
      `${JSON.stringify({
        secret: endpoint.secret,
        id: webhook.id,
        timestamp: webhook.headers["webhook-timestamp"],
        signature: webhook.headers["webhook-signature"],
        body,
      })}\n`;
    const said = execFileSync("python3", [new URL("verify_webhook.py", import.meta.url).pathname], {
      input: line(webhook.body) + line(`${webhook.body} `),
      encoding: "utf8",
    });
    expect(said).toBe("good\nbad\n");
  });

  it("is of the channels and types that were asked for, and changes with them", async () => {
    const area = newChannel();
    const { receiver, endpoint } = await setUp({ channels: [`${area}/*`], types: ["order.*", "exact"] });
    await alice.publish(`${area}/a`, [1], "order.created");
    await alice.publish(`${area}/a`, [2], "other");
    await alice.publish(`${area}/a/b`, [3], "order.created");
    await alice.publish(`${area}/b`, [4], "exact");
    expect(dataOf(await take(receiver, 2)).sort()).toEqual([1, 4]);
    await alice.update(endpoint.id, { channels: [`${area}/a/b`], types: [] });
    await alice.publish(`${area}/a`, [5], "order.created");
    await alice.publish(`${area}/a/b`, [6], "other");
    expect(dataOf(await take(receiver, 1))).toEqual([6]);
    expect(receiver.all).toHaveLength(3);
  });

  it("never is of an ephemeral event", async () => {
    const channel = newChannel();
    const { receiver } = await setUp({ channels: [channel] });
    await http.publish?.(served, channel, { type: "chat.typing", data: 1 });
    await alice.publish(channel, [2]);
    expect(dataOf(await take(receiver, 1))).toEqual([2]);
  });

  it("is of what the owner may read, and of no more", async () => {
    const { receiver } = await setUp({ channels: ["users/*/inbox"] });
    await admin.publish("users/bob/inbox", ["bob's"]);
    await admin.publish("users/alice/inbox", ["alice's"]);
    expect(dataOf(await take(receiver, 1))).toEqual(["alice's"]);
    await admin.publish("users/bob/inbox", ["bob's again"]);
    await admin.publish("users/alice/inbox", ["alice's again"]);
    expect(dataOf(await take(receiver, 1))).toEqual(["alice's again"]);
    expect(receiver.all.map(({ event }) => event.subject)).not.toContain("users/bob/inbox");
  });

  it("narrows with the token that the owner changes the endpoint with", async () => {
    const { receiver, endpoint } = await setUp({ channels: ["rooms/*", "demo/narrowed"] });
    await alice.publish("rooms/narrow", ["before"]);
    expect(dataOf(await take(receiver, 1))).toEqual(["before"]);
    const narrow = await served.signIn("alice", { channels: { read: ["demo/**"], write: [] } });
    await new WebhookClient(narrow).update(endpoint.id, { url: receiver.url });
    await alice.publish("rooms/narrow", ["after"]);
    await alice.publish("demo/narrowed", ["open"]);
    expect(dataOf(await take(receiver, 1))).toEqual(["open"]);
  });

  it("tells of a gap where the cursor is of an earlier life", async () => {
    const channel = newChannel();
    const [old] = await alice.publish(channel, [1]);
    await alice.call("DELETE", `/channels/${channel}`);
    await alice.publish(channel, [2]);
    const { receiver, endpoint } = await setUp({ channels: [channel], types: ["test.event"], after: old });
    const [gap, event] = await take(receiver, 2);
    expect(gap?.event).toMatchObject({ type: "everywire.gap", data: { requested: old }, subject: channel });
    expect(event?.event.data).toBe(2);
    expect(gap?.id).not.toBe(event?.id);
    await until(async () => {
      const kinds = (await alice.deliveries(endpoint.id)).map(({ kind }) => kind);
      expect(kinds).toEqual(["event", "gap"]);
    });
  });
});

describe("a receiver that fails", () => {
  it("gets the same event under the same id until it takes it, and the next one only then", async () => {
    const channel = newChannel();
    let failures = 2;
    const { receiver, endpoint } = await setUp({ channels: [channel] }, () => ({
      status: failures-- > 0 ? 500 : 204,
    }));
    await alice.publish(channel, [1, 2]);
    await take(receiver, 2);
    expect(dataOf(receiver.all)).toEqual([1, 1, 1, 2]);
    expect(new Set(receiver.all.map(({ id }) => id)).size).toBe(2);
    // What is accepted is written down when its answer has come back.
    const [second, first] = await until(async () => {
      const found = await alice.deliveries(endpoint.id, "?state=delivered");
      expect(found).toHaveLength(2);
      return found;
    });
    expect(first).toMatchObject({ state: "delivered", attempt: 3, status: 204, error: null, channel });
    expect(second).toMatchObject({ state: "delivered", attempt: 1, nextAttemptAt: null });
    expect(first?.id).toBe(receiver.all[0]?.id);
  });

  it("is not followed where it redirects", async () => {
    const channel = newChannel();
    const elsewhere = await startReceiver();
    const { endpoint } = await setUp({ channels: [channel] }, () => ({
      status: 307,
      headers: { location: elsewhere.url },
    }));
    await alice.publish(channel, [1]);
    const [dead] = await until(async () => {
      const found = await alice.deliveries(endpoint.id, "?state=dead-lettered");
      expect(found).toHaveLength(1);
      return found;
    });
    expect(dead).toMatchObject({ status: 307, error: "It answered 307; redirects are not followed." });
    expect(elsewhere.all).toHaveLength(0);
  });

  it("leaves a dead letter after so many attempts, which can be seen and sent again, and goes on", async () => {
    const channel = newChannel();
    let isBroken = true;
    const { receiver, endpoint } = await setUp({ channels: [channel] }, ({ event }) => ({
      status: isBroken && event.data === "bad" ? 500 : 200,
      body: "x".repeat(2000),
    }));
    await alice.publish(channel, ["bad", "good"]);
    expect(dataOf(await take(receiver, 1))).toEqual(["good"]);
    const [dead, ...others] = await alice.deliveries(endpoint.id, "?state=dead-lettered");
    expect(others).toHaveLength(0);
    expect(dead).toMatchObject({ attempt: 3, status: 500, error: "It answered 500.", type: "test.event" });
    expect(dead?.response).toHaveLength(512);
    isBroken = false;
    const replayed = await alice.call("POST", `/webhooks/deliveries/${dead?.id}/replay`);
    expect(replayed).toMatchObject({ status: 202, body: { id: dead?.id, state: "pending" } });
    const [again] = await take(receiver, 1);
    expect(again).toMatchObject({ id: dead?.id, event: { data: "bad" } });
    await until(async () =>
      expect(await alice.deliveries(endpoint.id, "?state=dead-lettered")).toHaveLength(0),
    );
    expect((await bob.call("POST", `/webhooks/deliveries/${dead?.id}/replay`)).status).toBe(404);
  });

  it.each([
    ["in seconds", () => "1"],
    ["as a date", () => new Date(Date.now() + 2000).toUTCString()],
  ])("is left alone for as long as it says %s", async (_name, retryAfter) => {
    const channel = newChannel();
    const times: number[] = [];
    const { receiver, endpoint } = await setUp({ channels: [channel] }, () => {
      times.push(Date.now());
      return times.length === 1 ? { status: 429, headers: { "retry-after": retryAfter() } } : { status: 200 };
    });
    await alice.publish(channel, [1]);
    await until(async () => {
      const [pending] = await alice.deliveries(endpoint.id, "?state=pending");
      expect(pending).toMatchObject({ status: 429, attempt: 1 });
      expect(Date.parse(pending?.nextAttemptAt ?? "")).toBeGreaterThan(Date.now());
    });
    await take(receiver, 1);
    const [first = 0, second = 0] = times;
    expect(second - first).toBeGreaterThanOrEqual(950);
  });

  it("is disabled at once by 410, its owner is told, and enabled again it goes on with nothing lost", async () => {
    const channel = newChannel();
    let status = 410;
    const { receiver, endpoint } = await setUp({ channels: [channel] }, () => ({ status }));
    await alice.publish(channel, [1, 2]);
    const disabled = await until(async () => {
      const found = await alice.get(endpoint.id);
      expect(found.enabled).toBe(false);
      return found;
    });
    expect(disabled.disabledReason).toContain("410");
    const told = await until(async () => {
      const { events } = (await alice.call("GET", "/channels/users/alice/inbox?after=earliest&limit=1000"))
        .body;
      const found = events.filter(
        (event: { data?: { endpointId?: string } }) => event.data?.endpointId === endpoint.id,
      );
      expect(found).toHaveLength(1);
      return found[0];
    });
    expect(told).toMatchObject({
      type: "webhook.disabled",
      data: { url: receiver.url, reason: disabled.disabledReason },
    });
    const refused = await alice.call("POST", `/webhooks/endpoints/${endpoint.id}/replay?after=earliest`);
    expect(refused).toMatchObject({ status: 412, body: { error: { code: "precondition_failed" } } });
    await alice.publish(channel, [3]);
    expect(receiver.all).toHaveLength(1);
    status = 200;
    expect(await alice.update(endpoint.id, { enabled: true })).toMatchObject({
      enabled: true,
      disabledReason: null,
    });
    expect(dataOf(await take(receiver, 3))).toEqual([1, 2, 3]);
  });

  it("is disabled after so many dead letters in a row", async () => {
    const channel = newChannel();
    const { receiver, endpoint } = await setUp({ channels: [channel] }, () => ({ status: 500 }));
    await alice.publish(channel, [1, 2, 3]);
    await until(async () =>
      expect(await alice.get(endpoint.id)).toMatchObject({
        enabled: false,
        disabledReason: expect.stringContaining("2 events in a row"),
      }),
    );
    expect(await alice.deliveries(endpoint.id, "?state=dead-lettered")).toHaveLength(2);
    receiver.answer = () => ({ status: 200 });
    await alice.update(endpoint.id, { enabled: true });
    expect(dataOf(await take(receiver, 1))).toEqual([3]);
  });

  it("is tried for a time and not for a number of attempts while it cannot be reached", async () => {
    const channel = newChannel();
    const { receiver, endpoint } = await setUp({ channels: [channel] });
    await receiver.kill();
    await alice.publish(channel, [1]);
    const [dead] = await until(async () => {
      const found = await alice.deliveries(endpoint.id, "?state=dead-lettered");
      expect(found).toHaveLength(1);
      return found;
    });
    expect(dead).toMatchObject({ status: null, error: "It could not be reached.", response: null });
    expect(dead?.attempt).toBeGreaterThan(3);
  });

  it("delays nobody else, and none of its other channels", async () => {
    const [slow, fast] = [newChannel(), newChannel()];
    const held = await setUp({ channels: [slow, fast] }, ({ event }) =>
      event.subject === slow ? undefined : { status: 200 },
    );
    const other = await setUp({ channels: [slow] });
    await alice.publish(slow, [1, 2]);
    await until(() => expect(held.receiver.all).toHaveLength(1));
    const startedMs = Date.now();
    await alice.publish(fast, [3]);
    expect(dataOf(await take(other.receiver, 2))).toEqual([1, 2]);
    expect(dataOf(await take(held.receiver, 1))).toEqual([3]);
    expect(Date.now() - startedMs).toBeLessThan(1500);
    await until(async () => {
      const [pending] = await alice.deliveries(held.endpoint.id, "?state=pending");
      expect(pending).toMatchObject({ error: "It did not answer in 2 s.", status: null });
    });
    await alice.call("DELETE", `/webhooks/endpoints/${held.endpoint.id}`);
  });
});

describe("secrets, tests and replays", () => {
  it("signs with the old secret and the new one after a rotation", async () => {
    const channel = newChannel();
    const { receiver, endpoint } = await setUp({ channels: [channel] });
    const rotated = (await alice.call("POST", `/webhooks/endpoints/${endpoint.id}/rotate-secret`)).body;
    expect(rotated.secret).not.toBe(endpoint.secret);
    const hoursLeft = (Date.parse(rotated.previousValidUntil) - Date.now()) / 3_600_000;
    expect(hoursLeft).toBeCloseTo(24, 1);
    await alice.publish(channel, [1]);
    const [webhook] = await take(receiver, 1);
    if (webhook === undefined) throw new Error("Nothing came.");
    expect(String(webhook.headers["webhook-signature"]).split(" ")).toHaveLength(2);
    verifyWebhook(webhook, rotated.secret);
    verifyWebhook(webhook, endpoint.secret);
  });

  it("sends a test event and says what became of it", async () => {
    const { receiver, endpoint } = await setUp({ channels: [newChannel()] });
    const good = (await alice.call("POST", `/webhooks/endpoints/${endpoint.id}/test`)).body;
    expect(good).toMatchObject({ kind: "test", type: "webhook.test", state: "delivered", status: 200 });
    const [webhook] = await take(receiver, 1);
    if (webhook === undefined) throw new Error("Nothing came.");
    verifyWebhook(webhook, endpoint.secret);
    expect(webhook).toMatchObject({
      id: good.id,
      event: { type: "webhook.test", data: { endpointId: endpoint.id } },
    });
    receiver.answer = () => ({ status: 503, body: "down" });
    const bad = (await alice.call("POST", `/webhooks/endpoints/${endpoint.id}/test`)).body;
    expect(bad).toMatchObject({ state: "dead-lettered", status: 503, response: "down", attempt: 1 });
    expect(await alice.get(endpoint.id)).toMatchObject({ enabled: true });
  });

  it("goes back to a cursor, whose channel its epoch tells, and to the beginning of all channels", async () => {
    const area = newChannel();
    const { receiver, endpoint } = await setUp({ channels: [`${area}/**`] });
    const [first] = await alice.publish(`${area}/a`, [1, 2, 3]);
    await alice.publish(`${area}/b`, [4]);
    const before = await take(receiver, 4);
    const path = `/webhooks/endpoints/${endpoint.id}/replay`;
    const replayed = await alice.call("POST", `${path}?after=${first}`);
    expect(replayed).toMatchObject({ status: 202, body: { channels: [`${area}/a`] } });
    const again = await take(receiver, 2);
    expect(dataOf(again)).toEqual([2, 3]);
    const idOf = (data: unknown) => before.find(({ event }) => event.data === data)?.id;
    expect(again.map(({ id }) => id)).toEqual([idOf(2), idOf(3)]);
    await alice.call("POST", `${path}?after=earliest&channel=${area}/b`);
    expect(dataOf(await take(receiver, 1))).toEqual([4]);
    const all = await alice.call("POST", `${path}?after=earliest`);
    expect(all.body.channels.sort()).toEqual([`${area}/a`, `${area}/b`]);
    const sent = dataOf(await take(receiver, 4));
    expect(sent.filter((data) => data !== 4)).toEqual([1, 2, 3]);
    for (const query of ["", "?after=latest", "?after=nonsense", `?after=earliest&channel=demo/elsewhere`])
      expect((await alice.call("POST", `${path}${query}`)).status, query).toBe(400);
  });

  it("begins with everything that is kept where that is asked for, and from one cursor on the channel it is of", async () => {
    const area = newChannel();
    const sequences = await alice.publish(`${area}/a`, [1, 2, 3]);
    await alice.publish(`${area}/b`, [4]);
    const all = await setUp({ channels: [`${area}/*`], after: "earliest" });
    expect(dataOf(await take(all.receiver, 4)).sort()).toEqual([1, 2, 3, 4]);
    const some = await setUp({ channels: [`${area}/*`], after: sequences[1] });
    await alice.publish(`${area}/b`, [5]);
    expect(dataOf(await take(some.receiver, 2)).sort()).toEqual([3, 5]);
  });

  it("says that an event is gone which its channel no longer keeps", async () => {
    const channel = newChannel();
    const { receiver } = await setUp({ channels: [channel] });
    await alice.publish(channel, [1]);
    const [webhook] = await take(receiver, 1);
    await alice.call("DELETE", `/channels/${channel}`);
    const path = `/webhooks/deliveries/${webhook?.id}/replay`;
    await until(async () => expect((await alice.call("POST", path)).status).toBe(410));
  });

  it("shows the log by page, the newest first", async () => {
    const channel = newChannel();
    const { receiver, endpoint } = await setUp({ channels: [channel] });
    await alice.publish(channel, [1, 2, 3, 4, 5]);
    const ids = (await take(receiver, 5)).map(({ id }) => id);
    await until(async () => expect(await alice.deliveries(endpoint.id)).toHaveLength(5));
    const found: string[] = [];
    for (let query = "?limit=2"; query !== ""; ) {
      const { deliveries, next } = (
        await alice.call("GET", `/webhooks/endpoints/${endpoint.id}/deliveries${query}`)
      ).body;
      found.push(...deliveries.map((d: { id: string }) => d.id));
      query = next === null ? "" : `?limit=2&before=${next}`;
    }
    expect(found).toEqual([...ids].reverse());
    const bad = await alice.call("GET", `/webhooks/endpoints/${endpoint.id}/deliveries?state=lost`);
    expect(bad.status).toBe(400);
  });
});

describe("an address that only we could reach", () => {
  /** What names lead to; those that are not in it cannot be looked up. */
  const names = new Map<string, string>();
  let resolver: Server;
  let strict: ServedTarget;
  let eve: WebhookClient;
  beforeAll(async () => {
    resolver = createServer((request, response) => {
      const query = new URL(request.url ?? "", "http://resolver").searchParams;
      const address = names.get(query.get("name") ?? "");
      const type = address?.includes(":") === true ? "AAAA" : "A";
      const answer = { type: type === "A" ? 1 : 28, data: address };
      response.writeHead(address === undefined ? 500 : 200);
      response.end(JSON.stringify({ Status: 0, Answer: query.get("type") === type ? [answer] : [] }));
    });
    await new Promise<void>((resolve) => resolver.listen(0, "127.0.0.1", resolve));
    const { port } = resolver.address() as AddressInfo;
    strict = await serveTarget({
      ALLOW_PRIVATE_WEBHOOKS: "off",
      DNS_RESOLVER_URL: `http://127.0.0.1:${port}/dns-query`,
    });
    eve = new WebhookClient(await strict.signIn("eve"));
  }, 60_000);
  afterAll(async () => {
    await strict.stop();
    resolver.close();
  });

  const body = (url: string) => ({ url, channels: ["demo/ssrf"] });

  it.each([
    "http://example.com/hook",
    "https://127.0.0.1/",
    "https://2130706433/",
    "https://0x7f.1/",
    "https://[::ffff:169.254.169.254]/",
    "https://169.254.169.254/latest/meta-data/",
    "https://localhost/",
    "https://metadata.google.internal/",
    "https://user:secret@hooks.shop/",
    "https://hooks.shop:22/",
  ])("is no receiver: %s", async (url) => {
    const answer = await eve.call("POST", "/webhooks/endpoints", body(url));
    expect(answer).toMatchObject({ status: 422, body: { error: { code: "validation_failed" } } });
    expect(answer.body.error.details.url).toHaveLength(1);
  });

  it.each(["10.0.0.1", "::1", "::ffff:192.168.1.1", "100.64.0.1"])(
    "is no receiver either where a name leads to it: %s",
    async (address) => {
      const hidden = `private-${address.replace(/[^0-9a-f]/g, "-")}.shop`;
      names.set(hidden, address);
      const answer = await eve.call("POST", "/webhooks/endpoints", body(`https://${hidden}/hook`));
      expect(answer.body.error.details.url).toEqual([`The name '${hidden}' leads to a private address.`]);
    },
  );

  it("is not called where only later a name is known to lead to it, and the endpoint says so", async () => {
    const { id } = await eve.create(body("https://rebound.shop/hook"));
    const changed = await eve.call("PATCH", `/webhooks/endpoints/${id}`, { url: "https://[::1]/" });
    expect(changed.status).toBe(422);
    names.set("rebound.shop", "127.0.0.1");
    await eve.publish("demo/ssrf", [1]);
    await until(async () =>
      expect(await eve.get(id)).toMatchObject({
        enabled: false,
        disabledReason: "The name 'rebound.shop' leads to a private address.",
      }),
    );
    const [pending] = await eve.deliveries(id, "?state=pending");
    expect(pending).toMatchObject({ attempt: 1, status: null });
  });

  it("is feared where a name cannot be looked up: nothing is sent until it can be", async () => {
    const { id } = await eve.create(body("https://unknown.shop/hook"));
    const { body: tested } = await eve.call("POST", `/webhooks/endpoints/${id}/test`);
    expect(tested).toMatchObject({
      status: null,
      error: "The name 'unknown.shop' could not be looked up.",
    });
  });
});
