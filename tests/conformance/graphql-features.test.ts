import { createHash } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Target } from "./door-driver.ts";
import { request } from "./doors/graphql.ts";
import { readBlocks } from "./doors/sse.ts";
import { assertNoErrors } from "./graphql-operations.ts";
import { toHeaders } from "./http-exchange.ts";
import type { ServedTarget } from "./serve-target.ts";
import { serveTarget } from "./serve-target.ts";

let server: ServedTarget;
let admin: Target;
let alice: Target & { readonly token: string };
beforeAll(async () => {
  server = await serveTarget({ ORDER_STEP_SECONDS: "3600" });
  admin = await server.signIn("root", { roles: ["admin"] });
  alice = await server.signIn("alice");
});
afterAll(() => server.stop());

type Data = Readonly<Record<string, never>>;
const ask = async (target: Target, query: string, variables?: object) =>
  assertNoErrors(await request(target, query, variables as Record<string, unknown>)) as Data;
const errorOf = async (target: Target, query: string, variables?: object) => {
  const { errors } = await request(target, query, variables as Record<string, unknown>);
  return errors?.[0]?.extensions as { code: string; details?: object } | undefined;
};
const post = (body: unknown, headers: Record<string, string> = {}, target: Target = server) =>
  fetch(`${server.url}/graphql`, {
    method: "POST",
    headers: toHeaders(target, { "content-type": "application/json", ...headers }),
    body: JSON.stringify(body),
  });
const createUser = async (name: string) =>
  (
    (await ask(admin, "mutation ($input: UserInput!) { createUser(input: $input) { id name email } }", {
      input: { name, email: `${name.replaceAll(" ", ".")}@example.org` },
    })) as unknown as { createUser: { id: string; name: string } }
  ).createUser;

describe("resources", () => {
  it("are created, changed, related to each other and deleted", async () => {
    const user = await createUser("Grace Hopper");
    const { createPost } = (await ask(
      admin,
      "mutation ($i: PostInput!) { createPost(input: $i) { id author { name } } }",
      {
        i: { title: "Compilers", content: "...", authorId: user.id },
      },
    )) as unknown as { createPost: { id: string; author: { name: string } } };
    expect(createPost.author.name).toBe("Grace Hopper");
    const comment =
      'mutation ($p: ID!) { addComment(postId: $p, content: "Nice") { content author { id } post { title } } }';
    expect(await ask(alice, comment, { p: createPost.id })).toEqual({
      addComment: { content: "Nice", author: null, post: { title: "Compilers" } },
    });
    const patch =
      'mutation ($id: ID!) { updateUser(id: $id, input: { name: "Rear Admiral Hopper", tags: ["navy"] }) { name tags email } }';
    expect(await ask(admin, patch, { id: user.id })).toEqual({
      updateUser: { name: "Rear Admiral Hopper", tags: ["navy"], email: "Grace.Hopper@example.org" },
    });
    const graph =
      'query ($id: ID!) { user(id: $id) { posts { title comments { content } } } post(id: "none") { id } }';
    const answer = await request(alice, graph, { id: user.id });
    expect(answer.data).toEqual({
      user: { posts: [{ title: "Compilers", comments: [{ content: "Nice" }] }] },
      post: null,
    });
    expect(answer.errors?.[0]?.extensions).toEqual({ code: "not_found" });
    expect(await ask(admin, "mutation ($id: ID!) { deleteUser(id: $id) }", { id: user.id })).toEqual({
      deleteUser: user.id,
    });
    expect(await errorOf(alice, "query ($id: ID!) { user(id: $id) { id } }", { id: user.id })).toEqual({
      code: "not_found",
    });
  });

  it("are listed by page, filtered and sorted as over REST", async () => {
    for (const name of ["Zoe Page", "Abe Page", "Mia Page"]) await createUser(name);
    const names = async (args: string) =>
      (
        (await ask(alice, `{ users(${args}) { name } }`)) as unknown as { users: { name: string }[] }
      ).users.map(({ name }) => name);
    expect(await names('sort: "name", limit: 2')).toEqual(["Abe Page", "Mia Page"]);
    expect(await names('sort: "name", limit: 2, page: 2')).toEqual(["Zoe Page"]);
    expect(await names('sort: "-name", name: "Mia Page"')).toEqual(["Mia Page"]);
    expect(await errorOf(alice, '{ users(sort: "email2") { id } }')).toEqual({ code: "invalid_argument" });
    expect(await errorOf(alice, "{ users(limit: -1) { id } }")).toEqual({ code: "invalid_argument" });
  });

  it("give an order with its products, and refuse what is not in stock", async () => {
    const made = await fetch(`${server.url}/api/v1/products`, {
      method: "POST",
      headers: toHeaders(admin, { "content-type": "application/json" }),
      body: JSON.stringify({ name: "Lamp", category: "office", price: 9.95, stock: 3 }),
    });
    const { id } = (await made.json()) as { id: string };
    const order =
      "mutation ($i: OrderInput!) { createOrder(input: $i) { id total status items { quantity product { name stock } } } }";
    const data = await ask(alice, order, { i: { items: [{ productId: id, quantity: 2 }] } });
    expect(data).toMatchObject({
      createOrder: {
        total: 19.9,
        status: "pending",
        items: [{ quantity: 2, product: { name: "Lamp", stock: 1 } }],
      },
    });
    expect(await errorOf(alice, order, { i: { items: [{ productId: id, quantity: 2 }] } })).toMatchObject({
      code: "already_exists",
      details: { "items.0.quantity": ["Only 1 in stock"] },
    });
    expect(
      await ask(alice, "{ products(minPrice: 9, maxPrice: 10) { name } orders { userId } }"),
    ).toMatchObject({
      products: [{ name: "Lamp" }],
      orders: [{ userId: "alice" }],
    });
  });
});

