import { createHmac, randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { createConnectTransport, createGrpcWebTransport } from "@connectrpc/connect-node";
import { SignJWT } from "jose";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { WebSocket } from "ws";
import { ChannelService } from "../../proto/gen/everywire/v1/channel_service_pb.ts";
import { ErrorInfoSchema, RetryInfoSchema } from "../../proto/gen/google/rpc/error_details_pb.ts";
import { ServerReflection } from "../../proto/gen/grpc/reflection/v1/reflection_pb.ts";
import type { Published, Target } from "./door-driver.ts";
import { DoorError } from "./door-driver.ts";
import { toTransportOptions } from "./doors/connect-target.ts";
import { connectRpc } from "./doors/json-rpc.ts";
import { connectLines } from "./doors/tcp.ts";
import { connect } from "./doors/websocket.ts";
import { publishers } from "./doors.ts";
import { toHeaders, toUrl } from "./http-exchange.ts";
import { Received } from "./received-events.ts";
import type { ServedTarget } from "./serve-target.ts";
import { serveTarget } from "./serve-target.ts";

const SECRET = "a-secret-of-some-length-for-all-uses";
const PUBLISHES = 60;
const REQUESTS = 120;

/** With the rates of CONTRACT §6 as they come. */
let served: ServedTarget;
beforeAll(async () => {
  served = await serveTarget(
    { RATE_LIMITS: "on", GITHUB_WEBHOOK_SECRET: SECRET, JWT_SECRET: SECRET },
    { withGateway: true },
  );
}, 60_000);
afterAll(() => served.stop());

const newChannel = () => `demo/${randomUUID()}`;

/** Somebody whose buckets are full: every test has its own. Asking the server for tokens would count as well. */
async function newUser(roles: readonly string[] = []): Promise<Target> {
  const token = await new SignJWT({ roles: [...roles] })
    .setProtectedHeader({ alg: "HS256" })
    .setSubject(`user-${randomUUID()}`)
    .setExpirationTime("1h")
    .sign(new TextEncoder().encode(SECRET));
  return { url: served.url, tcpPorts: served.tcpPorts, gateway: served.gateway, token };
}

/** Everything on a channel, read by somebody else. */
async function readAll(channel: string): Promise<readonly Record<string, unknown>[]> {
  const reader = await newUser();
  const url = toUrl(reader, `/channels/${channel}`, { after: "earliest", limit: "1000" });
  const { events } = (await (await fetch(url, { headers: toHeaders(reader) })).json()) as {
    events: Record<string, unknown>[];
  };
  return events;
}

const post = (target: Target, path: string, body: unknown, type = "application/json") =>
  fetch(toUrl(target, path), {
    method: "POST",
    headers: toHeaders(target, { "content-type": type }),
    body: typeof body === "string" ? body : JSON.stringify(body),
  });

const callOf = (id: number | undefined, method: string, params: unknown) => ({
  jsonrpc: "2.0",
  id,
  method,
  params,
});

/** Publishes more at once than fit into a second, all of it stored, so that this publisher has to wait. */
async function overdraw(target: Target, channel: string, count: number): Promise<void> {
  expect((await post(target, `/channels/${channel}`, [{ type: "first" }])).status).toBe(201);
  const events = Array.from({ length: count - 1 }, () => ({ type: "first" }));
  // Another bucket than the one that is meant to be empty would be worn out by trying until there is room.
  for (let tries = 0; ; tries += 1) {
    const { status } = await post(target, `/v1/stream/${channel}`, events);
    if (status < 300) return;
    expect([status, tries < 20]).toEqual([429, true]);
    await delay(50);
  }
}

/** Uses up a caller's requests, or nearly: they come back one every 8 ms. */
async function exhaust(target: Target): Promise<void> {
  const batch = Array.from({ length: 100 }, (_, id) => callOf(id, "channel.presence", ["demo/none"]));
  await Promise.all([batch, batch, batch].map((calls) => post(target, "/rpc", calls)));
}

/** Repeats what is refused once a caller has used up its requests: on a slow machine they may be back first. */
async function untilRefused(target: Target, attempt: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 20; tries += 1) {
    const [isRefused] = await Promise.all([attempt(), exhaust(target)]);
    if (isRefused) return;
  }
  throw new Error("Nothing was refused.");
}

