import { XMLParser, XMLValidator } from "fast-xml-parser";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { RestTarget } from "./rest-target.ts";
import { serveRest } from "./rest-target.ts";

let rest: RestTarget;
beforeAll(async () => {
  rest = await serveRest();
});
afterAll(() => rest.served.stop());

const PRODUCTS = "/api/v1/products";

describe("lists", () => {
  beforeAll(async () => {
    for (let n = 1; n <= 25; n += 1) {
      const body = { name: `P${n}`, category: n % 5 === 0 ? "electronics" : "office", price: n, stock: n };
      await rest.create(PRODUCTS, body);
    }
  });

  it("come by page, with where one is", async () => {
    const first = await rest.ada.call("GET", PRODUCTS);
    expect(first.json.data).toHaveLength(20);
    const expected = { page: 2, per_page: 10, total: 25, pages: 3, has_next: true, has_prev: true };
    const second = await rest.ada.call("GET", `${PRODUCTS}?page=2&limit=10`);
    expect(second.json.pagination).toEqual(expected);
    expect(second.json.data[0].name).toBe("P11");
    expect(second.headers.get("link")).toContain('page=3&limit=10>; rel="next"');
    const after = await rest.ada.call("GET", `${PRODUCTS}?page=9`);
    expect(after.json).toMatchObject({ data: [], pagination: { has_next: false } });
    expect((await rest.ada.call("GET", `${PRODUCTS}?per_page=1000`)).json.pagination.per_page).toBe(100);
  });

  it("are filtered and sorted", async () => {
    const path = `${PRODUCTS}?category=electronics&sort=-price&min_price=6`;
    const answer = await rest.ada.call("GET", path);
    expect(answer.json.data.map((product: { price: number }) => product.price)).toEqual([25, 20, 15, 10]);
    const names = await rest.ada.call("GET", `${PRODUCTS}?sort=category,-price&per_page=1`);
    expect(names.json.data[0].name).toBe("P25");
  });

  it.each(["page=0", "page=x", "per_page=0", "per_page=-1", "sort=colour", "sort=__proto__", "min_price=x"])(
    "?%s is 400",
    async (query) => {
      expect((await rest.ada.call("GET", `${PRODUCTS}?${query}`)).status).toBe(400);
    },
  );

  it("take a quote in a filter for what it is", async () => {
    const answer = await rest.ada.call("GET", `${PRODUCTS}?category=${encodeURIComponent("' OR 1=1 --")}`);
    expect(answer.json.data).toEqual([]);
  });

  it("have an ETag, which 304 answers", async () => {
    const answer = await rest.ada.call("GET", PRODUCTS);
    const headers = { "if-none-match": answer.headers.get("etag") ?? "" };
    expect((await rest.ada.call("GET", PRODUCTS, { headers })).status).toBe(304);
    expect((await rest.ada.call("GET", `${PRODUCTS}?page=2`, { headers })).status).toBe(200);
  });
});

describe("the cursor of posts", () => {
  it("sees each post once while others are added", async () => {
    for (let n = 0; n < 5; n += 1) await rest.create("/api/v1/posts", { title: `T${n}`, content: "" });
    const seen: string[] = [];
    let cursor: string | null = "";
    while (cursor !== null) {
      const answer = await rest.ada.call("GET", `/api/v1/posts?limit=2&cursor=${cursor}`);
      seen.push(...answer.json.data.map((post: { title: string }) => post.title));
      if (cursor === "") await rest.create("/api/v1/posts", { title: "late", content: "" });
      cursor = answer.json.next_cursor;
    }
    expect(seen).toEqual(["T0", "T1", "T2", "T3", "T4", "late"]);
    const newest = await rest.ada.call("GET", "/api/v1/posts?cursor=&limit=1&sort=-createdAt");
    expect(newest.json.data[0].title).toBe("late");
    expect((await rest.ada.call("GET", "/api/v1/posts?cursor=nonsense!")).status).toBe(400);
    const byPage = await rest.ada.call("GET", "/api/v1/posts?limit=2");
    const next = await rest.ada.call("GET", `/api/v1/posts?limit=2&cursor=${byPage.json.next_cursor}`);
    expect(next.json.data[0].title).toBe("T2");
  });
});

