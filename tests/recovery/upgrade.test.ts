import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { buildIfStale } from "../../scripts/build.ts";
import type { Served } from "../../scripts/serve.ts";
import { serve } from "../../scripts/serve.ts";

const KEPT = join(import.meta.dirname, "first-state");

interface Answers {
  readonly events: readonly { readonly id: string; readonly sequence: string }[];
  readonly user: { readonly id: string };
  readonly product: { readonly id: string };
  readonly post: { readonly id: string };
  readonly order: { readonly id: string; readonly status: string };
}

describe("the state of the first version", () => {
  const answers = JSON.parse(readFileSync(join(KEPT, "answers.json"), "utf8")) as Answers;
  const stateDirectory = mkdtempSync(join(tmpdir(), "everywire-upgrade-"));
  let served: Served;
  let token: string;

  const get = async (path: string): Promise<Response> => {
    const response = await fetch(`${served.url}${path}`, { headers: { authorization: `Bearer ${token}` } });
    expect(response.status).toBe(200);
    return response;
  };
  const post = async (path: string, body: object): Promise<Record<string, unknown>> => {
    const response = await fetch(`${served.url}${path}`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
    });
    expect(response.ok).toBe(true);
    return (await response.json()) as Record<string, unknown>;
  };

  beforeAll(async () => {
    await buildIfStale();
    execFileSync("tar", ["-xzf", join(KEPT, "state.tar.gz"), "-C", stateDirectory]);
    served = await serve({
      port: 0,
      stateDirectory,
      environment: {
        DEV_AUTH: "true",
        ANONYMOUS_CHANNELS: "demo/**",
        // It was written once, and only gets older.
        RETENTION_MAX_AGE_SECONDS: String(100 * 365 * 86_400),
      },
    });
    token = String((await post("/auth/token", { name: "root", roles: ["admin"] })).token);
  });
  afterAll(async () => {
    await served.stop();
    rmSync(stateDirectory, { recursive: true, force: true });
  });

  it("has every event at its place, and goes on after them", async () => {
    const { sequence } = await post("/channels/demo/kept", { type: "new", data: { n: 7 } });
    const { events } = (await (await get("/channels/demo/kept?after=earliest")).json()) as {
      events: readonly Record<string, unknown>[];
    };
    expect(events.map((event) => [event.id, event.sequence])).toEqual([
      ...answers.events.map((event) => [event.id, event.sequence]),
      [expect.any(String), sequence],
    ]);
    expect(events.map((event) => event.data ?? event.data_base64)).toEqual([
      ...[1, 2, 3, 4, 5].map((n) => ({ n })),
      "AAEC/w==",
      { n: 7 },
    ]);
  });

  it("resumes from a cursor that it gave out", async () => {
    const cursor = answers.events[3]?.sequence;
    const page = await get(`/channels/demo/kept?after=${cursor}&limit=2`);
    const { events } = (await page.json()) as { events: readonly { sequence: string }[] };
    expect(events.map(({ sequence }) => sequence)).toEqual(
      answers.events.slice(4).map(({ sequence }) => sequence),
    );
  });

  it("has its streams", async () => {
    expect(await (await get("/v1/stream/demo/stream?offset=-1")).text()).toBe("kept text");
  });

  it("has its records, and takes new ones", async () => {
    const { user, product, post: written, order } = answers;
    expect(await (await get(`/api/v1/users/${user.id}`)).json()).toEqual(user);
    expect(await (await get(`/api/v1/posts/${written.id}`)).json()).toEqual(written);
    expect(await (await get(`/api/v1/products/${product.id}`)).json()).toMatchObject({ stock: 1 });
    expect(await (await get(`/api/v1/users/${user.id}/orders/${order.id}`)).json()).toMatchObject({
      id: order.id,
      total: 3,
    });
    const response = await fetch(`${served.url}/api/v1/posts`, {
      method: "POST",
      headers: { "content-type": "application/json", authorization: `Bearer ${token}` },
      body: JSON.stringify({ title: "New", content: "words", authorId: user.id }),
    });
    expect(response.status).toBe(201);
  });

  it("tells of its channels", async () => {
    const { channels } = (await (await get("/channels")).json()) as { channels: readonly unknown[] };
    expect(JSON.stringify(channels)).toContain("demo/kept");
  });
});