/** What a caller is told that has used up its requests. */
async function whenExhausted<T>(
  ask: (target: Target) => Promise<T>,
  isRefusal: (answer: T) => boolean,
): Promise<T> {
  const target = await newUser();
  for (let tries = 0; tries < 20; tries += 1) {
    await exhaust(target);
    // What comes back meanwhile is taken too.
    const [, ...answers] = await Promise.all([
      exhaust(target),
      ...Array.from({ length: 20 }, () => ask(target)),
    ]);
    const refused = answers.find(isRefusal);
    if (refused !== undefined) return refused;
  }
  throw new Error("Nothing was refused.");
}

describe.concurrent.each(publishers)("publishing through $name, over the rate", (door) => {
  it("is answered rate_limited, keeps what was acknowledged, and holds up nobody else", async ({
    expect,
  }) => {
    const channel = newChannel();
    const target = await newUser();
    await overdraw(target, channel, 3 * PUBLISHES);
    const publish = (to: string, from: Target = target) => door.publish(from, to, { type: "then" });
    const outcomes = await Promise.allSettled(Array.from({ length: 20 }, () => publish(channel)));
    const refused = outcomes.flatMap((one) => (one.status === "rejected" ? [one.reason as unknown] : []));
    const acknowledged = outcomes.flatMap((one) => (one.status === "fulfilled" ? [one.value] : []));
    expect(refused.length).toBeGreaterThan(0);
    for (const reason of refused) {
      expect(reason).toBeInstanceOf(DoorError);
      expect(reason).toMatchObject({ code: "rate_limited" });
    }
    await publish(newChannel());
    acknowledged.push(await publish(channel, await newUser()));
    await expect
      .poll(() => publish(channel).then((receipt) => acknowledged.push(receipt), String), {
        timeout: 15_000,
        interval: 200,
      })
      .toEqual(expect.any(Number));
    const events = await readAll(channel);
    expect(events.filter(({ type }) => type === "first")).toHaveLength(3 * PUBLISHES);
    const stored = events.filter(({ type }) => type === "then").map(({ sequence }) => sequence);
    expect(stored.sort()).toEqual(acknowledged.map(({ sequence }) => sequence).sort());
  }, 40_000);
});

