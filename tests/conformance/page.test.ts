import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ServedTarget } from "./serve-target.ts";
import { serveTarget } from "./serve-target.ts";

let server: ServedTarget;
beforeAll(async () => {
  server = await serveTarget();
});
afterAll(() => server.stop());

const HTML = { accept: "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8" };

const getPage = (headers: Readonly<Record<string, string>> = {}) =>
  fetch(`${server.url}/`, { headers: { ...HTML, ...headers } });

/** What the document names, in its order. */
async function listAssets(): Promise<readonly string[]> {
  return Array.from(
    (await (await getPage()).text()).matchAll(/"(\/assets\/[^"]+)"/g),
    ([, path]) => path ?? "",
  );
}

describe("the page", () => {
  it("is what a browser gets at the root, with a policy that lets nothing in from elsewhere", async () => {
    const response = await getPage();
    expect(response.status).toBe(200);
    expect(response.headers.get("content-type")).toBe("text/html; charset=utf-8");
    expect(response.headers.get("cache-control")).toBe("no-cache");
    expect(response.headers.get("vary")).toContain("Accept");
    const policy = response.headers.get("content-security-policy") ?? "";
    expect(policy).toContain("default-src 'none'; script-src 'self'; style-src 'self'");
    expect(policy).not.toContain("unsafe");
    expect(policy).toContain(`ws://${new URL(server.url).host}`);
    const html = await response.text();
    expect(html).toContain("<h1>One log. Every wire.</h1>");
    expect(html).not.toMatch(/(src|href)="(https?:)?\/\//);
  });

  it("is not sent again to who has it", async () => {
    const etag = (await getPage()).headers.get("etag") ?? "";
    expect(etag).toMatch(/^"[^"]+"$/);
    const again = await getPage({ "if-none-match": etag });
    expect(again.status).toBe(304);
    expect(await again.text()).toBe("");
    expect(again.headers.get("content-security-policy")).toContain("default-src 'none'");
  });

  it("names files that may be kept for ever, and that are compressed for who takes that", async () => {
    const assets = await listAssets();
    expect(assets.length).toBeGreaterThanOrEqual(3);
    for (const path of assets) {
      const plain = await fetch(`${server.url}${path}`, { headers: { "accept-encoding": "identity" } });
      expect([path, plain.status]).toEqual([path, 200]);
      expect(plain.headers.get("cache-control")).toBe("public, max-age=31536000, immutable");
      expect(plain.headers.get("content-type")).toMatch(/^text\/(javascript|css); charset=utf-8$/);
      expect(plain.headers.get("content-encoding")).toBeNull();
      const zipped = await fetch(`${server.url}${path}`, { headers: { "accept-encoding": "gzip" } });
      expect(zipped.headers.get("content-encoding")).toBe("gzip");
      expect(await zipped.text()).toBe(await plain.text());
      const tag = plain.headers.get("etag") ?? "";
      const same = await fetch(`${server.url}${path}`, { headers: { "if-none-match": tag } });
      expect(same.status).toBe(304);
    }
  });

  it("answers programs with an index whose links lead somewhere", async () => {
    for (const accept of [undefined, "*/*", "application/json", "application/json, text/html;q=0.5"]) {
      const response = await fetch(`${server.url}/`, accept === undefined ? {} : { headers: { accept } });
      expect(response.headers.get("content-type")).toBe("application/json");
      expect(response.headers.get("vary")).toContain("Accept");
      const index = (await response.json()) as {
        name: string;
        links: Record<string, string>;
        doors: object[];
      };
      expect(index.name).toBe("everywire");
      expect(index.doors.length).toBeGreaterThan(10);
    }
    const { links } = (await (await fetch(`${server.url}/`)).json()) as { links: Record<string, string> };
    for (const link of Object.values(links)) {
      const status = (await fetch(link, { headers: { accept: "*/*" } })).status;
      // A GraphQL document and an RPC call need something to be asked: they are there, and say so.
      expect([link, status < 500 && status !== 404]).toEqual([link, true]);
    }
  });

  it("gives nothing but what the page is made of", async () => {
    for (const path of [
      "/assets/none.js",
      "/assets/..%2fworker.js",
      "/assets/..%2f..%2fpackage.json",
      "/index.html",
    ]) {
      const response = await fetch(`${server.url}${path}`);
      expect([path, response.status]).toEqual([path, 404]);
      expect(((await response.json()) as { error: { code: string } }).error.code).toBe("not_found");
    }
    const post = await fetch(`${server.url}/`, { method: "POST" });
    expect(post.status).toBe(405);
    expect(post.headers.get("allow")).toBe("GET, HEAD, OPTIONS");
    const head = await fetch(`${server.url}/`, { method: "HEAD", headers: HTML });
    expect([head.status, await head.text()]).toEqual([200, ""]);
  });
});
