import { describe, expect, it } from "vitest";
import { parseSettings } from "../../core/settings.ts";
import { createApp } from "../../functions/boundary/app.ts";
import type { Edge, PageFiles } from "../../functions/boundary/edge.ts";
import type { Door } from "../../functions/door.ts";
import { createPageDoor } from "../../functions/page/index.ts";
import { createSystemDoor } from "../../functions/system/index.ts";

/** A Worker of this door and the one for what describes it, with files or without. */
function createWorker(page: PageFiles | undefined) {
  const edge = {
    settings: parseSettings({ RATE_LIMITS: "off" }),
    ports: {},
    page,
    addressOf: () => "",
  } as unknown as Edge;
  const doors: Door[] = [];
  doors.push(
    createPageDoor(() => doors),
    createSystemDoor(() => doors),
  );
  const app = createApp(doors, edge);
  return (url: string, accept: string) => app(new Request(url, { headers: { accept } }), {} as never);
}

const FILES: PageFiles = {
  fetch: async ({ url }) =>
    url.endsWith("/")
      ? new Response("<!doctype html>", { headers: { "content-type": "text/html", "x-of-the-store": "1" } })
      : new Response(null, { status: 404 }),
};

describe("the page's door", () => {
  it("gives the index to browsers too where the Worker was set up without the page", async () => {
    const ask = createWorker(undefined);
    const root = await ask("https://everywire.example/", "text/html");
    expect(await root.json()).toMatchObject({
      name: "everywire",
      links: { capabilities: "https://everywire.example/capabilities" },
    });
    expect((await (await ask("https://everywire.example/", "*/*")).json()) as object).not.toHaveProperty(
      "links.openapi",
    );
    expect((await ask("https://everywire.example/assets/a.js", "*/*")).status).toBe(404);
  });

  it("lets a page connect to its own host alone, and to both names of a developer's machine", async () => {
    const ask = createWorker(FILES);
    const policyOf = async (url: string) =>
      /connect-src ([^;]*)/.exec(
        (await ask(url, "text/html")).headers.get("content-security-policy") ?? "",
      )?.[1];
    expect(await policyOf("https://everywire.example/")).toBe(
      "'self' wss://everywire.example https://everywire.example:*",
    );
    expect((await policyOf("http://localhost:8787/"))?.split(" ").sort()).toEqual(
      [
        "'self'",
        "ws://localhost:8787",
        "http://localhost:8787",
        "http://127.0.0.1:8787",
        "https://localhost:*",
        "https://127.0.0.1:*",
      ].sort(),
    );
  });

  it("passes on what the store of files says of a file, and nothing else of it", async () => {
    const response = await createWorker(FILES)("https://everywire.example/", "text/html");
    expect(await response.text()).toBe("<!doctype html>");
    expect(response.headers.get("content-type")).toBe("text/html");
    expect(response.headers.get("x-of-the-store")).toBeNull();
  });
});