describe("over HTTP, more than 120 requests a second", () => {
  const gets: readonly (readonly [name: string, path: string])[] = [
    ["http", "/channels/demo/a"],
    ["sse", "/sse/demo/a"],
    ["long-poll", "/poll/demo/a?timeout=0"],
    ["stream", "/stream/demo/a"],
    ["durable-streams", "/v1/stream/demo/a"],
    ["rest", "/api/v1/posts"],
    ["openapi", "/openapi.json"],
    ["system", "/capabilities"],
    ["no door", "/nowhere"],
  ];

  it.concurrent.each(gets)("are answered 429 by %s, with Retry-After and RateLimit", async (_name, path) => {
    const response = await whenExhausted(
      async (target) => {
        const leave = new AbortController();
        const answer = await fetch(toUrl(target, path), { headers: toHeaders(target), signal: leave.signal });
        // A stream that was opened is not read.
        if (answer.status !== 429) leave.abort();
        return answer;
      },
      ({ status }) => status === 429,
    );
    expect(response.headers.get("retry-after")).toBe("1");
    expect(response.headers.get("ratelimit")).toBe('"requests";r=0;t=1');
    expect(response.headers.get("ratelimit-policy")).toBe('"requests";q=120;w=1, "publishes";q=60;w=1');
    expect(await response.json()).toMatchObject({
      error: { code: "rate_limited", message: "At most 120 requests a second.", details: {} },
    });
  });

  it.concurrent("are RFC 9457 problems where that is asked for", async () => {
    const response = await whenExhausted(
      (target) =>
        fetch(toUrl(target, "/api/v1/users"), {
          headers: toHeaders(target, { accept: "application/problem+json" }),
        }),
      ({ status }) => status === 429,
    );
    expect(response.headers.get("content-type")).toBe("application/problem+json");
    expect(await response.json()).toMatchObject({ status: 429, code: "rate_limited" });
  });

  it.concurrent.each(["/ws/demo/a", "/rpc", "/graphql", "/tcp"])(
    "refuse the upgrade of %s with 429",
    async (path) => {
      const { status, headers } = await whenExhausted(
        (target) => upgrade(target, path),
        (answer) => answer.status === 429,
      );
      expect([status, headers["retry-after"]]).toEqual([429, "1"]);
    },
  );

  it.concurrent("are GraphQL errors with their code, and 429", async () => {
    const query = { query: "{ __typename }" };
    const response = await whenExhausted(
      (target) => post(target, "/graphql", query),
      ({ status }) => status === 429,
    );
    expect(response.headers.get("retry-after")).toBe("1");
    expect(await response.json()).toEqual({
      errors: [
        {
          message: "At most 120 requests a second.",
          extensions: { code: "rate_limited", retryAfterMs: expect.any(Number) },
        },
      ],
    });
  });

  it.concurrent("are JSON-RPC errors", async () => {
    const response = await whenExhausted(
      (target) => post(target, "/rpc", callOf(1, "channel.presence", ["demo/a"])),
      ({ status }) => status === 429,
    );
    expect(response.headers.get("retry-after")).toBe("1");
    expect(await response.json()).toEqual({
      jsonrpc: "2.0",
      id: null,
      error: {
        code: -32029,
        message: expect.any(String),
        data: { code: "rate_limited", retryAfterMs: expect.any(Number) },
      },
    });
  });

  it.concurrent.each([
    ["Connect", createConnectTransport],
    ["gRPC-Web", createGrpcWebTransport],
  ] as const)("are resource_exhausted with RetryInfo over %s", async (_name, createTransport) => {
    for (const kind of ["unary", "stream"] as const) {
      const error = await whenExhausted(
        async (target) => {
          const leave = new AbortController();
          const transport = createTransport({ httpVersion: "1.1", ...toTransportOptions(target) });
          const client = createClient(ChannelService, transport);
          try {
            if (kind === "unary") await client.read({ channel: "demo/a" });
            else {
              const live = client.subscribe(
                { channel: "demo/a" },
                {
                  signal: leave.signal,
                  onHeader: (headers) => headers.has("everywire-cursor") && leave.abort(),
                },
              );
              for await (const _ of live);
            }
          } catch (thrown) {
            return ConnectError.from(thrown);
          }
          return undefined;
        },
        (answer) => answer?.code === Code.ResourceExhausted,
      );
      expect(error?.findDetails(ErrorInfoSchema)[0]?.reason).toBe("rate_limited");
      expect(error?.findDetails(RetryInfoSchema)).toHaveLength(1);
    }
  });

  it.concurrent("leave other callers alone, and health probes", async () => {
    const [one, other] = [await newUser(), await newUser()];
    await exhaust(one);
    for (let n = 0; n < 20; n += 1) {
      expect((await fetch(toUrl(other, "/channels/demo/a"), { headers: toHeaders(other) })).status).toBe(200);
      expect((await fetch(toUrl(one, "/health"), { headers: toHeaders(one) })).status).toBe(200);
    }
  });

  it.concurrent("come back, and are not held against the caller", async ({ expect }) => {
    const target = await newUser();
    await exhaust(target);
    await expect
      .poll(async () => (await fetch(toUrl(target, "/capabilities"), { headers: toHeaders(target) })).status)
      .toBe(200);
  });
});