describe("errors", () => {
  it.each([
    ["a syntax error", "{", "invalid_argument"],
    ["an unknown field", "{ nothing }", "invalid_argument"],
    ["a variable of the wrong type", "query ($id: ID!) { user(id: $id) { id } }", "invalid_argument"],
    [
      "a field that is not valid",
      'mutation { createUser(input: { name: " ", email: "x" }) { id } }',
      "validation_failed",
    ],
  ])("for %s have a code of the closed set", async (_name, query, code) => {
    expect(await errorOf(admin, query)).toMatchObject({ code });
  });

  it("say unauthenticated or permission_denied, with the status for who takes graphql-response+json", async () => {
    const query = "{ users { id } }";
    const modern = await post({ query }, { accept: "application/graphql-response+json" });
    expect(modern.status).toBe(401);
    const legacy = await post({ query }, { accept: "application/json" });
    expect(legacy.status).toBe(200);
    expect(((await legacy.json()) as { errors: object[] }).errors[0]).toMatchObject({
      extensions: { code: "unauthenticated" },
    });
    expect(
      await errorOf(alice, 'mutation { createUser(input: { name: "a", email: "a@b.org" }) { id } }'),
    ).toEqual({
      code: "permission_denied",
    });
  });

  it("of a bad token are GraphQL errors too, and 401 whatever the client takes", async () => {
    for (const accept of ["application/graphql-response+json", "application/json", "text/event-stream"]) {
      const response = await post(
        { query: "{ __typename }" },
        { accept },
        { url: server.url, token: "garbage" },
      );
      expect(response.status).toBe(401);
      expect(response.headers.get("www-authenticate")).toContain("Bearer");
      expect(await response.json()).toMatchObject({ errors: [{ extensions: { code: "unauthenticated" } }] });
    }
  });

  it("are told by the field, and what could be had is given", async () => {
    const response = await post(
      { query: '{ __typename user(id: "none") { id } }' },
      { accept: "application/graphql-response+json" },
      alice,
    );
    expect(response.status).toBe(200);
    expect(await response.json()).toMatchObject({
      data: { __typename: "Query", user: null },
      errors: [{ path: ["user"], extensions: { code: "not_found" } }],
    });
  });
});