describe("versions", () => {
  it("by path, by header and by query", async () => {
    const created = await rest.admin.call("POST", "/api/v2/users", {
      body: { givenName: "Ludwig", familyName: "van Beethoven", email: "lvb@example.org" },
    });
    const { id } = created.json;
    expect(created.headers.get("location")).toBe(`/api/v2/users/${id}`);
    expect(created.json).toMatchObject({
      givenName: "Ludwig",
      familyName: "van Beethoven",
      links: { self: `/api/v2/users/${id}`, orders: `/api/v2/users/${id}/orders` },
    });
    expect((await rest.ada.call("GET", `/api/v1/users/${id}`)).json.name).toBe("Ludwig van Beethoven");
    expect((await rest.ada.call("GET", `/api/users/${id}`)).json.name).toBe("Ludwig van Beethoven");
    expect((await rest.ada.call("GET", `/api/users/${id}?version=2`)).json.givenName).toBe("Ludwig");
    const accept = "application/vnd.everywire.v2+json";
    const named = await rest.ada.call("GET", `/api/users/${id}`, { headers: { accept } });
    expect(named.headers.get("content-type")).toBe(accept);
    expect(named.headers.get("vary")).toContain("Accept");
    expect(named.json.familyName).toBe("van Beethoven");
    const patched = await rest.admin.call("PATCH", `/api/v1/users/${id}`, { body: { tags: ["composer"] } });
    expect(patched.json.name).toBe("Ludwig van Beethoven");
    expect((await rest.ada.call("GET", `/api/v2/users/${id}`)).json.familyName).toBe("van Beethoven");
    expect((await rest.ada.call("GET", `/api/users?version=3`)).status).toBe(400);
    expect((await rest.ada.call("GET", `/api/v3/users`)).status).toBe(404);
    const v3 = { accept: "application/vnd.everywire.v3+json" };
    expect((await rest.ada.call("GET", `/api/users`, { headers: v3 })).status).toBe(406);
  });
});

describe("representations", () => {
  it("XML is well-formed whatever the text is", async () => {
    const name = "<b>&\"']]>\u0001\r\n\ud83d\ude00 \ufffe";
    const { id } = await rest.create(PRODUCTS, { name, category: "x", price: 1 });
    const headers = { accept: "application/xml" };
    const answer = await rest.ada.call("GET", `${PRODUCTS}/${id}`, { headers });
    expect(answer.headers.get("content-type")).toBe("application/xml; charset=utf-8");
    expect(XMLValidator.validate(answer.text)).toBe(true);
    expect(new XMLParser().parse(answer.text).product.name).toContain("<b>&\"']]>");
    expect(answer.text).toContain("&#13;\n😀");
    const list = await rest.ada.call("GET", `${PRODUCTS}?category=x`, { headers: { accept: "text/xml" } });
    expect(XMLValidator.validate(list.text)).toBe(true);
    expect(new XMLParser().parse(list.text).list).toMatchObject({
      data: { product: { price: 1 } },
      pagination: { total: 1 },
    });
  });

  it.each([
    ["application/xml;q=0.5, application/json", "application/json"],
    ["application/xml, application/json;q=0.5", "application/xml; charset=utf-8"],
    ["text/*", "text/xml; charset=utf-8"],
    ["text/html, */*;q=0.1", "application/json"],
    ["application/json;q=0, */*", "application/vnd.everywire.v2+json"],
    ["application/vnd.everywire.v2+json, */*", "application/vnd.everywire.v2+json"],
  ])("Accept: %s gives %s", async (accept, type) => {
    const answer = await rest.ada.call("GET", PRODUCTS, { headers: { accept } });
    expect(answer.headers.get("content-type")).toBe(type);
  });

  it.each(["text/html", "image/png", "application/json;q=0", "*/*;q=0"])(
    "Accept: %s is 406",
    async (accept) => {
      expect((await rest.ada.call("GET", PRODUCTS, { headers: { accept } })).status).toBe(406);
    },
  );
});

