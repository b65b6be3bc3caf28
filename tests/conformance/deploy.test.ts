import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Check } from "../../clients/command/doctor/check.ts";
import type { DeployOptions } from "../../clients/command/doctor/deploy-checks.ts";
import { checkDeploy, isDeployable } from "../../clients/command/doctor/deploy-checks.ts";
import { buildIfStale } from "../../scripts/build.ts";
import { ROOT } from "../../scripts/paths.ts";
import type { CommandResult } from "./command-process.ts";
import { LAUNCHER, start } from "./command-process.ts";
import type { FakeCloudflare, FakeOptions } from "./fake-cloudflare.ts";
import { startFakeCloudflare } from "./fake-cloudflare.ts";

const DEPLOY = join(ROOT, "scripts", "deploy.ts");
const TOKEN = "a-token";
const SECRET = "s".repeat(40);
/** Two builds by wrangler may be under way beside it. */
const DEADLINE_MS = 60_000;

let directory = "";
const running: FakeCloudflare[] = [];

beforeAll(async () => {
  await buildIfStale();
  directory = mkdtempSync(join(tmpdir(), "everywire-deploy-"));
}, DEADLINE_MS);
afterAll(async () => {
  await Promise.all(running.map((each) => each.stop()));
  rmSync(directory, { recursive: true });
});

async function fake(options: Omit<FakeOptions, "token"> = {}) {
  const cloudflare = await startFakeCloudflare({ ...options, token: TOKEN });
  running.push(cloudflare);
  return {
    cloudflare,
    environment: {
      CLOUDFLARE_API_BASE_URL: cloudflare.url,
      CLOUDFLARE_API_TOKEN: TOKEN,
      CLOUDFLARE_ACCOUNT_ID: "0123456789abcdef0123456789abcdef",
    },
  };
}

/** As CI has it: nobody at a terminal, and no account but the one that is given. */
function run(script: string, words: readonly string[], environment: Readonly<Record<string, string>> = {}) {
  return start(words, {
    program: [process.execPath, script],
    environment: { CI: "true", ...environment },
    stdin: "",
    deadlineMs: DEADLINE_MS,
  }).ended;
}

/** What the doctor says, asked without a process around it. */
async function ask(options: Partial<DeployOptions>, environment: Readonly<Record<string, string>>) {
  const checks = await checkDeploy({ env: "production", ...options }, environment);
  return { isGood: isDeployable(checks, false), statuses: toStatuses(checks) };
}

function toStatuses(checks: readonly Check[]): Readonly<Record<string, string>> {
  return Object.fromEntries(checks.map(({ name, status }) => [name, status]));
}

function bindingsOf({ stdout }: CommandResult): readonly string[] {
  return Array.from(stdout.matchAll(/^env\.([A-Z_]+)/gm), ([, name = ""]) => name);
}

function writeSecrets(name: string, secrets: Readonly<Record<string, string>>): string {
  const path = join(directory, name);
  writeFileSync(
    path,
    Object.entries(secrets)
      .map(([key, value]) => `${key}=${value}\n`)
      .join(""),
  );
  return path;
}

describe("npm run deploy -- --dry-run", () => {
  it(
    "builds all that would be uploaded, with no account, and asks for nothing",
    async () => {
      const result = await run(DEPLOY, ["--dry-run", "--env", "staging"]);
      expect(result.code, result.stderr).toBe(0);
      expect(bindingsOf(result)).toEqual(
        expect.arrayContaining(["CHANNEL", "MQTT_SESSION", "REQUEST_RATE", "ASSETS"]),
      );
      expect(result.stdout).toContain("nobody was asked");
    },
    DEADLINE_MS,
  );

  it(
    "takes only what some doors need",
    async () => {
      const result = await run(DEPLOY, ["--dry-run"], { DOORS: "sse" });
      expect(result.code, result.stderr).toBe(0);
      expect([...bindingsOf(result)].sort()).toEqual([
        "CHANNEL",
        "DIRECTORY",
        "FEED_STREAMS",
        "REQUEST_RATE",
      ]);
    },
    DEADLINE_MS,
  );
});

