import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { Receiver } from "@upstash/qstash";
import { base64url, SignJWT } from "jose";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Callable } from "./callable.ts";
import { serveCallable } from "./callable.ts";
import type { Target } from "./door-driver.ts";
import { assertOk, toHeaders, toUrl } from "./http-exchange.ts";
import type { ServedTarget } from "./serve-target.ts";
import { serveTarget } from "./serve-target.ts";

const CURRENT = "sig_the_current_key_of_this_test";
const NEXT = "sig_the_next_key_of_this_test";
/** The name under which only the stand-in knows our Worker; what it signs is for this address. */
const PUBLIC_URL = "http://everywire.localhost";

/** What must not be called where ALLOW_PRIVATE_WEBHOOKS is not set. */
const PRIVATE = [
  "http://127.0.0.1:1/",
  "https://10.0.0.1/",
  "https://[::1]/",
  "https://localhost/",
  "https://2130706433/",
  "ftp://receiver.dev/",
];

interface Enqueued {
  readonly messageId: string;
  readonly id: string;
  readonly duplicate?: boolean;
}
interface Event {
  readonly id: string;
  readonly time: string;
  readonly data: unknown;
}
interface DeadLetter {
  readonly id: string;
  readonly messageId: string;
}

let server: ServedTarget;
let admin: Target;
beforeAll(async () => {
  server = await serveTarget({
    ALLOW_PRIVATE_WEBHOOKS: "true",
    QSTASH_CURRENT_SIGNING_KEY: CURRENT,
    QSTASH_NEXT_SIGNING_KEY: NEXT,
  });
  admin = await server.signIn("root", { roles: ["admin"] });
});
afterAll(() => server.stop());

