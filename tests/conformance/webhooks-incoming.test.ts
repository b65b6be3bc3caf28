import { execFileSync, spawnSync } from "node:child_process";
import { createHmac, randomBytes, randomUUID } from "node:crypto";
import { Webhook } from "svix";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { serve } from "../../scripts/serve.ts";
import type { Target } from "./door-driver.ts";
import { sse } from "./doors/sse.ts";
import { toHeaders, toUrl } from "./http-exchange.ts";
import type { ServedTarget } from "./serve-target.ts";
import { serveTarget } from "./serve-target.ts";

const GITHUB_SECRET = "It's a Secret to Everybody";
const STRIPE_SECRETS = ["whsec_stripe_old_secret", "whsec_stripe_new_secret"] as const;
const STANDARD_SECRET = `whsec_${randomBytes(24).toString("base64")}`;
const SHOP_SECRET = "shpss_0123456789abcdef";

let served: ServedTarget;
let reader: Target;
beforeAll(async () => {
  served = await serveTarget({
    GITHUB_WEBHOOK_SECRET: GITHUB_SECRET,
    STRIPE_WEBHOOK_SECRET: STRIPE_SECRETS.join(" "),
    STANDARD_WEBHOOK_SECRET: STANDARD_SECRET,
    WEBHOOK_SOURCES: JSON.stringify({
      shop: {
        scheme: "hmac",
        secret: SHOP_SECRET,
        header: "X-Shopify-Hmac-Sha256",
        encoding: "base64",
        idHeader: "X-Shopify-Webhook-Id",
        typeHeader: "X-Shopify-Topic",
      },
      teams: { scheme: "hmac", secret: "t", header: "Authorization", prefix: "HMAC ", encoding: "base64" },
    }),
  });
  reader = await served.signIn("reader");
}, 60_000);
afterAll(() => served.stop());

interface Receipt {
  readonly id: string;
  readonly sequence: string;
  readonly duplicate: boolean;
}

const hmac = (secret: string, content: string | Buffer, encoding: "hex" | "base64" = "hex") =>
  createHmac("sha256", secret).update(content).digest(encoding);
const nowSeconds = () => Math.floor(Date.now() / 1000);

function deliver(source: string, headers: Readonly<Record<string, string>>, body: string | Buffer) {
  return fetch(toUrl(served, `/webhooks/in/${source}`), { method: "POST", headers, body: Buffer.from(body) });
}