describe("one connection, or one request, with many operations in it", () => {
  const flood = 3 * REQUESTS;
  const isRateLimited = (error: unknown) => (error as { code?: unknown }).code === "rate_limited";

  it("on a WebSocket is answered frame by frame, and goes on", async () => {
    const channel = newChannel();
    const { socket, operations } = await connect(await newUser(), channel);
    const take = async (frames: readonly object[]) => {
      for (const frame of frames) socket.send(JSON.stringify(frame));
      const answers = [];
      while (answers.length < frames.length) answers.push(await operations.next());
      return answers;
    };
    // Nothing of it is stored, but others are told: it is a publish all the same. Fewer than a second's worth of frames.
    const typing = await take(Array.from({ length: 115 }, (_, ref) => ({ type: "chat.typing", ref })));
    const overRate = expect.objectContaining({
      op: "error",
      message: expect.stringContaining("60 publishes"),
    });
    expect(typing).toContainEqual(overRate);
    const frames = (frame: object) => Array.from({ length: flood }, (_, ref) => ({ ...frame, ref }));
    for (const frame of [{ op: "who" }, { op: "ping" }, { type: "stored" }]) {
      const answers = await take(frames(frame));
      const refused = answers.filter(({ op }) => op === "error");
      expect(answers.map(({ ref }) => ref)).toEqual(answers.map((_, ref) => ref));
      expect(refused.length, JSON.stringify(frame)).toBeGreaterThan(0);
      for (const error of refused) {
        expect(error).toMatchObject({ code: "rate_limited", retryAfterMs: expect.any(Number) });
      }
      if (!("type" in frame) || frame.type !== "stored") continue;
      const acknowledged = answers.flatMap(({ op, sequence }) => (op === "ack" ? [sequence] : []));
      expect((await readAll(channel)).map(({ sequence }) => sequence)).toEqual(acknowledged);
    }
    await expect.poll(async () => (await take([{ type: "later", ack: "l" }]))[0]?.op).toBe("ack");
    socket.close();
  });

  it("on a TCP connection is answered line by line, and goes on", async () => {
    const channel = newChannel();
    const target = await newUser();
    const lines = await connectLines(target);
    const take = async (op: object) => {
      for (let ref = 0; ref < flood; ref += 1) lines.send({ ...op, ref });
      const answers = [];
      while (answers.length < flood) answers.push(await lines.answers.next());
      expect(answers.map(({ ref }) => ref)).toEqual(answers.map((_, ref) => ref));
      const refused = answers.filter(({ op: kind }) => kind === "error");
      expect(refused.length, JSON.stringify(op)).toBeGreaterThan(0);
      expect(refused.every(isRateLimited)).toBe(true);
      return answers;
    };
    await take({ op: "ping" });
    const answers = await take({ op: "publish", channel, type: "t" });
    const acknowledged = answers.flatMap(({ op, sequence }) => (op === "ack" ? [sequence] : []));
    expect((await readAll(channel)).map(({ sequence }) => sequence)).toEqual(acknowledged);
    await expect
      .poll(() => lines.ask({ op: "publish", channel, type: "t" }).then(({ op }) => op, String))
      .toBe("ack");
    lines.socket.destroy();
  });

  it("on a GraphQL connection is answered operation by operation, and goes on", async () => {
    const target = await newUser();
    const socket = new WebSocket(toUrl(target, "/graphql").replace(/^http/, "ws"), "graphql-transport-ws", {
      headers: toHeaders(target),
    });
    const received = new Received<{ type: string; id?: string; payload?: unknown }>();
    socket.on("message", (data) => received.push(JSON.parse(String(data))));
    socket.on("close", (code) => received.end(new Error(`closed: ${code}`)));
    await new Promise((resolve) => socket.on("open", resolve));
    socket.send(JSON.stringify({ type: "connection_init" }));
    expect(await received.next()).toMatchObject({ type: "connection_ack" });
    // Fewer than may run at once, which is another limit.
    const askMany = async (count: number) => {
      const answers = new Map<string, unknown>();
      for (let n = 0; n < count; n += 1) {
        const id = randomUUID();
        answers.set(id, undefined);
        socket.send(JSON.stringify({ id, type: "subscribe", payload: { query: "{ __typename }" } }));
      }
      while ([...answers.values()].includes(undefined)) {
        const { id = "", type, payload } = await received.next();
        if (type === "complete") answers.set(id, "complete");
        if (type === "error") answers.set(id, (payload as { extensions: unknown }[])[0]?.extensions);
      }
      return [...answers.values()];
    };
    await untilRefused(target, async () => {
      const refused = (await askMany(50)).filter((answer) => answer !== "complete");
      for (const extensions of refused) {
        expect(extensions).toEqual({ code: "rate_limited", retryAfterMs: expect.any(Number) });
      }
      return refused.length > 0;
    });
    await expect.poll(() => askMany(1)).toEqual(["complete"]);
    socket.close();
  });

  it("in one GraphQL document counts each mutation", async () => {
    const target = await newUser();
    await untilRefused(target, async () => {
      const channel = newChannel();
      const fields = Array.from(
        { length: 50 },
        (_, n) => `m${n}: publish(channel: "${channel}", type: "t") { sequence }`,
      );
      const answer = await post(target, "/graphql", { query: `mutation { ${fields.join(" ")} }` });
      type Failure = { message: string; path?: string[]; extensions: { code: string } };
      const { errors = [] } = (await answer.json()) as { errors?: Failure[] };
      for (const { message, extensions } of errors) {
        expect([message, extensions.code]).toEqual(["At most 120 requests a second.", "rate_limited"]);
      }
      // Without a path it is the request that was refused, and none of its mutations.
      return errors.some(({ path }) => path !== undefined);
    });
  });

  it("in a JSON-RPC batch counts each call, and stores what it acknowledges", async () => {
    const target = await newUser();
    const channel = newChannel();
    const batch = Array.from({ length: 100 }, (_, id) => callOf(id, "channel.publish", [channel, "t"]));
    type Answer = { id: number; result?: Published; error?: { data: unknown } };
    const answers: Answer[] = [];
    for (const response of await Promise.all(
      [batch, batch, batch].map((calls) => post(target, "/rpc", calls)),
    )) {
      // A request that comes last may find nothing left for itself; then none of its calls was run.
      if (response.status === 200) answers.push(...((await response.json()) as Answer[]));
      else expect(response.status).toBe(429);
    }
    expect(answers.length).toBeGreaterThanOrEqual(100);
    const refused = answers.flatMap(({ error }) => (error === undefined ? [] : [error.data]));
    expect(refused.length).toBeGreaterThan(0);
    expect(refused.every(isRateLimited)).toBe(true);
    const acknowledged = answers.flatMap(({ result }) => (result === undefined ? [] : [result.sequence]));
    expect((await readAll(channel)).map(({ sequence }) => sequence)).toEqual(acknowledged.sort());

    const long = Array.from({ length: 1000 }, (_, id) => callOf(id, "channel.presence", [channel]));
    expect(await (await post(await newUser(), "/rpc", long)).json()).toMatchObject({
      error: { data: { code: "payload_too_large" } },
    });
  });

  it("on a JSON-RPC connection counts each call, also of two connections together", async () => {
    const target = await newUser();
    const connections = [await connectRpc(target), await connectRpc(target)];
    for (const { call } of connections) {
      await untilRefused(target, async () => {
        const calls = Array.from({ length: 50 }, () => call("channel.presence", ["demo/a"]));
        const outcomes = await Promise.allSettled(calls);
        const refused = outcomes.flatMap((one) => (one.status === "rejected" ? [one.reason as unknown] : []));
        expect(refused.every(isRateLimited)).toBe(true);
        return refused.length > 0;
      });
    }
    for (const { socket, call } of connections) {
      await expect.poll(() => call("channel.presence", ["demo/a"]).then(() => "ok", String)).toBe("ok");
      socket.terminate();
    }
  });

  it("counts what is no call, too", async () => {
    const target = await newUser();
    const batch = Array.from({ length: 100 }, () => 1);
    await untilRefused(target, async () => {
      const response = await post(target, "/rpc", batch);
      if (response.status !== 200) return false;
      const answers = (await response.json()) as { error: { code: number } }[];
      const codes = answers.map(({ error }) => error.code);
      expect([-32600, -32029]).toEqual(expect.arrayContaining(codes));
      return codes.includes(-32029);
    });
  });

  it("of NDJSON lines is answered line by line, and stores what it acknowledges", async () => {
    const channel = newChannel();
    const lines = Array.from({ length: flood }, (_, n) => `{"type":"t","data":${n}}\n`).join("");
    const response = await post(await newUser(), `/stream/${channel}`, lines, "application/x-ndjson");
    type Answer = { line: number; sequence?: string; error?: unknown };
    const answers = (await response.text())
      .split("\n")
      .filter(Boolean)
      .map((line) => JSON.parse(line) as Answer);
    expect(answers.map(({ line }) => line)).toEqual(answers.map((_, index) => index + 1));
    expect(answers).toHaveLength(flood);
    const refused = answers.flatMap(({ error }) => (error === undefined ? [] : [error]));
    expect(refused.length).toBeGreaterThan(0);
    expect(refused.every(isRateLimited)).toBe(true);
    const acknowledged = answers.flatMap(({ sequence }) => sequence ?? []);
    expect((await readAll(channel)).map(({ sequence }) => sequence)).toEqual(acknowledged);
  });

  it("of a Connect client stream ends where the rate does, and says how far it came", async () => {
    const channel = newChannel();
    const transport = createConnectTransport({ httpVersion: "1.1", ...toTransportOptions(await newUser()) });
    async function* requests() {
      for (let n = 0; n < flood; n += 1) yield { channel, type: "t" };
    }
    const error = await createClient(ChannelService, transport)
      .publishStream(requests())
      .then(() => undefined, ConnectError.from);
    expect(error?.code).toBe(Code.ResourceExhausted);
    const [info] = error?.findDetails(ErrorInfoSchema) ?? [];
    expect(info?.reason).toBe("rate_limited");
    const events = await readAll(channel);
    expect(info?.metadata).toMatchObject({
      published: String(events.length),
      last_sequence: events.at(-1)?.sequence,
    });
  });

  it("of questions to reflection answers each, and refuses in its own way", async () => {
    const transport = createGrpcWebTransport({ httpVersion: "1.1", ...toTransportOptions(await newUser()) });
    async function* questions() {
      for (let n = 0; n < flood; n += 1) {
        yield { messageRequest: { case: "listServices" as const, value: "" } };
      }
    }
    const cases: unknown[] = [];
    for await (const { messageResponse } of createClient(ServerReflection, transport).serverReflectionInfo(
      questions(),
    )) {
      cases.push(
        messageResponse.case === "errorResponse" ? messageResponse.value.errorCode : messageResponse.case,
      );
    }
    expect(cases).toHaveLength(flood);
    expect(new Set(cases)).toEqual(new Set(["listServicesResponse", Code.ResourceExhausted]));
  });
});