describe("npm run deploy", () => {
  it("says what it needs before it builds anything", async () => {
    const [without, elsewhere, nowhere] = await Promise.all([
      run(DEPLOY, []),
      run(DEPLOY, ["--env", "elsewhere"]),
      run(DEPLOY, ["--dry-run"], { EVERYWIRE_DOMAIN: "https://api.example.com/" }),
    ]);
    expect([without.code, without.stderr]).toEqual([1, expect.stringContaining("CLOUDFLARE_API_TOKEN")]);
    expect([elsewhere.code, elsewhere.stderr]).toEqual([1, expect.stringContaining("staging or production")]);
    expect([nowhere.code, nowhere.stderr]).toEqual([1, expect.stringContaining("EVERYWIRE_DOMAIN")]);
  });

  it(
    "uploads nothing that nobody could sign in to",
    async () => {
      const { cloudflare, environment } = await fake();
      const result = await run(DEPLOY, ["--env", "staging"], environment);
      expect(result.code).toBe(1);
      expect(result.stdout).toMatch(/missing +JWT_SECRET +checks bearer tokens/);
      expect(result.stderr).toContain("Nothing was uploaded");
      expect(cloudflare.requests.filter((each) => !each.startsWith("GET "))).toEqual([]);
    },
    DEADLINE_MS,
  );

  it(
    "uploads the Worker of an environment, with its objects, its secrets and its domain",
    async () => {
      const { cloudflare, environment } = await fake();
      const file = writeSecrets("staging.env", { JWT_SECRET: SECRET });
      const result = await run(DEPLOY, ["--env", "staging", "--secrets-file", file], {
        ...environment,
        EVERYWIRE_DOMAIN: "api.example.com",
      });
      expect(result.code, result.stderr).toBe(0);
      expect(result.stdout + result.stderr).not.toContain(SECRET);
      const [upload] = cloudflare.uploads;
      expect(upload?.worker).toBe("everywire-staging");
      expect(upload?.migrations).toMatchObject({
        new_tag: "v2",
        steps: [
          { new_sqlite_classes: expect.arrayContaining(["Channel"]) },
          { new_sqlite_classes: expect.arrayContaining(["MqttSession"]) },
        ],
      });
      expect(upload?.bindings).toEqual(
        expect.arrayContaining([
          { name: "PUBLIC_URL", type: "plain_text", text: "https://api.example.com" },
          { name: "JWT_SECRET", type: "secret_text", text: SECRET },
          {
            name: "REQUEST_RATE",
            type: "ratelimit",
            namespace_id: "1121",
            simple: { limit: 1200, period: 10 },
          },
        ]),
      );
      expect(cloudflare.requests).toEqual(
        expect.arrayContaining([
          expect.stringMatching(/\/domains\/changeset$/),
          expect.stringMatching(/\/schedules$/),
        ]),
      );
    },
    DEADLINE_MS,
  );

  it(
    "uploads a Worker of some doors under a name of its own, with classes that more can be added to",
    async () => {
      const { cloudflare, environment } = await fake({ secrets: { "everywire-sse": ["JWT_SECRET"] } });
      const result = await run(DEPLOY, [], { ...environment, DOORS: "sse" });
      expect(result.code, result.stderr).toBe(0);
      expect(cloudflare.uploads).toEqual([expect.objectContaining({ worker: "everywire-sse" })]);
      expect(cloudflare.uploads[0]?.exports).toEqual({
        Channel: { type: "durable-object", storage: "sqlite" },
        Directory: { type: "durable-object", storage: "sqlite" },
      });
      expect(cloudflare.uploads[0]?.migrations).toBeUndefined();
    },
    DEADLINE_MS,
  );
});

describe("everywire doctor --deploy", () => {
  it(
    "says what it could not ask where there is no account, and what each setting is for",
    async () => {
      const [usual, strict] = await Promise.all([
        run(LAUNCHER, ["doctor", "--deploy", "--json"]),
        run(LAUNCHER, ["doctor", "--deploy", "--strict"]),
      ]);
      const { ok, checks } = JSON.parse(usual.stdout) as { ok: boolean; checks: readonly Check[] };
      expect([usual.code, ok, strict.code]).toEqual([0, true, 1]);
      const unknown = { account: "unknown", JWT_SECRET: "unknown", QSTASH_TOKEN: "unknown" };
      expect(toStatuses(checks)).toMatchObject({ environment: "ok", ...unknown, rates: "ok" });
      for (const { detail } of checks) expect(detail).not.toBe("");
    },
    DEADLINE_MS,
  );

  it("asks Cloudflare, and names what is missing", async () => {
    const { environment } = await fake({
      secrets: { everywire: ["JWT_SECRET", "QSTASH_TOKEN"], "everywire-staging": ["JWKS_URL"] },
    });
    const production = await ask({}, environment);
    // Half a queue is a mistake, and no Redis is none.
    const half = { identity: "ok", queue: "missing", QSTASH_URL: "missing", redis: "off" };
    expect(production).toMatchObject({ isGood: false, statuses: half });
    expect(production.statuses).not.toHaveProperty("QSTASH_TOKEN");
    expect(await ask({ env: "staging" }, environment)).toMatchObject({
      isGood: true,
      statuses: { queue: "off" },
    });
    const few = await ask({}, { ...environment, DOORS: "sse" });
    expect([few.isGood, few.statuses.queue]).toEqual([true, undefined]);
    const whereItIs = await ask({ env: "staging" }, { ...environment, EVERYWIRE_DOMAIN: "api.example.com" });
    expect(whereItIs).toMatchObject({ isGood: true, statuses: { queue: "off" } });
  });

  it("tells a token that is refused, a secret that is short, and what is for development alone", async () => {
    const { environment } = await fake();
    const refused = await ask({}, { ...environment, CLOUDFLARE_API_TOKEN: "another" });
    expect(refused).toMatchObject({ isGood: false, statuses: { account: "failed" } });
    const open = writeSecrets("open.env", {
      JWT_SECRET: "short",
      DEV_AUTH: "true",
      REQUESTS_PER_SECOND: "50",
    });
    expect(await ask({ secretsFile: open }, environment)).toMatchObject({
      isGood: false,
      statuses: { JWT_SECRET: "failed", DEV_AUTH: "failed", rates: "failed" },
    });
    const closed = writeSecrets("closed.env", { JWT_SECRET: SECRET, DEV_AUTH: "off" });
    expect(await ask({ secretsFile: closed }, environment)).toMatchObject({ isGood: true });
    expect((await ask({ env: "elsewhere" }, environment)).statuses).toEqual({ environment: "missing" });
  });
});
