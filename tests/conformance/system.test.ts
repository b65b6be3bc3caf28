import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { doors } from "../../functions/routes.ts";
import type { ServedTarget } from "./serve-target.ts";
import { serveTarget } from "./serve-target.ts";

let server: ServedTarget;
let closed: ServedTarget;
beforeAll(async () => {
  server = await serveTarget();
  closed = await serveTarget({ DEV_AUTH: "off" });
});
afterAll(() => Promise.all([server.stop(), closed.stop()]));

const post = (target: ServedTarget, body: string, type = "application/json") =>
  fetch(`${target.url}/auth/token`, { method: "POST", headers: { "content-type": type }, body });

describe("the server itself", () => {
  it("is alive, and ready with what it depends on", async () => {
    expect(await (await fetch(`${server.url}/health`)).json()).toEqual({ status: "ok" });
    const ready = await fetch(`${server.url}/ready`);
    expect(ready.status).toBe(200);
    expect(await ready.json()).toEqual({
      status: "ok",
      dependencies: { directory: "ok", records: "ok", queue: "ok" },
      store: "sqlite",
    });
  });

  it("tells its doors' guarantees from the table that mounts them", async () => {
    const capabilities = (await (await fetch(`${server.url}/capabilities`)).json()) as Record<
      string,
      unknown
    >;
    expect(capabilities.doors).toEqual(
      doors
        .filter((door) => door.guarantees !== undefined)
        .map(({ name, summary, guarantees }) => ({ name, summary, guarantees })),
    );
    expect(capabilities.gateway).toEqual({ status: "off" });
    expect(capabilities.devAuth).toBe(true);
    expect(await (await fetch(`${closed.url}/capabilities`)).json()).toMatchObject({ devAuth: false });
    expect(capabilities.limits).toMatchObject({ MAX_EVENT_BYTES: 262_144, PUBLISHES_PER_SECOND: 60 });
  });
});

describe.each(["/capabilities", "/openapi.json", "/guide", "/guide/choice?use=chat"])("%s", (path) => {
  const ask = (etag?: string) =>
    fetch(server.url + path, etag === undefined ? {} : { headers: { "if-none-match": etag } });

  it("is not sent again to who has it", async () => {
    const first = await ask();
    const text = await first.text();
    const etag = first.headers.get("etag") ?? "";
    expect(etag).toMatch(/^"[0-9a-f]{24}"$/);
    for (const known of [etag, `W/${etag}`, `"x", ${etag}`, "*"]) {
      const again = await ask(known);
      expect([again.status, again.headers.get("etag"), await again.text()]).toEqual([304, etag, ""]);
    }
    const other = await ask('"x"');
    expect([other.status, await other.text()]).toEqual([200, text]);
  });
});

describe("a development token", () => {
  it("is given for a name, and is good", async () => {
    const response = await post(server, JSON.stringify({ name: "Ada Lovelace", roles: ["admin"] }));
    expect(response.status).toBe(200);
    expect(response.headers.get("cache-control")).toBe("no-store");
    const answer = (await response.json()) as Record<string, string>;
    expect(answer).toMatchObject({ token_type: "Bearer", expires_in: 3600, sub: "ada-lovelace" });
    expect(answer.access_token).toBe(answer.token);
    const read = await fetch(`${server.url}/channels/users/ada-lovelace/inbox`, {
      headers: { authorization: `Bearer ${answer.token}` },
    });
    expect(read.status).toBe(200);
  });

  it("may be narrowed to channels", async () => {
    const { token } = await server.signIn("carol", { channels: { read: ["rooms/*"], write: [] } });
    const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
    expect((await fetch(`${server.url}/channels/rooms/a`, { headers })).status).toBe(200);
    const write = await fetch(`${server.url}/channels/rooms/a`, {
      method: "POST",
      headers,
      body: '{"type":"t"}',
    });
    expect(write.status).toBe(403);
  });

  it.each([
    ["{", 400, "invalid_argument"],
    ["[]", 400, "invalid_argument"],
    ["{}", 422, "validation_failed"],
    ['{"name":""}', 422, "validation_failed"],
    ['{"name":"a","roles":"admin"}', 422, "validation_failed"],
    ['{"name":"a","sub":"a/b"}', 422, "validation_failed"],
    ['{"name":"a","sub":".."}', 422, "validation_failed"],
    ['{"name":"a","expiresIn":86401}', 422, "validation_failed"],
    ['{"name":"a","channels":{"read":["a b"]}}', 422, "validation_failed"],
  ])("is refused for %s with %i %s", async (body, status, code) => {
    const response = await post(server, body);
    expect(response.status).toBe(status);
    expect(await response.json()).toMatchObject({ error: { code } });
  });

  it("is not to be had where development tokens are off", async () => {
    for (const method of ["POST", "GET", "OPTIONS"]) {
      const response = await fetch(`${closed.url}/auth/token`, { method });
      expect(response.status).toBe(404);
    }
  });

  it.each(["not.a.token", "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhIn0.", ""])(
    "that is bad (%s) is 401 also where nobody needs one",
    async (token) => {
      const response = await fetch(`${server.url}/channels/demo/a`, {
        headers: { authorization: `Bearer ${token}` },
      });
      expect(response.status).toBe(401);
    },
  );
});