async function accepted(answer: Promise<Response>): Promise<Receipt> {
  const response = await answer;
  const text = await response.text();
  expect(text, text).toMatch(/^\{"id":/);
  expect(response.status).toBe(200);
  return JSON.parse(text) as Receipt;
}

async function refusedAs(answer: Promise<Response>): Promise<unknown> {
  const response = await answer;
  const { error } = (await response.json()) as { error: { code: string } };
  return [response.status, error.code];
}

const github = (event: string, body: string, more: Readonly<Record<string, string>> = {}) =>
  deliver(
    "github",
    {
      "content-type": "application/json",
      "x-github-event": event,
      "x-github-delivery": randomUUID(),
      "x-hub-signature-256": `sha256=${hmac(GITHUB_SECRET, body)}`,
      ...more,
    },
    body,
  );

const stripe = (body: string, time = nowSeconds(), secret: string = STRIPE_SECRETS[1]) =>
  deliver("stripe", { "stripe-signature": `t=${time},v1=${hmac(secret, `${time}.${body}`)},v0=ab` }, body);

async function readAll(source: string): Promise<readonly Record<string, unknown>[]> {
  const url = toUrl(reader, `/channels/webhooks/${source}`, { after: "earliest", limit: "1000" });
  const response = await fetch(url, { headers: toHeaders(reader) });
  return ((await response.json()) as { events: Record<string, unknown>[] }).events;
}

const count = async (source: string) => (await readAll(source)).length;

describe("GitHub", () => {
  it("has a push watched over SSE, as a CloudEvent", async () => {
    const watcher = await sse.read?.(reader, "webhooks/github");
    const push = { ref: "refs/heads/main", commits: [{ message: "grüße ☂" }], pusher: { name: "octocat" } };
    const id = randomUUID();
    const receipt = await accepted(github("push", JSON.stringify(push), { "x-github-delivery": id }));
    expect(receipt).toEqual({ id, sequence: expect.any(String), duplicate: false });
    const received = await watcher?.next();
    expect(received?.sequence).toBe(receipt.sequence);
    expect(received?.event).toMatchObject({
      specversion: "1.0",
      id,
      source: "/webhooks/in/github",
      type: "github.push",
      subject: "webhooks/github",
      datacontenttype: "application/json",
      data: push,
    });
    await watcher?.cut();
  });

  it("is taken with a ping, and with a payload in a form", async () => {
    const { sequence } = await accepted(github("ping", '{"zen":"Keep it logically awesome.","hook_id":1}'));
    const payload = { action: "opened", text: "a+b & c=d %20 ü" };
    const form = `payload=${encodeURIComponent(JSON.stringify(payload)).replaceAll("%20", "+")}`;
    const headers = { "content-type": "application/x-www-form-urlencoded" };
    const opened = await accepted(github("issues", form, headers));
    const events = await readAll("github");
    const ping = events.find((event) => event.sequence === sequence);
    expect(ping).toMatchObject({ type: "github.ping", data: { hook_id: 1 } });
    expect(events.find((event) => event.sequence === opened.sequence)).toMatchObject({
      type: "github.issues",
      datacontenttype: "application/json",
      data: payload,
    });
  });

  it("is told the first sequence where it delivers again, also at the same moment", async () => {
    const delivery = { "x-github-delivery": randomUUID() };
    const all = await Promise.all(
      Array.from({ length: 8 }, () => accepted(github("star", '{"action":"created"}', delivery))),
    );
    expect(new Set(all.map(({ sequence }) => sequence)).size).toBe(1);
    expect(all.filter(({ duplicate }) => !duplicate)).toHaveLength(1);
    const later = await accepted(github("star", '{"action":"created"}', delivery));
    expect(later).toEqual({ ...all[0], duplicate: true });
  });

  it("is not stored where anything about the signature is wrong", async () => {
    const before = await count("github");
    const body = '{"a":1}';
    const good = hmac(GITHUB_SECRET, body);
    for (const signature of [
      "",
      good,
      `sha1=${good}`,
      `sha256=${good.slice(1)}`,
      `sha256=${good}00`,
      `sha256=${hmac("other", body)}`,
      `sha256=${hmac(GITHUB_SECRET, `${body}\n`)}`,
      `sha256=${good}, sha256=${good}`,
    ]) {
      const answer = github("push", body, { "x-hub-signature-256": signature });
      expect(await refusedAs(answer), signature).toEqual([401, "unauthenticated"]);
    }
    const missing = deliver("github", { "x-github-event": "push", "x-github-delivery": "1" }, body);
    expect(await refusedAs(missing)).toEqual([401, "unauthenticated"]);
    expect(await count("github")).toBe(before);
  });

  it("is told what is missing from a delivery that it did sign", async () => {
    expect(await refusedAs(github("", "{}"))).toEqual([400, "invalid_argument"]);
    expect(await refusedAs(github("push", "{}", { "x-github-delivery": "" }))).toEqual([
      400,
      "invalid_argument",
    ]);
    const deep = `${"[".repeat(300)}${"]".repeat(300)}`;
    expect(await refusedAs(github("push", deep))).toEqual([400, "invalid_argument"]);
  });

  it("has a body that is no JSON kept as its bytes", async () => {
    const { sequence } = await accepted(github("push", '{"cut":'));
    expect((await readAll("github")).find((event) => event.sequence === sequence)).toMatchObject({
      datacontenttype: "application/json",
      data_base64: Buffer.from('{"cut":').toString("base64"),
    });
  });

  it("needs no token, and is not troubled by one that is not ours", async () => {
    await accepted(github("push", "{}", { authorization: "Basic dXNlcjpwYXNz" }));
    await accepted(github("push", "{}", { authorization: "Bearer nonsense" }));
    const teams = { authorization: `HMAC ${hmac("t", "{}", "base64")}` };
    await accepted(deliver("teams", teams, "{}"));
  });
});

describe("Stripe", () => {
  const event = () =>
    JSON.stringify({ id: `evt_${randomUUID()}`, object: "event", type: "invoice.paid", data: {} });

  it("has its event stored under its own id and type, signed with either secret", async () => {
    for (const secret of STRIPE_SECRETS) {
      const body = event();
      const { id } = JSON.parse(body) as { id: string };
      const receipt = await accepted(stripe(body, nowSeconds(), secret));
      expect(receipt).toMatchObject({ id, duplicate: false });
      expect(await accepted(stripe(body, nowSeconds() - 10, secret))).toEqual({
        ...receipt,
        duplicate: true,
      });
      const stored = (await readAll("stripe")).filter((one) => one.id === id);
      expect(stored).toHaveLength(1);
      expect(stored[0]).toMatchObject({ type: "stripe.invoice.paid", data: JSON.parse(body) });
    }
  });

  it("is refused with an old time, a coming one, another secret, or a time that was changed", async () => {
    const body = event();
    expect(await refusedAs(stripe(body, nowSeconds() - 310))).toEqual([401, "unauthenticated"]);
    expect(await refusedAs(stripe(body, nowSeconds() + 330))).toEqual([401, "unauthenticated"]);
    expect(await refusedAs(stripe(body, nowSeconds(), "whsec_other"))).toEqual([401, "unauthenticated"]);
    const old = nowSeconds() - 400;
    const freshened = `t=${nowSeconds()},v1=${hmac(STRIPE_SECRETS[0], `${old}.${body}`)}`;
    const answer = deliver("stripe", { "stripe-signature": freshened }, body);
    expect(await refusedAs(answer)).toEqual([401, "unauthenticated"]);
    await accepted(stripe(body, nowSeconds() - 280));
  });

  it("is told so where what it signed is none of its events", async () => {
    for (const body of ["{}", "{", "[]", '{"id":1,"type":"a"}', ""]) {
      expect(await refusedAs(stripe(body)), body).toEqual([400, "invalid_argument"]);
    }
  });
});

describe("Standard Webhooks", () => {
  const body = JSON.stringify({ type: "user.created", timestamp: new Date().toISOString(), data: { n: 1 } });

  it.each(["webhook", "svix"])("takes what svix signs, with the headers %s-*", async (family) => {
    const id = `msg_${randomUUID()}`;
    const signedAt = new Date();
    const send = (signature: string, more: object = {}) =>
      deliver(
        "standard",
        {
          [`${family}-id`]: id,
          [`${family}-timestamp`]: String(Math.floor(signedAt.getTime() / 1000)),
          [`${family}-signature`]: signature,
          ...more,
        },
        body,
      );
    const signature = new Webhook(STANDARD_SECRET).sign(id, signedAt, body);
    const receipt = await accepted(send(`v1,AAAA ${signature}`));
    expect(receipt).toMatchObject({ id, duplicate: false });
    // Standard Webhooks signs the id, so another id is another delivery, and not this one again.
    expect(await refusedAs(send(signature, { [`${family}-id`]: "msg_other" }))).toEqual([
      401,
      "unauthenticated",
    ]);
    expect(await refusedAs(send("v1,AAAA"))).toEqual([401, "unauthenticated"]);
    expect(await accepted(send(signature))).toEqual({ ...receipt, duplicate: true });
    const [stored] = (await readAll("standard")).filter((event) => event.id === id);
    expect(stored).toMatchObject({ type: "standard.user.created", source: "/webhooks/in/standard" });
  });

  const hasPython = spawnSync("python3", ["--version"]).status === 0;
  // A second language shows that we did not agree with ourselves only; a machine without it has svix above.
  it.skipIf(!hasPython && process.env.CI !== "true")("takes what Python signs, once", async () => {
    const url = toUrl(served, "/webhooks/in/standard");
    const id = `msg_${randomUUID()}`;
    const send = (timestamp: number, secret = STANDARD_SECRET) => {
      const input = `${JSON.stringify({ url, secret, id, timestamp, body })}\n`;
      const script = new URL("standard-webhooks-sender.py", import.meta.url).pathname;
      return execFileSync("python3", [script], { input, encoding: "utf8", timeout: 20_000 }).trim();
    };
    const first = send(nowSeconds());
    expect(first).toMatch(/^200 .*"duplicate":false/);
    expect(send(nowSeconds() - 1)).toBe(first.replace("false", "true"));
    expect(send(nowSeconds() - 600)).toMatch(/^401 /);
    expect(send(nowSeconds(), `whsec_${randomBytes(24).toString("base64")}`)).toMatch(/^401 /);
  });
});

describe("a source of its own kind", () => {
  it("is taken as its settings say", async () => {
    const body = '{"id":820982911946154508,"email":"jon@example.com"}';
    const send = (signature: string) =>
      deliver(
        "shop",
        {
          "content-type": "application/json",
          "x-shopify-hmac-sha256": signature,
          "x-shopify-topic": "orders/create",
          "x-shopify-webhook-id": "b54557e4-bdd9-4b37-8a5f-bf7d70bcd043",
        },
        body,
      );
    const receipt = await accepted(send(hmac(SHOP_SECRET, body, "base64")));
    expect(await accepted(send(hmac(SHOP_SECRET, body, "base64")))).toEqual({ ...receipt, duplicate: true });
    expect(await refusedAs(send(hmac(SHOP_SECRET, body, "hex")))).toEqual([401, "unauthenticated"]);
    expect(await readAll("shop")).toMatchObject([{ type: "shop.orders/create" }]);
  });
});

describe("the path", () => {
  it("is 404 for a source that is not set up, before anything is read", async () => {
    for (const source of ["nobody", "constructor", "__proto__", "GitHub", "github%2f", "a%20b"]) {
      expect(await refusedAs(deliver(source, {}, "{}")), source).toEqual([404, "not_found"]);
    }
  });

  it("takes POST and nothing else", async () => {
    const response = await fetch(toUrl(served, "/webhooks/in/github"));
    expect([response.status, response.headers.get("allow")]).toEqual([405, "POST, OPTIONS"]);
  });

  it("refuses a body that is too large, and an event that would be", async () => {
    const large = `"${"x".repeat(1024 * 1024)}"`;
    expect(await refusedAs(github("push", large))).toEqual([413, "payload_too_large"]);
    const event = `"${"x".repeat(256 * 1024)}"`;
    expect(await refusedAs(github("push", event))).toEqual([413, "payload_too_large"]);
  });

  it("never answers noise with anything but a refusal", async () => {
    const names = [
      "x-hub-signature-256",
      "x-github-event",
      "x-github-delivery",
      "stripe-signature",
      "webhook-id",
      "webhook-timestamp",
      "webhook-signature",
      "x-shopify-hmac-sha256",
    ];
    const noise = (length: number) => randomBytes(length).toString("base64url");
    for (let round = 0; round < 60; round += 1) {
      const source = ["github", "stripe", "standard", "shop"][round % 4] ?? "";
      const values = [
        noise(round),
        "sha256=",
        `t=${noise(3)},v1=`,
        "v1,",
        "t=1,v1=00",
        `v1,${noise(32)} v1,`,
        "0",
      ];
      const headers = Object.fromEntries(
        names
          .filter((_, index) => (round + index) % 5 > 0)
          .map((name, index) => [name, values[(round * 3 + index) % values.length] ?? ""]),
      );
      const { status } = await deliver(source, headers, randomBytes(round * 7));
      expect(status).toBe(401);
    }
  });
});

it("does not start with settings that cannot be read", async () => {
  const environment = { GITHUB_WEBHOOK_SECRET: "x", WEBHOOK_SOURCES: '{"acme":{"scheme":"hmac"}}' };
  const options = { port: 0, stateDirectory: `/tmp/everywire-never-${randomUUID()}`, environment };
  await expect(serve(options)).rejects.toThrow("WEBHOOK_SOURCES: 'acme' is not valid.");
});
