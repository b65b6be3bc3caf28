import { describe, expect, it } from "vitest";
import type { OperationContext } from "../../core/context.ts";
import type { CollectionName } from "../../core/entities/collections.ts";
import { DEFAULT_LIMITS } from "../../core/limits.ts";
import type { Ports } from "../../core/ports.ts";
import type { FileInfo, ListQuery, ParentsQuery } from "../../core/records.ts";
import { createGraphqlContext } from "../../functions/graphql/context.ts";
import { createLoader } from "../../functions/graphql/loader.ts";
import { getGraphqlServer } from "../../functions/graphql/server.ts";

type Row = Readonly<Record<string, unknown>> & { readonly id: string };

const createdAt = "2026-01-01T00:00:00.000Z";
const users = Array.from({ length: 10 }, (_, n) => ({
  id: `usr_${n}`,
  name: `User ${n}`,
  givenName: "User",
  familyName: String(n),
  email: `user${n}@example.org`,
  tags: [],
  createdAt,
}));
const posts = users.flatMap(({ id: authorId }) =>
  Array.from({ length: 5 }, (_, n) => ({
    id: `pst_${authorId}_${n}`,
    title: `${n}`,
    content: "",
    authorId,
    createdAt,
  })),
);
const comments = posts.flatMap(({ id: postId }) =>
  users.slice(0, 3).map(({ id: authorId }) => ({
    id: `cmt_${postId}_${authorId}`,
    postId,
    authorId,
    content: "c",
    createdAt,
  })),
);
const products = [0, 1, 2].map((n) => ({
  id: `prd_${n}`,
  name: `${n}`,
  category: "c",
  price: 1,
  stock: 1,
  createdAt,
}));
const orders = users.map(({ id: userId }, n) => ({
  id: `ord_${n}`,
  userId,
  items: products.map(({ id }) => ({ productId: id, name: id, quantity: 1, price: 1 })),
  total: 3,
  status: "pending",
  createdAt,
}));
const tables: Record<CollectionName, readonly Row[]> = { users, posts, comments, products, orders };

/** A store in memory that notes every call. */
function createCountingStore() {
  const calls: string[] = [];
  const store = (value: Row | undefined) => (value === undefined ? undefined : { version: 1, value });
  const records = {
    get: async (collection: CollectionName, id: string) => {
      calls.push(`get ${collection}`);
      return store(tables[collection].find((row) => row.id === id));
    },
    getMany: async (collection: CollectionName, ids: readonly string[]) => {
      calls.push(`getMany ${collection} ${ids.length}`);
      return ids.map((id) => store(tables[collection].find((row) => row.id === id)));
    },
    list: async (collection: CollectionName, { window }: ListQuery) => {
      calls.push(`list ${collection}`);
      const length = window.kind === "page" ? window.perPage : window.limit;
      return { records: tables[collection].slice(0, length).map(store), total: 0, nextCursor: undefined };
    },
    listByParents: async (collection: CollectionName, { field, parentIds, limit }: ParentsQuery) => {
      calls.push(`listByParents ${collection} ${parentIds.length}`);
      return parentIds.map((id) =>
        tables[collection]
          .filter((row) => row[field] === id)
          .slice(0, limit)
          .map(store),
      );
    },
    describeFiles: async (names: readonly string[]): Promise<(FileInfo | undefined)[]> => {
      calls.push(`describeFiles ${names.length}`);
      return names.map(() => undefined);
    },
  };
  return { calls, ports: { records } as unknown as Ports };
}

async function run(query: string) {
  const { calls, ports } = createCountingStore();
  const operation: OperationContext = {
    identity: {
      kind: "user",
      subject: "root",
      name: "root",
      roles: ["admin"],
      channels: undefined,
      expiresAtMs: undefined,
    },
    ports,
    limits: DEFAULT_LIMITS,
    policy: { anonymousChannels: [], orderOwner: async () => undefined },
    nowMs: Date.now(),
    targets: { allowsPrivate: false },
    hasRateLimits: false,
  };
  const response = await getGraphqlServer().fetch(
    "http://test/graphql",
    { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ query }) },
    createGraphqlContext(operation, "test", () => undefined),
  );
  const { data, errors } = (await response.json()) as { data: Record<string, unknown>; errors?: unknown };
  expect(errors).toBeUndefined();
  return { data, calls };
}

describe("a query reads the store once for each level, however many records there are", () => {
  it("from users down to the authors of comments", async () => {
    const { data, calls } = await run(
      "{ users(limit: 10) { name avatar { size } posts(limit: 5) { title author { name } comments(limit: 3) { content author { name } } } } }",
    );
    expect(JSON.stringify(data).match(/"content"/g)).toHaveLength(150);
    expect([...calls].sort()).toEqual([
      "describeFiles 10",
      "getMany users 10",
      "getMany users 3",
      "list users",
      "listByParents comments 50",
      "listByParents posts 10",
    ]);
  });

  it("from comments back to their posts", async () => {
    const { calls } = await run(
      "{ posts(limit: 20) { comments(limit: 3) { post { title author { email } } } } }",
    );
    expect(calls).toEqual(["list posts", "listByParents comments 20", "getMany posts 20", "getMany users 4"]);
  });

  it("for orders, their users and their products", async () => {
    const { data, calls } = await run("{ orders(limit: 10) { user { name } items { product { name } } } }");
    expect(JSON.stringify(data).match(/"product"/g)).toHaveLength(30);
    expect([...calls].sort()).toEqual(["getMany products 3", "getMany users 10", "list orders"]);
  });

  it("for the same field under several aliases, once for each length asked for", async () => {
    const { calls } = await run(
      "{ users(limit: 2) { a: posts(limit: 1) { id } b: posts(limit: 1) { id } c: posts(limit: 2) { id } } }",
    );
    expect(calls).toEqual(["list users", "listByParents posts 2", "listByParents posts 2"]);
  });
});

describe("a loader", () => {
  it("loads each key once, and gives each asker its own value", async () => {
    const batches: string[][] = [];
    const load = createLoader(async (keys: readonly string[]) => {
      batches.push([...keys]);
      return keys.map((key) => key.toUpperCase());
    });
    expect(await Promise.all([load("a"), load("b"), load("a")])).toEqual(["A", "B", "A"]);
    expect(batches).toEqual([["a", "b"]]);
  });

  it("remembers nothing, so that a subscription that lives for hours shows what is true", async () => {
    let value = 1;
    const load = createLoader(async (keys: readonly string[]) => keys.map(() => value));
    expect(await load("a")).toBe(1);
    value = 2;
    expect(await load("a")).toBe(2);
  });

  it("tells everybody who asked when it fails, and goes on", async () => {
    let isBroken = true;
    const load = createLoader(async (keys: readonly string[]) => {
      if (isBroken) throw new Error("broken");
      return keys;
    });
    const outcomes = await Promise.allSettled([load("a"), load("b")]);
    expect(outcomes.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
    isBroken = false;
    expect(await load("a")).toBe("a");
  });
});