it("counts tokens that are not good, so that trying them is not free", async () => {
  // Of the anonymous caller, whom every other test here leaves alone.
  const statuses = new Set<number>();
  for (let tries = 0; tries < 20 && !statuses.has(429); tries += 1) {
    const guesses = Array.from({ length: 2 * REQUESTS }, (_, n) =>
      fetch(toUrl(served, "/capabilities"), { headers: { authorization: `Bearer guess-${n}` } }),
    );
    for (const { status } of await Promise.all(guesses)) statuses.add(status);
  }
  expect(statuses).toEqual(new Set([401, 429]));
});

it("takes a verified webhook at the publish rate of its source, whoever else sends there", async () => {
  const send = (secret: string) =>
    fetch(toUrl(served, "/webhooks/in/github"), {
      method: "POST",
      headers: {
        "x-github-event": "push",
        "x-github-delivery": randomUUID(),
        "x-hub-signature-256": `sha256=${createHmac("sha256", secret).update("{}").digest("hex")}`,
      },
      body: "{}",
    });
  const refusals: Response[] = [];
  let stored = 0;
  for (let tries = 0; tries < 20 && refusals.length === 0; tries += 1) {
    for (const answer of await Promise.all(Array.from({ length: 100 }, () => send(SECRET)))) {
      if (answer.status === 200) stored += 1;
      else refusals.push(answer);
    }
  }
  for (const { status, headers } of refusals) {
    expect([status, headers.get("retry-after")]).toEqual([429, expect.stringMatching(/^[1-9]$/)]);
  }
  expect(refusals.length).toBeGreaterThan(0);
  expect(await readAll("webhooks/github")).toHaveLength(stored);
  // Who cannot sign is refused, and takes nothing of the sender's rate.
  await expect.poll(async () => (await send("other")).status).toBe(401);
  await expect.poll(async () => (await send(SECRET)).status, { timeout: 10_000 }).toBe(200);
});

