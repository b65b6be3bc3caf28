import { createHmac, generateKeyPairSync, randomBytes, sign } from "node:crypto";
import { Webhook } from "svix";
import { describe, expect, it } from "vitest";
import { EverywireError } from "../../core/error.ts";
import type { WebhookDelivery, WebhookScheme } from "../../core/webhook-schemes/scheme.ts";
import { parseWebhookSources } from "../../core/webhook-schemes/sources.ts";

type Headers = Readonly<Record<string, string>>;

interface Sent {
  readonly headers: Headers;
  readonly body: string | Uint8Array;
}

function toDelivery({ headers, body }: Sent): WebhookDelivery {
  const known = new Map(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
  return { header: (name) => known.get(name.toLowerCase()), body: Uint8Array.from(Buffer.from(body)) };
}

function source(name: string, env: Readonly<Record<string, unknown>>): WebhookScheme {
  const scheme = parseWebhookSources(env).get(name);
  if (scheme === undefined) throw new Error(`There is no source '${name}'.`);
  return scheme;
}

const configured = (config: object) => source("acme", { WEBHOOK_SOURCES: { acme: config } });

/** Whether a delivery is taken; every refusal has to be the same code. */
async function accepts(scheme: WebhookScheme, sent: Sent, nowMs: number): Promise<boolean> {
  try {
    await scheme.verify(toDelivery(sent), nowMs);
    return true;
  } catch (thrown) {
    expect(thrown).toBeInstanceOf(EverywireError);
    expect(thrown).toMatchObject({ code: "unauthenticated" });
    return false;
  }
}

const hmac = (hash: string, secret: string | Buffer, content: string, encoding: "hex" | "base64") =>
  createHmac(hash, secret).update(content).digest(encoding);

/** One delivery of each scheme, as its sender documents or tests it: the signatures are theirs, not computed here. */
const VECTORS: readonly {
  readonly name: string;
  readonly scheme: () => WebhookScheme;
  readonly sent: Sent;
  readonly nowSeconds: number;
  readonly hasTime: boolean;
  /** Headers that are signed, or are the signature. */
  readonly signed: readonly string[];
}[] = [
  {
    // docs.github.com, "Validating webhook deliveries": "Testing the webhook payload validation".
    name: "GitHub",
    scheme: () => source("github", { GITHUB_WEBHOOK_SECRET: "It's a Secret to Everybody" }),
    sent: {
      headers: {
        "X-Hub-Signature-256": "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17",
        "X-GitHub-Event": "ping",
        "X-GitHub-Delivery": "1",
      },
      body: "Hello, World!",
    },
    nowSeconds: 1,
    hasTime: false,
    signed: ["X-Hub-Signature-256"],
  },
  {
    // stripe/stripe-dotnet, src/StripeTests/Services/Events/EventUtilityTest.cs.
    name: "Stripe",
    scheme: () => source("stripe", { STRIPE_WEBHOOK_SECRET: "webhook_secret" }),
    sent: {
      headers: {
        "Stripe-Signature":
          "t=1533204620,v1=f0bdba6d4eacbd8ad8a3bbadd7248e633ec1477f7899c124c51b39405fa36613,v0=63f3a72374a733066c4be69ed7f8e5ac85c22c9f0a6a612ab9a025a9e4ee7eef",
      },
      body: `${JSON.stringify(
        {
          id: "evt_123",
          object: "event",
          account: "acct_123",
          api_version: "2017-05-25",
          created: 1533204620,
          data: {
            object: {
              id: "ii_123",
              object: "invoiceitem",
              amount: 1000,
              currency: "usd",
              customer: "cus_123",
              date: 1533204620,
              description: "Test Invoice Item",
              discountable: false,
              invoice: "in_123",
              livemode: false,
              metadata: {},
              period: { start: 1533204620, end: 1533204620 },
              plan: null,
              proration: false,
              quantity: null,
              subscription: null,
            },
          },
          livemode: false,
          pending_webhooks: 1,
          request: { id: "req_123", idempotency_key: "idempotency-key-123" },
          type: "invoiceitem.created",
        },
        undefined,
        2,
      )}\n`,
    },
    nowSeconds: 1_533_204_620,
    hasTime: true,
    signed: ["Stripe-Signature"],
  },
  {
    // standard-webhooks/standard-webhooks, the "sign function works" test that its libraries share.
    name: "Standard Webhooks",
    scheme: () => source("standard", { STANDARD_WEBHOOK_SECRET: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw" }),
    sent: {
      headers: {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
      },
      body: '{"test": 2432232314}',
    },
    nowSeconds: 1_614_265_330,
    hasTime: true,
    signed: ["webhook-id", "webhook-timestamp", "webhook-signature"],
  },
  {
    // docs.slack.dev, "Verifying requests from Slack": a sender of its own kind, by the generic scheme.
    name: "Slack, by the generic scheme",
    scheme: () =>
      configured({
        scheme: "hmac",
        secret: "8f742231b10e8888abcd99yyyzzz85a5",
        header: "X-Slack-Signature",
        prefix: "v0=",
        timestampHeader: "X-Slack-Request-Timestamp",
        signedContent: "v0:{timestamp}:{body}",
      }),
    sent: {
      headers: {
        "X-Slack-Request-Timestamp": "1531420618",
        "X-Slack-Signature": "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503",
      },
      body: "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c",
    },
    nowSeconds: 1_531_420_618,
    hasTime: true,
    signed: ["X-Slack-Request-Timestamp", "X-Slack-Signature"],
  },
];

describe.each(VECTORS)("a delivery of $name", ({ scheme, sent, nowSeconds, signed }) => {
  const nowMs = nowSeconds * 1000;

  it("is taken with the signature that its sender published", async () => {
    expect(await accepts(scheme(), sent, nowMs)).toBe(true);
  });

  it("is refused once any bit of its body was changed", async () => {
    const body = Buffer.from(sent.body);
    const made = scheme();
    for (let bit = 0; bit < body.length * 8; bit += 7) {
      const tampered = Buffer.from(body);
      tampered[bit >> 3] = (tampered[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      expect(await accepts(made, { ...sent, body: tampered }, nowMs), `bit ${bit}`).toBe(false);
    }
    for (const body of ["", `${sent.body} `, ` ${sent.body}`]) {
      expect(await accepts(made, { ...sent, body }, nowMs)).toBe(false);
    }
  });

  it("is refused once any character of what is signed was changed, left out or put in", async () => {
    const made = scheme();
    for (const name of signed) {
      const value = sent.headers[name] ?? "";
      // Of Stripe's header only `t` and `v1` are looked at.
      const end = value.includes(",v0=") ? value.indexOf(",v0=") : value.length;
      for (let index = 0; index < end; index += 1) {
        const other = value[index] === "5" ? "6" : "5";
        const before = value.slice(0, index);
        const after = value.slice(index + 1);
        for (const changed of [before + other + after, before + after]) {
          const headers = { ...sent.headers, [name]: changed };
          expect(await accepts(made, { ...sent, headers }, nowMs), `${name}: ${changed}`).toBe(false);
        }
      }
      for (const changed of [
        "",
        " ",
        `${value},${value}`,
        "undefined",
        value.slice(0, end - 1),
        "v1,",
        "sha256=",
      ]) {
        const headers = { ...sent.headers, [name]: changed };
        expect(await accepts(made, { ...sent, headers }, nowMs), `${name}: ${changed}`).toBe(false);
      }
      const { [name]: _, ...without } = sent.headers;
      expect(await accepts(made, { ...sent, headers: without }, nowMs)).toBe(false);
    }
  });

  it("never fails but by refusing, whatever is sent", async () => {
    const made = scheme();
    for (let round = 0; round < 200; round += 1) {
      const headers = Object.fromEntries(
        Object.keys(sent.headers).map((name) => {
          const noise = randomBytes(round % 90).toString(round % 2 === 0 ? "latin1" : "base64");
          return [name, round % 3 === 0 ? `${(sent.headers[name] ?? "").slice(0, round)}${noise}` : noise];
        }),
      );
      const body = randomBytes(round);
      expect(await accepts(made, { headers, body }, nowMs)).toBe(false);
    }
  });
});

describe.each(VECTORS.filter(({ hasTime }) => hasTime))(
  "the time of a delivery of $name",
  ({ scheme, sent, nowSeconds }) => {
    it("is good for 5 minutes before and after, and not a second longer", async () => {
      const made = scheme();
      for (const [seconds, expected] of [
        [300, true],
        [301, false],
        [-300, true],
        [-301, false],
        [86_400 * 365, false],
      ] as const) {
        expect(await accepts(made, sent, (nowSeconds + seconds) * 1000), `${seconds} s`).toBe(expected);
      }
    });
  },
);

describe("several secrets", () => {
  const old = "an-old-secret-of-some-length";
  const fresh = "a-new-secret-of-some-length";
  const github = (secret: string): Sent => ({
    headers: { "X-Hub-Signature-256": `sha256=${hmac("sha256", secret, "{}", "hex")}` },
    body: "{}",
  });

  it("are each good while a sender goes from one to the next", async () => {
    const scheme = source("github", { GITHUB_WEBHOOK_SECRET: `${old} ${fresh}` });
    expect(await accepts(scheme, github(old), 0)).toBe(true);
    expect(await accepts(scheme, github(fresh), 0)).toBe(true);
    expect(await accepts(scheme, github(`${old} ${fresh}`), 0)).toBe(false);
    expect(await accepts(source("github", { GITHUB_WEBHOOK_SECRET: fresh }), github(old), 0)).toBe(false);
  });

  it("are not made of the words of a phrase, which could be guessed", async () => {
    const scheme = source("github", { GITHUB_WEBHOOK_SECRET: "correct horse battery staple" });
    expect(await accepts(scheme, github("correct horse battery staple"), 0)).toBe(true);
    for (const word of ["correct", "horse", "battery", "staple", ""].filter(Boolean)) {
      expect(await accepts(scheme, github(word), 0)).toBe(false);
    }
  });

  it("of Stripe are each found in a header with several v1", async () => {
    const v1 = (secret: string) => `v1=${hmac("sha256", secret, "1.{}", "hex")}`;
    const scheme = source("stripe", { STRIPE_WEBHOOK_SECRET: "whsec_one_and_long_enough" });
    const header = `t=1, v1=${"0".repeat(64)} ,${v1("whsec_two_and_long_enough")},${v1("whsec_one_and_long_enough")}`;
    expect(await accepts(scheme, { headers: { "Stripe-Signature": header }, body: "{}" }, 1000)).toBe(true);
    const onlyOldScheme = {
      headers: { "Stripe-Signature": `t=1,v0=${v1("whsec_one").slice(3)}` },
      body: "{}",
    };
    expect(await accepts(scheme, onlyOldScheme, 1000)).toBe(false);
    const twoTimes = {
      headers: { "Stripe-Signature": `t=1,t=2,${v1("whsec_one_and_long_enough")}` },
      body: "{}",
    };
    expect(await accepts(scheme, twoTimes, 1000)).toBe(false);
  });

  it("are not tried against a header full of guesses", async () => {
    const good = `v1=${hmac("sha256", old, "1.{}", "hex")}`;
    const scheme = source("stripe", { STRIPE_WEBHOOK_SECRET: old });
    const guesses = Array.from({ length: 8 }, () => `v1=${"0".repeat(64)}`).join(",");
    const sent = { headers: { "Stripe-Signature": `t=1,${guesses},${good}` }, body: "{}" };
    expect(await accepts(scheme, sent, 1000)).toBe(false);
  });
});

describe("Standard Webhooks, against svix", () => {
  const secrets = [0, 1].map(() => `whsec_${randomBytes(24).toString("base64")}`) as [string, string];
  const now = new Date();
  const body = '{"type":"user.created","data":{"name":"grüße ☂"}}';
  const signWith = (secret: string, id = "msg_1") => new Webhook(secret).sign(id, now, body);
  const seconds = String(Math.floor(now.getTime() / 1000));
  const headers = (family: string, signature: string) => ({
    [`${family}-id`]: "msg_1",
    [`${family}-timestamp`]: seconds,
    [`${family}-signature`]: signature,
  });
  const scheme = source("standard", { STANDARD_WEBHOOK_SECRET: secrets.join(" ") });

  it.each(["webhook", "svix"])("takes what svix signs under the names %s-*", async (family) => {
    for (const secret of secrets) {
      const sent = { headers: headers(family, signWith(secret)), body };
      expect(await accepts(scheme, sent, now.getTime())).toBe(true);
      expect(await scheme.read(toDelivery(sent))).toMatchObject({
        id: "msg_1",
        type: "standard.user.created",
        content: { datacontenttype: "application/json", data: JSON.parse(body) },
      });
    }
  });

  it("finds its signature among others", async () => {
    const other = signWith(`whsec_${randomBytes(24).toString("base64")}`);
    const signature = `v1,AAAA v2,${signWith(secrets[0]).slice(3)} ${other} ${signWith(secrets[0])}`;
    expect(await accepts(scheme, { headers: headers("webhook", signature), body }, now.getTime())).toBe(true);
    const without = { headers: headers("webhook", other), body };
    expect(await accepts(scheme, without, now.getTime())).toBe(false);
    const otherId = { headers: headers("webhook", signWith(secrets[0], "msg_2")), body };
    expect(await accepts(scheme, otherId, now.getTime())).toBe(false);
  });

  it("does not take the id of one family with the signature of the other", async () => {
    const mixed = { ...headers("webhook", "v1,AAAA"), ...headers("svix", signWith(secrets[0])) };
    expect(await accepts(scheme, { headers: mixed, body }, now.getTime())).toBe(false);
    const { "webhook-signature": _, ...half } = mixed;
    const swapped = { ...half, "webhook-id": "msg_other" };
    const delivery = toDelivery({ headers: swapped, body });
    await scheme.verify(delivery, now.getTime());
    expect(await scheme.read(delivery)).toMatchObject({ id: "msg_1" });
  });

  it("takes asymmetric signatures by a public key", async () => {
    const { publicKey, privateKey } = generateKeyPairSync("ed25519");
    const raw = publicKey.export({ format: "der", type: "spki" }).subarray(-32).toString("base64");
    const asymmetric = source("standard", { STANDARD_WEBHOOK_SECRET: `whpk_${raw}` });
    const signature = sign(null, Buffer.from(`msg_1.${seconds}.${body}`), privateKey).toString("base64");
    const good = { headers: headers("webhook", `v1a,${signature}`), body };
    expect(await accepts(asymmetric, good, now.getTime())).toBe(true);
    expect(await accepts(asymmetric, { ...good, body: `${body} ` }, now.getTime())).toBe(false);
    // The public key is no secret: who knows it must not be able to sign with it.
    const forged = `v1,${hmac("sha256", Buffer.from(raw, "base64"), `msg_1.${seconds}.${body}`, "base64")}`;
    const forgery = { headers: headers("webhook", forged), body };
    expect(await accepts(asymmetric, forgery, now.getTime())).toBe(false);
  });
});

describe("the generic scheme", () => {
  it.each([
    ["sha1", "hex", "sha1="],
    ["sha256", "base64", ""],
    ["sha512", "base64", "HMAC "],
  ] as const)("takes %s in %s after '%s'", async (algorithm, encoding, prefix) => {
    const key = randomBytes(32);
    const scheme = configured({
      scheme: "hmac",
      secret: key.toString("base64"),
      secretEncoding: "base64",
      header: "Authorization",
      algorithm,
      encoding,
      prefix,
    });
    const authorization = prefix + hmac(algorithm, key, "body", encoding);
    expect(await accepts(scheme, { headers: { authorization }, body: "body" }, 0)).toBe(true);
    expect(await accepts(scheme, { headers: { authorization }, body: "bodY" }, 0)).toBe(false);
    const bare = { headers: { authorization: `x${authorization}` }, body: "body" };
    expect(await accepts(scheme, bare, 0)).toBe(false);
  });

  it("signs the id with the body where it is told to, and takes times in milliseconds", async () => {
    const scheme = configured({
      scheme: "hmac",
      secret: "s",
      header: "X-Sig",
      idHeader: "X-Id",
      timestampHeader: "X-Time",
      signedContent: "{id}|{timestamp}|{body}|end",
    });
    const nowMs = 1_700_000_000_000;
    const sent = (id: string, time: string) => ({
      headers: { "X-Id": id, "X-Time": time, "X-Sig": hmac("sha256", "s", "a|1700000000123|{}|end", "hex") },
      body: "{}",
    });
    expect(await accepts(scheme, sent("a", "1700000000123"), nowMs)).toBe(true);
    expect(await accepts(scheme, sent("b", "1700000000123"), nowMs)).toBe(false);
    expect(await accepts(scheme, sent("a", "1700000000123"), nowMs + 302_000)).toBe(false);
  });

  it("does not read placeholders in what the sender wrote", async () => {
    const scheme = configured({
      scheme: "hmac",
      secret: "s",
      header: "X-Sig",
      idHeader: "X-Id",
      signedContent: "{id}.{body}",
    });
    const body = "{body}{id}$&";
    const headers = { "X-Id": "{body}", "X-Sig": hmac("sha256", "s", `{body}.${body}`, "hex") };
    expect(await accepts(scheme, { headers, body }, 0)).toBe(true);
  });

  const describeWith = async (config: object, sent: Sent) =>
    configured({ scheme: "hmac", secret: "s", header: "X-Sig", ...config }).read(toDelivery(sent));

  it("names an event by header, by field, or by what was signed", async () => {
    const body = '{"event":"door.opened","type":"t","key":7}';
    const headers = { "X-Id": "id-1", "X-Topic": "orders/create" };
    expect(await describeWith({ idHeader: "X-Id", typeHeader: "X-Topic" }, { headers, body })).toMatchObject({
      id: "id-1",
      type: "acme.orders/create",
    });
    expect(await describeWith({ idField: "key", typeField: "event" }, { headers, body })).toMatchObject({
      id: "7",
      type: "acme.door.opened",
    });
    const unnamed = await describeWith({}, { headers, body });
    expect(unnamed).toMatchObject({ type: "acme.t", id: expect.stringMatching(/^sha256-[0-9a-f]{64}$/) });
    expect(await describeWith({}, { headers, body })).toEqual(unnamed);
    expect((await describeWith({}, { headers, body: `${body} ` })).id).not.toBe(unnamed.id);
    expect(await describeWith({}, { headers, body: "[1]" })).toMatchObject({ type: "acme.message" });
  });

  it.each([{ idHeader: "X-None" }, { idField: "none" }])("refuses a delivery without %o", async (config) => {
    await expect(describeWith(config, { headers: {}, body: "{}" })).rejects.toMatchObject({
      code: "invalid_argument",
    });
  });

  it.each([
    [{}, "{bad", { data_base64: "e2JhZA==" }],
    [
      { "content-type": "application/json" },
      "{bad",
      { datacontenttype: "application/json", data_base64: "e2JhZA==" },
    ],
    [{ "content-type": "text/plain" }, "grüße", { datacontenttype: "text/plain", data: "grüße" }],
    [{ "content-type": "application/xml" }, "<a/>", { datacontenttype: "application/xml", data: "<a/>" }],
    [
      { "content-type": "text/plain" },
      Buffer.of(255),
      { datacontenttype: "text/plain", data_base64: "/w==" },
    ],
    [
      { "content-type": "application/cloudevents+json" },
      "null",
      { datacontenttype: "application/json", data: null },
    ],
    [{}, "", {}],
  ])("carries a body of %o: %s", async (headers, body, content) => {
    expect((await describeWith({}, { headers, body })).content).toEqual(content);
  });
});

describe("the settings", () => {
  const hmacSource = { scheme: "hmac", secret: "top-secret", header: "X-Sig" };

  it.each([
    [{ WEBHOOK_SOURCES: "{" }, "WEBHOOK_SOURCES must be JSON."],
    [{ WEBHOOK_SOURCES: "[]" }, "WEBHOOK_SOURCES must be a JSON object"],
    [{ WEBHOOK_SOURCES: { acme: { secret: "top-secret" } } }, "'acme' is not valid. scheme:"],
    [
      { WEBHOOK_SOURCES: { acme: { ...hmacSource, header: "X Sig" } } },
      "header: must be the name of a header",
    ],
    [{ WEBHOOK_SOURCES: { acme: { ...hmacSource, headr: 1 } } }, "headr"],
    [{ WEBHOOK_SOURCES: { acme: { ...hmacSource, secret: "" } } }, "secret:"],
    [{ WEBHOOK_SOURCES: { acme: { ...hmacSource, secret: [] } } }, "secret:"],
    [
      { WEBHOOK_SOURCES: { acme: { ...hmacSource, signedContent: "{id}" } } },
      "signedContent must have {body}",
    ],
    [
      { WEBHOOK_SOURCES: { acme: { ...hmacSource, timestampHeader: "T", signedContent: "{body}" } } },
      "{timestamp}",
    ],
    [{ WEBHOOK_SOURCES: { acme: { ...hmacSource, signedContent: "{timestamp}{body}" } } }, "timestampHeader"],
    [{ WEBHOOK_SOURCES: { acme: { ...hmacSource, signedContent: "{id}{body}" } } }, "needs idHeader"],
    [{ WEBHOOK_SOURCES: { acme: { ...hmacSource, secretEncoding: "hex" } } }, "a secret is not hex"],
    [{ WEBHOOK_SOURCES: { everywire: hmacSource } }, "no name that a source can have"],
    [{ WEBHOOK_SOURCES: { "a/b": hmacSource } }, "no name that a source can have"],
    [{ WEBHOOK_SOURCES: { github: hmacSource }, GITHUB_WEBHOOK_SECRET: "x" }, "has a variable of its own"],
    [{ STANDARD_WEBHOOK_SECRET: "top-secret!" }, "STANDARD_WEBHOOK_SECRET: a secret must be 'whsec_'"],
    [{ STANDARD_WEBHOOK_SECRET: "whpk_AAAA" }, "STANDARD_WEBHOOK_SECRET"],
    [{ GITHUB_WEBHOOK_SECRET: "  " }, "GITHUB_WEBHOOK_SECRET must be a secret"],
  ])("%o are refused, and no secret is told", (env, message) => {
    expect(() => parseWebhookSources(env)).toThrow(message);
    expect(() => parseWebhookSources(env)).not.toThrow("top-secret");
  });

  it("may be empty, and then there is no source", () => {
    expect(parseWebhookSources({ WEBHOOK_SOURCES: "", GITHUB_WEBHOOK_SECRET: "" }).size).toBe(0);
  });

  it("may set up several sources of one scheme under names of their own", async () => {
    const sources = parseWebhookSources({
      WEBHOOK_SOURCES: JSON.stringify({
        "github-acme": { scheme: "github", secret: ["a phrase with spaces", "x"] },
        billing: { scheme: "stripe", secret: "whsec_1" },
        svix: { scheme: "standard", secret: `whsec_${randomBytes(24).toString("base64")}` },
      }),
    });
    expect([...sources.keys()]).toEqual(["github-acme", "billing", "svix"]);
    const signature = `sha256=${hmac("sha256", "a phrase with spaces", "{}", "hex")}`;
    const sent = {
      headers: { "X-Hub-Signature-256": signature, "X-GitHub-Event": "push", "X-GitHub-Delivery": "d" },
      body: "{}",
    };
    const github = sources.get("github-acme");
    expect(github && (await accepts(github, sent, 0))).toBe(true);
    expect(await github?.read(toDelivery(sent))).toMatchObject({ id: "d", type: "github.push" });
  });
});