describe("conditional requests", () => {
  it("304 where it is known, 412 where it has changed", async () => {
    const { id } = await rest.create(PRODUCTS, { name: "A", category: "x", price: 1 });
    const at = `${PRODUCTS}/${id}`;
    const etag = (await rest.ada.call("GET", at)).headers.get("etag") ?? "";
    expect(etag).toMatch(/^"/);
    const known = await rest.ada.call("GET", at, { headers: { "if-none-match": `"x", W/${etag}` } });
    expect(known.status).toBe(304);
    expect(known.headers.get("etag")).toBe(etag);
    expect((await rest.ada.call("GET", at, { headers: { "if-none-match": "*" } })).status).toBe(304);
    const write = (ifMatch: string, price: number) =>
      rest.admin.call("PATCH", at, { headers: { "if-match": ifMatch }, body: { price } });
    expect((await write(`W/${etag}`, 9)).status).toBe(412);
    expect((await write(etag, 2)).status).toBe(200);
    expect((await write(etag, 3)).status).toBe(412);
    expect((await write("*", 4)).status).toBe(200);
    const stale = { headers: { "if-match": etag } };
    expect((await rest.admin.call("DELETE", at, stale)).status).toBe(412);
    expect((await rest.admin.call("DELETE", `${PRODUCTS}/none`, stale)).status).toBe(404);
  });

  it("of writers who race with one ETag, one wins", async () => {
    const { id } = await rest.create(PRODUCTS, { name: "A", category: "x", price: 1 });
    const at = `${PRODUCTS}/${id}`;
    const etag = (await rest.ada.call("GET", at)).headers.get("etag") ?? "";
    const answers = await Promise.all(
      Array.from({ length: 8 }, (_, n) =>
        rest.admin.call("PATCH", at, { headers: { "if-match": etag }, body: { price: n + 10 } }),
      ),
    );
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
    expect(answers.filter(({ status }) => status === 412)).toHaveLength(7);
  });
});

describe("Idempotency-Key", () => {
  it("makes one record of many tries, and tells another body from a retry", async () => {
    const body = { name: "Once", email: "once@example.org" };
    const headers = { "idempotency-key": "try-1" };
    const answers = await Promise.all(
      Array.from({ length: 6 }, () => rest.admin.call("POST", "/api/v1/users", { headers, body })),
    );
    const [first] = answers;
    for (const answer of answers) {
      expect(answer.status).toBe(201);
      expect(answer.text).toBe(first?.text);
      expect(answer.headers.get("etag")).toBe(first?.headers.get("etag"));
      expect(answer.headers.get("location")).toBe(first?.headers.get("location"));
    }
    expect(answers.filter((answer) => answer.headers.get("idempotency-replayed") === null)).toHaveLength(1);
    const other = { headers, body: { ...body, name: "Twice" } };
    expect((await rest.admin.call("POST", "/api/v1/users", other)).status).toBe(422);
    expect((await rest.admin.call("POST", "/api/v1/users", { body })).status).toBe(409);
    const upper = { ...body, email: "ONCE@example.org" };
    expect((await rest.admin.call("POST", "/api/v1/users", { body: upper })).status).toBe(409);
    const post = { headers, body: { title: "A", content: "B" } };
    const [ada, bob] = [
      await rest.ada.call("POST", "/api/v1/posts", post),
      await rest.bob.call("POST", "/api/v1/posts", post),
    ];
    expect(ada.json.id).not.toBe(bob.json.id);
  });
});

describe("the documents", () => {
  it("are there for anybody, and name every schema that they refer to", async () => {
    const { json } = await rest.nobody.call("GET", "/openapi.json");
    expect(json.openapi).toBe("3.1.0");
    const references = [...JSON.stringify(json).matchAll(/"#\/components\/(\w+)\/(\w+)"/g)];
    for (const [, kind = "", name = ""] of references) expect(json.components[kind]).toHaveProperty(name);
    const ids = Object.values(json.paths as Record<string, Record<string, { operationId: string }>>).flatMap(
      (item) => Object.values(item).map(({ operationId }) => operationId),
    );
    expect(new Set(ids).size).toBe(ids.length);
    const docs = await rest.nobody.call("GET", "/docs");
    expect(docs.headers.get("content-security-policy")).toContain("style-src 'sha256-");
    expect(docs.text).not.toContain("<script");
  });
});
