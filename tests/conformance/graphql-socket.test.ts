import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { WebSocket } from "ws";
import type { Target } from "./door-driver.ts";
import { connect, graphqlSocket } from "./doors/graphql-socket.ts";
import { http } from "./doors/http.ts";
import { EVENTS } from "./graphql-operations.ts";
import { toHeaders } from "./http-exchange.ts";
import { Received } from "./received-events.ts";
import type { ServedTarget } from "./serve-target.ts";
import { serveTarget } from "./serve-target.ts";

let server: ServedTarget;
beforeAll(async () => {
  server = await serveTarget({ HEARTBEAT_SECONDS: "1", MAX_SOCKET_SUBSCRIPTIONS: "3" });
});
afterAll(() => server.stop());

interface Message {
  readonly type: string;
  readonly id?: string;
  readonly payload?: unknown;
}

const publish = (channel: string, data: unknown) => http.publish?.(server, channel, { type: "t", data });

/** The protocol by hand: what graphql-ws's client would hide. */
async function open(
  options: {
    target?: Target;
    protocols?: string[];
    query?: string;
    isInitialised?: boolean;
    payload?: object;
  } = {},
) {
  const {
    target = server,
    protocols = ["graphql-transport-ws"],
    query = "",
    isInitialised = true,
    payload,
  } = options;
  const socket = new WebSocket(`${server.url.replace(/^http/, "ws")}/graphql${query}`, protocols, {
    headers: toHeaders(target),
  });
  const messages = new Received<Message>();
  const closed = Promise.withResolvers<{ code: number; reason: string }>();
  socket.on("message", (data) => messages.push(JSON.parse(String(data)) as Message));
  socket.on("close", (code, reason) => closed.resolve({ code, reason: String(reason) }));
  await new Promise((resolve, reject) => {
    socket.on("open", resolve);
    socket.on("error", reject);
  });
  const send = (message: unknown) =>
    socket.send(typeof message === "string" ? message : JSON.stringify(message));
  const next = async (type: string): Promise<Message> => {
    for (;;) {
      const message = await messages.next();
      if (message.type === type) return message;
    }
  };
  if (isInitialised) {
    send({ type: "connection_init", ...(payload === undefined ? {} : { payload }) });
    await next("connection_ack");
  }
  const subscribe = (id: string, channel: string, after?: string) =>
    send({ id, type: "subscribe", payload: { query: EVENTS, variables: { channel, after } } });
  return { socket, send, next, subscribe, closed: closed.promise };
}

describe("graphql-transport-ws", () => {
  it("carries queries, mutations and several subscriptions over one connection", async () => {
    const connection = await open();
    connection.subscribe("a", "demo/socket/a");
    connection.subscribe("b", "demo/socket/b");
    connection.send({ type: "ping", payload: { n: 1 } });
    expect((await connection.next("pong")).payload).toEqual({ n: 1 });
    await publish("demo/socket/b", "to b");
    expect(await connection.next("next")).toMatchObject({
      id: "b",
      payload: { data: { events: { data: "to b" } } },
    });
    connection.send({ id: "q", type: "subscribe", payload: { query: "{ __typename }" } });
    expect(await connection.next("next")).toEqual({
      id: "q",
      type: "next",
      payload: { data: { __typename: "Query" } },
    });
    expect(await connection.next("complete")).toEqual({ id: "q", type: "complete" });
    connection.send({ id: "b", type: "complete" });
    connection.send({ type: "ping" });
    await connection.next("pong");
    await publish("demo/socket/b", "nobody listens");
    await publish("demo/socket/a", "to a");
    expect(await connection.next("next")).toMatchObject({
      id: "a",
      payload: { data: { events: { data: "to a" } } },
    });
    connection.socket.close();
  });

  it("answers a ping when the subscriptions before it are live, so that nothing is missed from then on", async () => {
    for (let n = 0; n < 20; n += 1) {
      const connection = await open();
      connection.subscribe("a", "demo/socket/live");
      connection.send({ type: "ping" });
      await connection.next("pong");
      await publish("demo/socket/live", n);
      expect(await connection.next("next")).toMatchObject({ payload: { data: { events: { data: n } } } });
      connection.socket.close();
    }
  });

  it("tells what is wrong with one operation, and goes on with the others", async () => {
    const connection = await open();
    const code = async (payload: object) => {
      connection.send({ id: "x", type: "subscribe", payload });
      const message = await connection.next("error");
      return (message.payload as { extensions: { code: string } }[])[0]?.extensions;
    };
    expect(await code({ query: "{" })).toEqual({ code: "invalid_argument" });
    expect(await code({ query: "{ nothing }" })).toEqual({ code: "invalid_argument" });
    expect(await code({ query: `{ ${"a: __typename ".repeat(3000)} }` })).toEqual({
      code: "invalid_argument",
    });
    connection.send({ id: "y", type: "subscribe", payload: { query: "{ users { id } }" } });
    expect(await connection.next("next")).toMatchObject({
      payload: { data: null, errors: [{ path: ["users"], extensions: { code: "unauthenticated" } }] },
    });
    for (const id of ["1", "2", "3"]) connection.subscribe(id, "demo/socket/many");
    expect(await code({ query: "{ __typename }" })).toEqual({ code: "rate_limited" });
    connection.send({ id: "1", type: "complete" });
    connection.send({ id: "z", type: "subscribe", payload: { query: "{ __typename }" } });
    expect(await connection.next("next")).toMatchObject({ id: "z" });
    connection.socket.close();
  });

  it("pings, as a sign of life", async () => {
    const connection = await open();
    const { payload } = await connection.next("ping");
    connection.send({ type: "pong", payload });
    await connection.next("ping");
    connection.socket.close();
  });

  it.each([
    [
      "anything before connection_init",
      '{"id":"1","type":"subscribe","payload":{"query":"{ __typename }"}}',
      4401,
    ],
    ["what is no JSON", "hello", 4400],
    ["what is no message", '{"type":"hello"}', 4400],
    [
      "too large a message",
      JSON.stringify({ id: "1", type: "subscribe", payload: { query: "x".repeat(1024 * 1024) } }),
      1009,
    ],
  ])("closes the connection for %s", async (_name, message, code) => {
    const connection = await open({ isInitialised: false });
    connection.send(message);
    expect((await connection.closed).code).toBe(code);
  });

  it("closes the connection for a second connection_init, for an id in use, and without the subprotocol", async () => {
    const twice = await open();
    twice.send({ type: "connection_init" });
    expect((await twice.closed).code).toBe(4429);
    const same = await open();
    same.subscribe("a", "demo/socket/same");
    same.subscribe("a", "demo/socket/same");
    expect((await same.closed).code).toBe(4409);
    const other = await open({ protocols: [], isInitialised: false });
    expect((await other.closed).code).toBe(4406);
  });
});

