import { existsSync, readdirSync, symlinkSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { ROOT } from "../../scripts/paths.ts";
import { findFreePort } from "../../scripts/port.ts";
import type { CommandResult } from "./command-process.ts";
import { run, start } from "./command-process.ts";
import { readers } from "./doors.ts";
import { assertOk } from "./http-exchange.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "everywire-projects-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** Where npm would have put what the project needs: it is installed here already, in the same versions. */
async function make(name: string, doors: string): Promise<string> {
  const { code, stderr } = await run(["init", name, "--doors", doors], { cwd: folder });
  expect(stderr).toBe("");
  expect(code).toBe(0);
  const directory = join(folder, name);
  symlinkSync(join(ROOT, "node_modules"), join(directory, "node_modules"));
  return directory;
}

async function npm(directory: string, ...words: readonly string[]): Promise<CommandResult> {
  const result = await run(words, {
    program: ["npm"],
    cwd: directory,
    environment: { NO_COLOR: "1", WRANGLER_SEND_METRICS: "false", CLOUDFLARE_CF_FETCH_ENABLED: "false" },
    deadlineMs: 60_000,
  });
  expect(result.code, result.stdout + result.stderr).toBe(0);
  return result;
}

it("makes a project of REST, SSE and webhooks that is whole: it is checked, tests itself, serves and would deploy", async () => {
  const directory = await make("shop", "rest,sse,webhooks");
  expect(readdirSync(join(directory, "functions")).sort()).toEqual(
    ["boundary", "door.ts", "rest", "routes.ts", "sse", "system", "webhooks"].sort(),
  );
  const { dependencies } = JSON.parse(await readFile(join(directory, "package.json"), "utf8"));
  expect(Object.keys(dependencies)).not.toContain("graphql");
  for (const version of Object.values(dependencies)) expect(version).toMatch(/^\d+\.\d+\.\d+/);
  await npm(directory, "run", "check");
  expect((await npm(directory, "test")).stdout).toMatch(/Tests\s+2 passed/);
  const { stdout } = await npm(directory, "run", "deploy", "--", "--dry-run");
  expect(stdout).toContain("env.WEBHOOK_ENDPOINT");
  expect(stdout).not.toContain("env.MQTT_SESSION");

  const port = await findFreePort("127.0.0.1");
  const server = start(["start"], {
    program: ["npm"],
    cwd: directory,
    environment: { PORT: String(port), DEV_AUTH: "true" },
    deadlineMs: 60_000,
  });
  const url = `http://127.0.0.1:${port}`;
  await server.until(`shop is at ${url}`, "stdout");
  const post = async (path: string, body: object, token?: string) =>
    assertOk(
      await fetch(`${url}${path}`, {
        method: "POST",
        headers: {
          "content-type": "application/json",
          ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        },
        body: JSON.stringify(body),
      }),
    );
  const signedIn = await post("/auth/token", { name: "root", roles: ["admin"] });
  const { token } = (await signedIn.json()) as { token: string };
  await post("/api/v1/posts", { title: "From outside", content: "-" }, token);
  const sse = readers.find(({ name }) => name === "sse");
  const reader = await sse?.read({ url, token }, "posts", "earliest");
  expect((await reader?.next())?.event).toMatchObject({ type: "post.created" });
  await reader?.cut();
  server.signal("SIGTERM");
  expect((await server.ended).code).toBe(0);
}, 120_000);

it("makes a project of MQTT, TCP and WebSocket, which tests itself on ports of its own", async () => {
  const directory = await make("sensors", "mqtt,tcp,websocket");
  expect(existsSync(join(directory, "durable-objects", "mqtt-session.ts"))).toBe(true);
  expect(existsSync(join(directory, "services", "svix.ts"))).toBe(false);
  expect((await npm(directory, "test")).stdout).toMatch(/Tests\s+6 passed/);
}, 120_000);

it("writes nothing where the doors or the folder will not do, and says what would", async () => {
  const unknown = await run(["init", "other", "--doors", "rest,ssee"], { cwd: folder });
  expect(unknown.code).toBe(2);
  expect(unknown.stderr).toContain("sse");
  const none = await run(["init", "other"], { cwd: folder });
  expect([none.code, none.stderr]).toEqual([2, expect.stringContaining("--doors rest")]);
  const taken = await run(["init", "shop", "--doors", "sse"], { cwd: folder });
  expect([taken.code, taken.stderr]).toEqual([1, expect.stringContaining("not empty")]);
  expect(readdirSync(folder).sort()).toEqual(["sensors", "shop"]);
});