describe("an operation that is answered without the library", () => {
  const CREATE = `mutation($email: String!) { createUser(input: {name: "Ann", email: $email}) { name email } }`;
  const READ = "query($id: ID!) { user(id: $id) { id name } }";
  const LISTS = "users(limit: 100) { posts(limit: 100) { id } }";
  const SIZED = "query($n: Int) { users(limit: $n) { posts(limit: $n) { id } } }";
  const ALIASES = Array.from({ length: 51 }, (_, index) => `a${index}: __typename`).join(" ");
  const operations: readonly (readonly [name: string, body: object])[] = [
    ["a query", { query: "{ __typename }" }],
    ["a list", { query: "query All { products { id } }", operationName: "All" }],
    ["a choice of two", { query: "query A { __typename } query B { b: __typename }", operationName: "B" }],
    ["none of two", { query: "query A { __typename } query B { b: __typename }" }],
    ["an unknown name", { query: "query A { __typename }", operationName: "C" }],
    ["nothing found", { query: READ, variables: { id: "usr_none" } }],
    ["a variable of another type", { query: READ, variables: { id: { a: 1 } } }],
    ["no variable", { query: READ }],
    ["null for all variables", { query: READ, variables: null }],
    ["a list for variables", { query: READ, variables: ["usr_none"] }],
    ["half an answer", { query: 'query { __typename user(id: "usr_none") { id } }' }],
    ["too many aliases", { query: `{ ${ALIASES} }` }],
    ["too many objects", { query: `{ ${LISTS} }` }],
    ["too many objects by a variable", { query: SIZED, variables: { n: 100 } }],
    ["few objects by a variable", { query: SIZED, variables: { n: 1 } }],
    [
      "too many objects in one of two",
      { query: `query A { ${LISTS} } query B { __typename }`, operationName: "B" },
    ],
    ["bad syntax", { query: "{ user(" }],
    ["an unknown field", { query: "{ nothing }" }],
    ["a mutation that is refused", { query: CREATE, variables: { email: "no address" } }],
    ["no query", { variables: {} }],
    ["a query that is none", { query: 1 }],
  ];
  /** What differs from answer to answer, or says only how long it is. */
  const PASSING = new Set(["x-request-id", "server-timing", "date", "content-length", "transfer-encoding"]);
  const ask = async (body: object, accept: string, headers: Record<string, string> = {}) => {
    const response = await post(body, { accept, ...headers }, alice);
    const told = [...response.headers].filter(([name]) => !PASSING.has(name));
    const text = await response.text();
    return { status: response.status, told, body: text.replaceAll(/"requestId":"[^"]*"/g, "") };
  };

  // A quality says nothing new, and is for the library to weigh.
  it.each(operations)("%s: is answered as the library would", async (_name, body) => {
    for (const type of ["application/json", "application/graphql-response+json"]) {
      const theLibrarys = await ask(body, `${type};q=1`);
      // The second time the document is known.
      expect(await ask(body, type)).toEqual(theLibrarys);
      expect(await ask(body, type)).toEqual(theLibrarys);
    }
    const page = { origin: "https://page.example" };
    expect(await ask(body, "application/json", page)).toEqual(await ask(body, "application/json;q=1", page));
  });

  it("does what it does once, also where there is an error beside it", async () => {
    const type = `plain.${crypto.randomUUID()}`;
    const channel = `demo/plain-${crypto.randomUUID()}`;
    const query = `mutation($channel: String!, $type: String!) {
      first: publish(channel: $channel, type: $type, data: 1) { sequence }
      second: publish(channel: "no//channel", type: $type, data: 2) { sequence }
    }`;
    const response = await post({ query, variables: { channel, type } }, {}, alice);
    expect(await response.json()).toMatchObject({ errors: [{ path: ["second"] }] });
    const page = await fetch(`${server.url}/channels/${channel}?after=earliest`);
    expect(await page.json()).toMatchObject({ events: [{ type, data: 1 }] });
  });
});

describe("sendNotification", () => {
  it("puts an event into the user's inbox, for that user and admins", async () => {
    const send =
      'mutation { sendNotification(userId: "alice", title: "Hello", data: { n: 1 }) { sequence duplicate } }';
    const { sendNotification } = (await ask(admin, send)) as unknown as {
      sendNotification: { sequence: string };
    };
    const inbox = await fetch(`${server.url}/channels/users/alice/inbox?after=earliest`, {
      headers: toHeaders(alice),
    });
    const { events } = (await inbox.json()) as { events: object[] };
    expect(events).toMatchObject([
      { type: "notification", sequence: sendNotification.sequence, data: { title: "Hello", data: { n: 1 } } },
    ]);
    expect(await errorOf(await server.signIn("bob"), send)).toEqual({ code: "permission_denied" });
  });
});

describe("an avatar", () => {
  const upload = async (
    target: Target,
    bytes: Uint8Array<ArrayBuffer>,
    type = "image/png",
    map = '{"0":["variables.file"]}',
  ) => {
    const form = new FormData();
    const query =
      'mutation ($file: Upload!) { uploadAvatar(userId: "alice", file: $file) { size sha256 contentType url } }';
    form.set("operations", JSON.stringify({ query, variables: { file: null } }));
    form.set("map", map);
    form.set("0", new Blob([bytes], { type }), "me.png");
    const accept = "application/graphql-response+json";
    return fetch(`${server.url}/graphql`, {
      method: "POST",
      headers: toHeaders(target, { accept }),
      body: form,
    });
  };
  const bytes = new Uint8Array(3 * 1024 * 1024).map((_, index) => (index * 7) % 256);
  const sha256 = createHash("sha256").update(bytes).digest("hex");

  it("is uploaded by a multipart request, kept, and read back byte for byte", async () => {
    const response = await upload(alice, bytes);
    expect(await response.json()).toEqual({
      data: {
        uploadAvatar: { size: bytes.length, sha256, contentType: "image/png", url: "/graphql/avatars/alice" },
      },
    });
    const picture = await fetch(`${server.url}/graphql/avatars/alice`, { headers: toHeaders(alice) });
    expect(picture.headers.get("content-type")).toBe("image/png");
    expect(Buffer.from(await picture.arrayBuffer()).equals(Buffer.from(bytes))).toBe(true);
    const etag = picture.headers.get("etag") ?? "";
    const again = await fetch(`${server.url}/graphql/avatars/alice`, {
      headers: toHeaders(alice, { "if-none-match": etag }),
    });
    expect(again.status).toBe(304);
    expect((await fetch(`${server.url}/graphql/avatars/alice`)).status).toBe(401);
    expect((await fetch(`${server.url}/graphql/avatars/nobody`, { headers: toHeaders(alice) })).status).toBe(
      404,
    );
  });

  it("is told on the channel of users, without its bytes", async () => {
    const page = await fetch(`${server.url}/channels/users?after=earliest&limit=1000`, {
      headers: toHeaders(alice),
    });
    const { events } = (await page.json()) as { events: { type: string; data: unknown }[] };
    expect(events.findLast(({ type }) => type === "user.avatar_changed")?.data).toEqual({
      userId: "alice",
      contentType: "image/png",
      size: bytes.length,
      sha256,
    });
  });

  it.each([
    [
      "of somebody else",
      403,
      "permission_denied",
      () => server.signIn("bob").then((bob) => upload(bob, bytes)),
    ],
    [
      "that is a script in disguise",
      415,
      "unsupported_media_type",
      () => upload(alice, bytes, "image/svg+xml"),
    ],
    ["that is empty", 400, "invalid_argument", () => upload(alice, new Uint8Array())],
    ["that is too large", 413, "payload_too_large", () => upload(alice, new Uint8Array(5 * 1024 * 1024 + 1))],
    ["far too large", 413, "payload_too_large", () => upload(alice, new Uint8Array(9 * 1024 * 1024))],
    [
      "with a map that leads nowhere",
      400,
      "invalid_argument",
      () => upload(alice, bytes, "image/png", '{"0":["variables.__proto__.x"]}'),
    ],
    [
      "with a map of a file that is not there",
      400,
      "invalid_argument",
      () => upload(alice, bytes, "image/png", '{"9":["variables.file"]}'),
    ],
    ["with a map that is no map", 400, "invalid_argument", () => upload(alice, bytes, "image/png", "[1]")],
  ])("%s is refused", async (_name, status, code, send) => {
    const response = await send();
    expect(response.status).toBe(status);
    expect(((await response.json()) as { errors: object[] }).errors[0]).toMatchObject({
      extensions: { code },
    });
  });
});

describe("a persisted query", () => {
  const query = "query Persisted { __typename }";
  const persistedQuery = { version: 1, sha256Hash: createHash("sha256").update(query).digest("hex") };

  it("is asked for by its hash alone once it was sent, by POST and by GET", async () => {
    const unknown = (await (await post({ extensions: { persistedQuery } })).json()) as { errors: object[] };
    expect(unknown.errors[0]).toMatchObject({
      message: "PersistedQueryNotFound",
      extensions: { code: "not_found" },
    });
    expect(await (await post({ query, extensions: { persistedQuery } })).json()).toEqual({
      data: { __typename: "Query" },
    });
    expect(await (await post({ extensions: { persistedQuery } })).json()).toEqual({
      data: { __typename: "Query" },
    });
    const extensions = encodeURIComponent(JSON.stringify({ persistedQuery }));
    const got = await fetch(`${server.url}/graphql?extensions=${extensions}`);
    expect(await got.json()).toEqual({ data: { __typename: "Query" } });
  });

  it("is not kept under a hash that is another document's", async () => {
    const wrong = await post({ query: "{ other: __typename }", extensions: { persistedQuery } });
    expect(((await wrong.json()) as { errors: object[] }).errors[0]).toMatchObject({
      extensions: { code: "invalid_argument" },
    });
  });
});

describe("@defer and @stream", () => {
  it("give the rest in later parts of a multipart answer", async () => {
    await createUser("Deferred One");
    await createUser("Deferred Two");
    const query = "{ users(limit: 2) @stream(initialCount: 1) { name ... @defer { email } } }";
    const response = await post({ query }, { accept: "multipart/mixed" }, alice);
    expect(response.headers.get("content-type")).toContain("multipart/mixed");
    const text = await response.text();
    const parts = [...text.matchAll(/^\{.*\}$/gm)].map(([part]) => JSON.parse(part));
    expect(parts.length).toBeGreaterThan(1);
    expect(parts[0]).toMatchObject({ hasNext: true });
    expect(parts[0].data.users).toHaveLength(1);
    expect(parts[0].data.users[0].email).toBeUndefined();
    expect(parts.at(-1)).toMatchObject({ hasNext: false });
    const later = JSON.stringify(parts.slice(1));
    expect(later.match(/"email"/g)).toHaveLength(2);
  });

  it("mask what goes wrong later as they do at once", async () => {
    const query = '{ __typename ... @defer { user(id: "none") { id } } }';
    const text = await (await post({ query }, { accept: "multipart/mixed" }, alice)).text();
    expect(text).toContain('"code":"not_found"');
    expect(text).not.toContain("stack");
  });

  it("come as an event stream too", async () => {
    const response = await post(
      { query: "{ __typename ... @defer { users { name } } }" },
      { accept: "text/event-stream" },
      alice,
    );
    expect(response.headers.get("content-type")).toContain("text/event-stream");
    expect(await response.text()).toContain("event: complete");
  });
});

describe("subscriptions to resources", () => {
  async function open(target: Target, query: string, variables: object) {
    const response = await post({ query, variables }, { accept: "text/event-stream" }, target);
    if (response.body === null) throw new Error("no body");
    const blocks = readBlocks(response.body);
    return {
      async next(): Promise<{
        data: Record<string, never> | null;
        errors?: readonly { extensions: object }[];
      }> {
        for (;;) {
          const { value, done } = await blocks.next();
          if (done) throw new Error("The stream ended.");
          if (value.event === "next") return JSON.parse(value.data ?? "");
        }
      },
      close: () => blocks.return(undefined),
    };
  }
  const createPost = async (title: string) =>
    ask(alice, 'mutation ($t: String!) { createPost(input: { title: $t, content: "" }) { id } }', {
      t: title,
    });

  it("postAdded gives the posts of one author, each with the cursor to resume from", async () => {
    const query =
      'subscription ($a: String) { postAdded(authorId: "alice", after: $a) { title sequence comments { id } } }';
    const stream = await open(alice, query, {});
    await ask(admin, 'mutation { createPost(input: { title: "not hers", content: "" }) { id } }');
    await createPost("first");
    const first = await stream.next();
    expect(first.data).toMatchObject({ postAdded: { title: "first", comments: [] } });
    await stream.close();
    await createPost("second");
    const { sequence } = (first.data as unknown as { postAdded: { sequence: string } }).postAdded;
    const resumed = await open(alice, query, { a: sequence });
    expect((await resumed.next()).data).toMatchObject({ postAdded: { title: "second" } });
    await resumed.close();
  });

  it("postAdded tells of a gap by an error, and goes on", async () => {
    const query = 'subscription { postAdded(after: "000000000001-0000000001") { title } }';
    const stream = await open(alice, query, {});
    expect(await stream.next()).toMatchObject({
      data: null,
      errors: [{ extensions: { code: "gone", details: { requested: ["000000000001-0000000001"] } } }],
    });
    await createPost("after the gap");
    expect((await stream.next()).data).toMatchObject({ postAdded: { title: expect.any(String) } });
    await stream.close();
  });

  it("orderStatus follows an order from when it was placed", async () => {
    const { orders } = (await ask(alice, "{ orders(limit: 1) { id } }")) as unknown as {
      orders: [{ id: string }];
    };
    const { id } = orders[0];
    const query =
      'subscription ($id: ID!) { orderStatus(orderId: $id, after: "earliest") { orderId status sequence } }';
    const stream = await open(alice, query, { id });
    expect((await stream.next()).data).toMatchObject({ orderStatus: { orderId: id, status: "pending" } });
    await fetch(`${server.url}/api/v1/orders/${id}`, {
      method: "PATCH",
      headers: toHeaders(admin, { "content-type": "application/merge-patch+json" }),
      body: '{"status":"shipped"}',
    });
    expect((await stream.next()).data).toMatchObject({ orderStatus: { orderId: id, status: "shipped" } });
    await stream.close();
    const stranger = await open(await server.signIn("bob"), query, { id });
    expect((await stranger.next()).errors?.[0]?.extensions).toEqual({ code: "permission_denied" });
  });

  it("end with the token, with the reason", async () => {
    const shortly = await server.signIn("carol", { expiresIn: 3 });
    const stream = await open(shortly, 'subscription { events(channel: "rooms/a") { id } }', {});
    expect((await stream.next()).errors?.[0]?.extensions).toEqual({ code: "unauthenticated" });
    await expect(stream.next()).rejects.toThrow("The stream ended.");
  });
});

describe("GraphiQL", () => {
  it("is what a browser gets, from this server alone", async () => {
    const page = await fetch(`${server.url}/graphql`, { headers: { accept: "text/html,*/*;q=0.8" } });
    expect(page.headers.get("content-type")).toContain("text/html");
    expect(page.headers.get("content-security-policy")).toContain("script-src 'self'");
    const html = await page.text();
    expect(html).not.toMatch(/(src|href)="https?:/);
    const files = [...html.matchAll(/(?:src|href)="(\/[^"]+)"/g)].map(([, path]) => path);
    expect(files).toHaveLength(5);
    for (const path of files) {
      const file = await fetch(server.url + path);
      expect(file.status, path).toBe(200);
      expect((await file.text()).length, path).toBeGreaterThan(500);
    }
  });
});