describe("who is at the other end", () => {
  it.each([
    ["a header", async () => open({ target: await server.signIn("alice") })],
    ["the query", async () => open({ query: `?access_token=${(await server.signIn("alice")).token}` })],
    [
      "a subprotocol",
      async () =>
        open({ protocols: ["graphql-transport-ws", `bearer.${(await server.signIn("alice")).token}`] }),
    ],
    [
      "connection_init as authorization",
      async () => open({ payload: { authorization: `Bearer ${(await server.signIn("alice")).token}` } }),
    ],
    [
      "connection_init as token",
      async () => open({ payload: { token: (await server.signIn("alice")).token } }),
    ],
  ])("is known by %s", async (_name, connect) => {
    const connection = await connect();
    connection.subscribe("a", "users/alice/inbox", "earliest");
    connection.send({ type: "ping" });
    await connection.next("pong");
    const admin = await server.signIn("root", { roles: ["admin"] });
    await http.publish?.(admin, "users/alice/inbox", { type: "t" });
    expect(await connection.next("next")).toMatchObject({
      id: "a",
      payload: { data: { events: { type: "t" } } },
    });
    connection.socket.close();
  });

  it("is not guessed at: a bad token in connection_init ends the connection with 4401", async () => {
    const connection = await open({ isInitialised: false });
    connection.send({ type: "connection_init", payload: { authorization: "Bearer garbage" } });
    expect(await connection.closed).toMatchObject({ code: 4401, reason: expect.stringContaining("token") });
  });

  it("is let go when the token expires", async () => {
    const connection = await open({ target: await server.signIn("carol", { expiresIn: 2 }) });
    connection.subscribe("a", "rooms/lobby");
    expect(await connection.closed).toEqual({ code: 4401, reason: "The token has expired." });
  });
});

describe("a slow or broken connection", () => {
  it("resumes by itself from the last sequence, with graphql-ws's own client", async () => {
    const channel = "demo/socket/resume";
    const reader = await graphqlSocket.read?.(server, channel);
    for (let n = 0; n < 5; n += 1) await publish(channel, n);
    for (let n = 0; n < 3; n += 1) expect((await reader?.next())?.event.data).toBe(n);
    await reader?.cut();
    await publish(channel, 5);
    const again = await graphqlSocket.read?.(server, channel, reader?.cursor);
    for (let n = 3; n < 6; n += 1) expect((await again?.next())?.event.data).toBe(n);
    await again?.cut();
  });

  it("gets a long backlog whole and in order, without being cut", async () => {
    const channel = "demo/socket/backlog";
    const text = "x".repeat(100 * 1024);
    for (let n = 0; n < 150; n += 1) await publish(channel, { n, text });
    const { client } = connect(server);
    let seen = 0;
    for await (const answer of client.iterate({ query: EVENTS, variables: { channel, after: "earliest" } })) {
      expect((answer.data as { events: { data: { n: number } } }).events.data.n).toBe(seen);
      seen += 1;
      if (seen === 150) break;
    }
    await client.dispose();
  });
});