it("is off with RATE_LIMITS=off, everywhere", async () => {
  const free = await serveTarget({ RATE_LIMITS: "off" });
  try {
    const target = await free.signIn("fast");
    const channel = newChannel();
    const batch = Array.from({ length: 100 }, (_, id) => callOf(id, "channel.publish", [channel, "t"]));
    const answers = await Promise.all([batch, batch, batch].map((calls) => post(target, "/rpc", calls)));
    for (const answer of answers) expect(await answer.text()).not.toContain("rate_limited");
    const { socket, operations } = await connect(target, channel);
    for (let ref = 0; ref < 400; ref += 1) socket.send(JSON.stringify({ op: "who", ref }));
    for (let ref = 0; ref < 400; ref += 1) expect(await operations.next()).toMatchObject({ op: "who", ref });
    socket.close();
  } finally {
    await free.stop();
  }
});

/** Asks for an upgrade; one that succeeds is closed again. */
function upgrade(target: Target, path: string) {
  const { promise, resolve, reject } = Promise.withResolvers<{
    readonly status: number;
    readonly headers: Readonly<Record<string, unknown>>;
  }>();
  const protocols = path === "/graphql" ? ["graphql-transport-ws"] : [];
  const socket = new WebSocket(toUrl(target, path).replace(/^http/, "ws"), protocols, {
    headers: toHeaders(target),
  });
  socket.on("open", () => {
    socket.terminate();
    resolve({ status: 101, headers: {} });
  });
  socket.on("unexpected-response", (_request, response) => {
    response.resume();
    resolve({ status: response.statusCode ?? 0, headers: response.headers });
  });
  socket.on("error", reject);
  return promise;
}