const newChannel = (area = "demo") => `${area}/${randomUUID()}`;
const call = async <T>(
  method: string,
  path: string,
  options: { body?: unknown; as?: Target; headers?: Record<string, string> } = {},
): Promise<T> => {
  const { body, as = server, headers = {} } = options;
  const response = await fetch(toUrl(as, path), {
    method,
    headers: toHeaders(as, { "content-type": "application/json", ...headers }),
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  await assertOk(response);
  return (response.status === 204 ? undefined : await response.json()) as T;
};
const enqueue = (channel: string, body: object, as?: Target, headers: Record<string, string> = {}) =>
  call<Enqueued>("POST", `/queue/${channel}`, {
    body: { type: "task", ...body },
    headers,
    ...(as ? { as } : {}),
  });
const read = async (channel: string, as: Target = server) =>
  (await call<{ events: Event[] }>("GET", `/channels/${channel}?after=earliest`, { as })).events;
const until = async <T>(what: string, look: () => Promise<T | undefined>): Promise<T> => {
  for (const deadlineMs = Date.now() + 10_000; Date.now() < deadlineMs; await delay(20)) {
    const found = await look();
    if (found !== undefined) return found;
  }
  throw new Error(`Never came: ${what}.`);
};
const arrived = (channel: string, count: number, as?: Target) =>
  until(`${count} events`, async () => {
    const events = await read(channel, as);
    return events.length >= count ? events : undefined;
  });
const codeOf = (promise: Promise<unknown>) =>
  promise.then(
    () => "ok",
    (error: { code?: string }) => error.code,
  );
const deadLettersOf = async (channel: string, as: Target = server): Promise<DeadLetter[]> => {
  const found: (DeadLetter & { channel: string })[] = [];
  for (let cursor: string | null = ""; cursor !== null; ) {
    const page: { deadLetters: (DeadLetter & { channel: string })[]; next: string | null } = await call(
      "GET",
      `/queue/dead-letters?limit=100&cursor=${cursor}`,
      { as },
    );
    found.push(...page.deadLetters);
    cursor = page.next;
  }
  return found.filter((letter) => letter.channel === channel);
};
const deadLetterOf = (channel: string, as?: Target) =>
  until("the dead letter", async () => (await deadLettersOf(channel, as))[0]);

describe("what is enqueued", () => {
  it("arrives in the channel, at once or not before it is due", async () => {
    const channel = newChannel();
    const startedMs = Date.now();
    await enqueue(channel, { data: "late", delay: "2s" });
    await enqueue(channel, { data: "soon", notBefore: Math.ceil(Date.now() / 1000) + 1 });
    await enqueue(channel, { data: "now", source: "/mine", id: "1" });
    const events = await arrived(channel, 3);
    expect(Date.now() - startedMs).toBeGreaterThanOrEqual(2000);
    expect(events).toMatchObject([
      { data: "now", source: "/mine", id: "1" },
      { data: "soon" },
      { data: "late" },
    ]);
  });

  it("may be a CloudEvent in structured mode, its options in the query", async () => {
    const channel = newChannel();
    const event = {
      specversion: "1.0",
      id: "a",
      source: "/s",
      type: "bytes",
      subject: "of the publisher",
      data_base64: "AP8=",
      priority: 3,
    };
    await call("POST", `/queue/${channel}?delay=1s&retries=2`, {
      body: event,
      headers: { "content-type": "application/cloudevents+json" },
    });
    const { subject, ...kept } = event;
    expect(await arrived(channel, 1)).toMatchObject([
      { ...kept, subject: channel, publishersubject: subject },
    ]);
  });

  it("is taken once under one key, and another's key is another", async () => {
    const channel = newChannel("rooms");
    const [ada, bob] = [await server.signIn("ada"), await server.signIn("bob")];
    const key = { "idempotency-key": '"k-1"' };
    const first = await enqueue(channel, { data: 1 }, ada, key);
    expect(first.duplicate).toBeUndefined();
    expect(await enqueue(channel, { data: 1 }, ada, key)).toEqual({ ...first, duplicate: true });
    expect((await enqueue(channel, { data: 2 }, bob, key)).duplicate).toBeUndefined();
    expect((await enqueue(channel, { data: 1, deduplicationId: "k-1" }, ada)).duplicate).toBe(true);
    await enqueue(channel, { data: 3 }, ada);
    const data = (await arrived(channel, 3, ada)).map((event) => event.data);
    expect([...data].sort()).toEqual([1, 2, 3]);
  });

  it("waits where it can be seen and taken back, by who may write the channel", async () => {
    const channel = newChannel("users/ada");
    const [ada, bob] = [await server.signIn("ada"), await server.signIn("bob")];
    const { messageId } = await enqueue(channel, { data: 1, delay: 60 }, ada);
    const path = `/queue/messages/${messageId}`;
    expect(await codeOf(call("GET", path, { as: bob }))).toBe("permission_denied");
    expect(await codeOf(call("DELETE", path))).toBe("unauthenticated");
    expect(await call("GET", path, { as: ada })).toMatchObject({ messageId, channel, event: { data: 1 } });
    expect(await call("GET", path, { as: admin })).toMatchObject({ messageId });
    await call("DELETE", path, { as: ada });
    expect(await codeOf(call("GET", path, { as: ada }))).toBe("not_found");
    expect(await codeOf(call("GET", "/queue/messages/..%2fqueues", { as: admin }))).toBe("not_found");
  });
});

describe("what is pushed to a URL", () => {
  let receiver: Callable;
  let failures = 0;
  beforeAll(async () => {
    receiver = await serveCallable(async ({ path }) => {
      if (path === "/slow") await delay(30);
      if (path !== "/failing") return 200;
      failures -= 1;
      return failures >= 0 ? 500 : 200;
    });
  });
  afterAll(() => receiver.stop());

  it("is a CloudEvent in structured mode that the queue has signed for that URL, tried again until it is taken", async () => {
    const channel = newChannel();
    failures = 2;
    const url = `${receiver.url}/failing`;
    const { id } = await enqueue(channel, { data: { n: 1 }, url, retries: 3, retryDelay: "20" });
    const keys = new Receiver({ currentSigningKey: CURRENT, nextSigningKey: NEXT });
    for (let attempt = 0; attempt < 3; attempt += 1) {
      const { headers, body } = await receiver.calls.next();
      expect(headers["content-type"]).toMatch(/^application\/cloudevents\+json/);
      expect(headers["upstash-retried"]).toBe(String(attempt));
      expect(JSON.parse(body)).toMatchObject({ specversion: "1.0", id, subject: channel, data: { n: 1 } });
      expect(await keys.verify({ signature: String(headers["upstash-signature"]), body, url })).toBe(true);
    }
    expect(await read(channel)).toEqual([]);
    expect(await deadLettersOf(channel)).toEqual([]);
  });

  it("tells a callback how it went, and another when it has failed for good", async () => {
    const channel = newChannel();
    failures = 1;
    const told = { callback: `${receiver.url}/told`, failureCallback: `${receiver.url}/failed` };
    const { messageId } = await enqueue(channel, { url: `${receiver.url}/failing`, retries: 0, ...told });
    const seen = [await receiver.calls.next(), await receiver.calls.next(), await receiver.calls.next()];
    expect(seen.map(({ path }) => path).sort()).toEqual(["/failed", "/failing", "/told"]);
    for (const path of ["/failed", "/told"]) {
      const { body } = seen.find((each) => each.path === path) ?? { body: "{}" };
      expect(JSON.parse(body)).toMatchObject({ status: 500, sourceMessageId: messageId });
    }
  });

  it("is a dead letter past its last attempt: listed for its owners, tried again, gone when that succeeds", async () => {
    const channel = newChannel("rooms");
    const ada = await server.signIn("ada");
    failures = 1;
    const { messageId, id } = await enqueue(
      channel,
      { data: 7, url: `${receiver.url}/failing`, retries: 0 },
      ada,
    );
    const letter = await deadLetterOf(channel, ada);
    const path = `/queue/dead-letters/${letter.id}`;
    const expected = {
      origin: "queue",
      channel,
      messageId,
      responseStatus: 500,
      responseBody: "answered 500",
    };
    expect(letter).toMatchObject({ ...expected, event: { id, data: 7 } });
    expect(await call("GET", path, { as: ada })).toEqual(letter);
    expect(await deadLettersOf(channel, admin)).toHaveLength(1);
    const stranger = await server.signIn("eve", { channels: { read: ["**"], write: ["demo/**"] } });
    for (const as of [server, stranger]) {
      expect(await deadLettersOf(channel, as)).toEqual([]);
      const code = as === server ? "unauthenticated" : "permission_denied";
      expect(await codeOf(call("GET", path, { as }))).toBe(code);
      expect(await codeOf(call("POST", `${path}/retry`, { as }))).toBe(code);
      expect(await codeOf(call("DELETE", path, { as }))).toBe(code);
    }
    const retried = await call<Enqueued>("POST", `${path}/retry`, { as: ada });
    expect(retried.messageId).toMatch(/^msg_/);
    await until("the end of the dead letter", async () =>
      (await deadLettersOf(channel, ada)).length === 0 ? true : undefined,
    );
    expect(await codeOf(call("GET", path, { as: ada }))).toBe("not_found");
    const [failed, succeeded] = [await receiver.calls.next(), await receiver.calls.next()];
    expect(succeeded.body).toBe(failed.body);
  });

  it("is given up where somebody says so, and a retry that fails is a dead letter again", async () => {
    const channel = newChannel();
    failures = 2;
    await enqueue(channel, { url: `${receiver.url}/failing`, retries: 0 });
    const first = await deadLetterOf(channel);
    await call("POST", `/queue/dead-letters/${first.id}/retry`);
    const second = await until("the second", async () =>
      (await deadLettersOf(channel)).find(({ id }) => id !== first.id),
    );
    await call("DELETE", `/queue/dead-letters/${second.id}`);
    expect(await codeOf(call("DELETE", `/queue/dead-letters/${second.id}`))).toBe("not_found");
    expect(await deadLettersOf(channel)).toEqual([]);
    await receiver.calls.next();
    await receiver.calls.next();
  });

  it("goes through a FIFO queue one after the other, or as many at once as its parallelism says", async () => {
    const [queue, channel] = [`fifo-${randomUUID().slice(0, 8)}`, newChannel()];
    const path = `/queue/queues/${queue}`;
    const send = async (count: number) => {
      const numbers = Array.from({ length: count }, (_, n) => n);
      for (const n of numbers) await enqueue(channel, { data: n, url: `${receiver.url}/slow`, queue });
      const seen: unknown[] = [];
      for (const _ of numbers) seen.push((JSON.parse((await receiver.calls.next()).body) as Event).data);
      return { numbers, seen };
    };
    expect(
      await codeOf(call("PUT", path, { body: { parallelism: 1 }, as: await server.signIn("ada") })),
    ).toBe("permission_denied");
    expect(await call("PUT", path, { body: { parallelism: 1 }, as: admin })).toMatchObject({
      name: queue,
      parallelism: 1,
    });
    const { numbers, seen } = await send(8);
    expect(seen).toEqual(numbers);
    expect(receiver.mostAtOnce).toBe(1);
    await call("PUT", path, { body: { parallelism: 4 }, as: admin });
    expect((await send(12)).seen).toHaveLength(12);
    expect(receiver.mostAtOnce).toBeGreaterThan(1);
    expect(receiver.mostAtOnce).toBeLessThanOrEqual(4);
    const { queues } = await call<{ queues: { name: string }[] }>("GET", "/queue/queues", { as: admin });
    expect(queues.find(({ name }) => name === queue)).toMatchObject({ parallelism: 4 });
    await call("DELETE", path, { as: admin });
    expect(await codeOf(call("GET", path, { as: admin }))).toBe("not_found");
  });

  it.each(["url", "callback", "failureCallback"])(
    "is never ourselves by '%s', whose word the queue's signature would be",
    async (name) => {
      for (const own of [PUBLIC_URL, `${PUBLIC_URL}:80/`, "HTTP://EVERYWIRE.localhost/a/../queue"]) {
        const target = `${own.replace(/\/$/, "")}/queue/deliveries/channels/rooms/secret`;
        expect(await codeOf(enqueue(newChannel(), { [name]: target })), target).toBe("invalid_argument");
      }
    },
  );
});

describe("a delivery", () => {
  const sign = async (
    url: string,
    body: string,
    options: { key?: string; age?: number; issuer?: string } = {},
  ) => {
    const now = Math.floor(Date.now() / 1000) - (options.age ?? 0);
    const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(body));
    return new SignJWT({ body: base64url.encode(new Uint8Array(digest)) })
      .setProtectedHeader({ alg: "HS256", typ: "JWT" })
      .setIssuer(options.issuer ?? "Upstash")
      .setSubject(url)
      .setIssuedAt(now)
      .setNotBefore(now)
      .setExpirationTime(now + 300)
      .sign(new TextEncoder().encode(options.key ?? CURRENT));
  };
  const deliver = (path: string, body: string, signature?: string) =>
    fetch(toUrl(server, path), {
      method: "POST",
      headers: {
        "content-type": "application/cloudevents+json",
        ...(signature === undefined ? {} : { "upstash-signature": signature }),
      },
      body,
    });
  const event = (id: string) => JSON.stringify({ specversion: "1.0", id, source: "/q", type: "t", data: id });

  it("is stored with the current and with the next key, and once however often it comes", async () => {
    const channel = newChannel("rooms");
    const path = `/queue/deliveries/channels/${channel}`;
    for (const [id, key] of [
      ["a", CURRENT],
      ["b", NEXT],
    ] as const) {
      const answers: object[] = [];
      for (let n = 0; n < 3; n += 1) {
        const response = await deliver(path, event(id), await sign(PUBLIC_URL + path, event(id), { key }));
        expect(response.status).toBe(200);
        answers.push((await response.json()) as object);
      }
      expect(answers).toMatchObject([{ duplicate: false }, { duplicate: true }, { duplicate: true }]);
    }
    expect((await read(channel, admin)).map(({ id }) => id)).toEqual(["a", "b"]);
  });

  it("is refused, and nothing of it stored, where the queue did not sign it for this address", async () => {
    const channel = newChannel("rooms");
    const path = `/queue/deliveries/channels/${channel}`;
    const [body, url] = [event("x"), PUBLIC_URL + path];
    const good = await sign(url, body);
    const encode = (part: object) => Buffer.from(JSON.stringify(part)).toString("base64url");
    const unsigned = `${encode({ alg: "none" })}.${encode({ iss: "Upstash", sub: url })}.`;
    const signatures: readonly [string, string | undefined][] = [
      ["none", undefined],
      ["no JWT", "garbage"],
      ["empty", ""],
      ["alg none", unsigned],
      ["another key", await sign(url, body, { key: "another key" })],
      ["an empty key", await sign(url, body, { key: "\u0000" })],
      ["expired", await sign(url, body, { age: 400 })],
      ["not yet", await sign(url, body, { age: -400 })],
      ["another issuer", await sign(url, body, { issuer: "Mallory" })],
      ["another channel", await sign(`${PUBLIC_URL}/queue/deliveries/channels/demo/x`, body)],
      ["the address that it came by", await sign(`${server.url}${path}`, body)],
      ["another body", await sign(url, event("y"))],
      ["cut", good.slice(0, -2)],
    ];
    for (const [name, signature] of signatures) {
      const response = await deliver(path, body, signature);
      expect(response.status, name).toBe(401);
      expect(((await response.json()) as { error: { code: string } }).error.code, name).toBe(
        "unauthenticated",
      );
    }
    expect(await read(channel, admin)).toEqual([]);
    const token = (admin as { token: string }).token;
    const asAdmin = await fetch(toUrl(server, path), {
      method: "POST",
      headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
      body,
    });
    expect(asAdmin.status, "a token is no signature").toBe(401);
    expect((await deliver(path, body, good)).status).toBe(200);
  });

  it("of a job is refused in the same way, and of an unknown one or a bad body told so", async () => {
    const path = "/queue/deliveries/jobs/advance-order";
    const body = '{"orderId":"ord_x","to":"processing"}';
    expect((await deliver(path, body)).status).toBe(401);
    expect((await deliver(path, body, await sign(PUBLIC_URL + path, body, { key: "other" }))).status).toBe(
      401,
    );
    // An order that is not there has nowhere to go.
    expect((await deliver(path, body, await sign(PUBLIC_URL + path, body))).status).toBe(200);
    const bad = '{"orderId":"ord_x","to":"delivered"}';
    expect((await deliver(path, bad, await sign(PUBLIC_URL + path, bad))).status).toBe(422);
    const unknown = "/queue/deliveries/jobs/delete-everything";
    expect((await deliver(unknown, body, await sign(PUBLIC_URL + unknown, body))).status).toBe(404);
    const get = await fetch(toUrl(server, path));
    expect([get.status, get.headers.get("allow")]).toEqual([405, "POST"]);
  });

  it("of what is no event is refused", async () => {
    const path = `/queue/deliveries/channels/${newChannel()}`;
    for (const body of [
      "nonsense",
      "[]",
      '{"type":"t"}',
      '{"specversion":"1.0","id":"1","source":"s","type":"everywire.gap"}',
    ]) {
      expect((await deliver(path, body, await sign(PUBLIC_URL + path, body))).status, body).toBe(400);
    }
  });
});

describe("enqueueing", () => {
  it("needs what publishing to the channel needs", async () => {
    const bob = await server.signIn("bob");
    expect(await codeOf(enqueue("rooms/x", {}))).toBe("unauthenticated");
    expect(await codeOf(enqueue("users/ada/inbox", {}, bob))).toBe("permission_denied");
    const url = "https://receiver.dev/";
    expect(await codeOf(enqueue("users/ada/inbox", { url }, bob))).toBe("permission_denied");
  });

  it.each([
    { delay: -1 },
    { delay: 1.5 },
    { delay: "soon" },
    { delay: "10" },
    { notBefore: "tomorrow" },
    { notBefore: Date.now() },
    { delay: 1, notBefore: 1 },
    { retries: -1 },
    { retries: 101 },
    { retries: "3" },
    { retryDelay: "what(ever" },
    { retryDelay: "1\n2" },
    { deduplicationId: "" },
    { deduplicationId: "x".repeat(201) },
    { queue: "a/b" },
    { queue: ".." },
    { queue: "q", delay: 1 },
    { url: "not a url" },
    { url: 7 },
    { type: "chat.typing" },
    { type: "everywire.gap" },
    { type: "" },
  ])("refuses %j", async (body) => {
    expect(await codeOf(enqueue(newChannel(), body))).toBe("invalid_argument");
  });

  it("keeps its own paths for itself, and takes events in two forms", async () => {
    for (const channel of ["messages", "queues/a/b", "dead-letters/a/b/c", "deliveries/x"]) {
      const code = await codeOf(enqueue(channel, {}, admin));
      expect(["invalid_argument", "method_not_allowed"], channel).toContain(code);
    }
    const path = `/queue/${newChannel()}`;
    for (const type of ["text/plain", "application/cloudevents-batch+json"]) {
      const response = await fetch(toUrl(server, path), {
        method: "POST",
        headers: { "content-type": type },
        body: "[]",
      });
      expect(response.status).toBe(415);
    }
    const response = await fetch(toUrl(server, path), { method: "PUT" });
    expect([response.status, response.headers.get("allow")]).toEqual([405, "GET, POST, HEAD, OPTIONS"]);
  });
});

describe("without a queue", () => {
  it.each([
    [
      "that is not set up says what is missing",
      { QSTASH_URL: "http://127.0.0.1:1" },
      /QSTASH_TOKEN.*PUBLIC_URL/,
      "off",
    ],
    [
      "that does not answer says so",
      {
        QSTASH_URL: "http://127.0.0.1:1",
        ALLOW_PRIVATE_WEBHOOKS: "off",
        QSTASH_TOKEN: "t",
        QSTASH_CURRENT_SIGNING_KEY: "a",
        QSTASH_NEXT_SIGNING_KEY: "b",
        PUBLIC_URL: "http://127.0.0.1:2",
      },
      /cannot be reached/,
      "unavailable",
    ],
  ])("%s, and the rest goes on", async (_name, environment, message, state) => {
    const alone = await serveTarget(environment);
    try {
      const error = await enqueue("demo/x", {}, alone).catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ code: "unavailable", message: expect.stringMatching(message) });
      for (const url of PRIVATE) {
        for (const name of ["url", "callback", "failureCallback"]) {
          const code = await codeOf(enqueue(newChannel(), { [name]: url }, alone));
          // Without a queue nobody looks at the URL; with one it is looked at before the queue is asked.
          expect(code, url).toBe(state === "off" ? "unavailable" : "invalid_argument");
        }
      }
      const ready = await fetch(`${alone.url}/ready`);
      expect(ready.status).toBe(200);
      expect(await ready.json()).toMatchObject({ dependencies: { queue: state } });
      const root = await alone.signIn("root", { roles: ["admin"] });
      const product = { name: "Lamp", category: "home", price: 1, stock: 1 };
      const { id } = await call<{ id: string }>("POST", "/api/v1/products", { body: product, as: root });
      const items = [{ productId: id, quantity: 1 }];
      const order = await call("POST", "/api/v1/orders", { body: { items }, as: root });
      expect(order).toMatchObject({ status: "pending" });
    } finally {
      await alone.stop();
    }
  });
});
