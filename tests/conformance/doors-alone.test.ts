import { cpSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { doors as table } from "../../functions/routes.ts";
import { buildIfStale, locate, saveOptions } from "../../scripts/build.ts";
import type { BundledDoor } from "../../scripts/door-sizes.ts";
import { BUDGET_KIB, bundleDoors, readDocumentedKib, toKib } from "../../scripts/door-sizes.ts";
import { parseDoors } from "../../scripts/door-subset.ts";
import type { Served } from "../../scripts/serve.ts";
import { serve } from "../../scripts/serve.ts";
import type { Published, Target } from "./door-driver.ts";
import { http } from "./doors/http.ts";
import { doorOf, publishers, readers } from "./doors.ts";

const CHANNEL = "demo/alone";
const ENVIRONMENT = {
  DEV_AUTH: "true",
  ANONYMOUS_CHANNELS: "demo/**",
  RATE_LIMITS: "off",
  ALLOW_PRIVATE_WEBHOOKS: "true",
};

let directory = "";
let bundled: readonly BundledDoor[] = [];
/** A state that the whole Worker left, with one event in it. */
let state = "";
let known: Published;

beforeAll(async () => {
  await buildIfStale();
  ({ bundled, directory } = await bundleDoors());
  for (const { directory: own, bundle } of bundled) {
    await saveOptions(join(own, "wrangler.json"), own);
    writeFileSync(join(own, "worker.js"), bundle.code);
  }
  state = mkdtempSync(join(tmpdir(), "everywire-alone-"));
  const whole = await serve({ port: 0, stateDirectory: state, environment: ENVIRONMENT });
  known = await publish(http, whole);
  await whole.stop();
});
afterAll(() => {
  for (const path of [directory, state].filter((path) => path !== "")) rmSync(path, { recursive: true });
});

function publish(driver: (typeof publishers)[number] | typeof http, served: Served): Promise<Published> {
  if (driver.publish === undefined) throw new Error(`${driver.name} publishes nothing.`);
  return driver.publish(toTarget(served), CHANNEL, { type: "test.alone", data: { by: driver.name } });
}

function toTarget({ url, tcpPorts }: Served): Target {
  return { url, tcpPorts };
}

/** What a door is for that no driver of the suite drives, since it is no way onto a channel, or only by another door. */
const USES: Readonly<Record<string, (url: string) => Promise<void>>> = {
  async queue(url) {
    const sent = await post(`${url}/queue/${CHANNEL}`, { type: "test.queued", data: 1 });
    expect(sent.status).toBe(202);
    const { id } = (await sent.json()) as { id: string };
    const leased = await post(`${url}/queue/${CHANNEL}/lease`, {
      group: "alone",
      max: 10,
      after: known.sequence,
      waitMs: 10_000,
    });
    expect(leased.status, await leased.clone().text()).toBe(200);
    expect(await leased.text()).toContain(id);
  },
  async rest(url) {
    const answer = await post(`${url}/auth/token`, { name: "root", roles: ["admin"] });
    const { token } = (await answer.json()) as { token: string };
    const user = { name: "Ada", email: "ada@example.com" };
    const created = await post(`${url}/api/v1/users`, user, token);
    expect(created.status, await created.clone().text()).toBe(201);
    const read = await fetch(new URL(created.headers.get("location") ?? "", url), {
      headers: { authorization: `Bearer ${token}` },
    });
    expect(await read.json()).toMatchObject(user);
  },
  async guide(url) {
    const choice = await fetch(`${url}/guide/choice?use=chat&client=browser`);
    expect(choice.status).toBe(200);
    expect(await choice.text()).toContain("websocket");
  },
  async page(url) {
    const page = await fetch(url, { headers: { accept: "text/html" } });
    const [, script = ""] = /<script type="module" src="(\/assets\/[^"]+)"/.exec(await page.text()) ?? [];
    expect((await fetch(url + script)).status, script).toBe(200);
    const index = (await (await fetch(url)).json()) as { links: object };
    expect(Object.keys(index.links)).toEqual(["capabilities", "health", "ready"]);
  },
  async system(url) {
    expect((await fetch(`${url}/health`)).status).toBe(200);
  },
};

function post(url: string, body: object, token?: string): Promise<Response> {
  return fetch(url, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    },
    body: JSON.stringify(body),
  });
}

/** One event through it, from and to each of its wires, or what else it is for. */
async function use(name: string, served: Served): Promise<void> {
  const custom = USES[name];
  if (custom !== undefined) return custom(served.url);
  const written = publishers.filter((driver) => doorOf(driver) === name);
  const read = readers.filter((driver) => doorOf(driver) === name);
  expect(written.length + read.length).toBeGreaterThan(0);
  const expected = [known.sequence];
  for (const driver of written) expected.push((await publish(driver, served)).sequence);
  for (const driver of read) {
    const reader = await driver.read(toTarget(served), CHANNEL, "earliest");
    for (const sequence of expected) expect((await reader.next()).sequence, driver.name).toBe(sequence);
    await reader.cut();
  }
  // It can only write, and it wrote behind what was there.
  expect([...expected].sort()).toEqual(expected);
}

describe("a door by itself", () => {
  it.each(table.map(({ name }) => [name]))(
    "%s is built and served alone, and goes on where the whole was",
    async (name) => {
      const own = bundled.find((each) => each.name === name);
      if (own === undefined) throw new Error(`${name} was not bundled.`);
      const stateDirectory = mkdtempSync(join(tmpdir(), "everywire-alone-"));
      cpSync(state, stateDirectory, { recursive: true });
      const served = await serve({
        port: 0,
        doors: [name],
        bundle: join(own.directory, "worker.js"),
        stateDirectory,
        environment: ENVIRONMENT,
      });
      try {
        const ready = (await (await fetch(`${served.url}/ready`)).json()) as object;
        const hasRecords = own.subset.parts.includes("records");
        expect(ready).toMatchObject({
          status: "ok",
          dependencies: { directory: "ok", records: hasRecords ? "ok" : "off" },
          store: hasRecords ? "sqlite" : "none",
        });
        const capabilities = (await (await fetch(`${served.url}/capabilities`)).json()) as {
          doors: readonly { name: string }[];
          ports: object;
        };
        const door = table.find((each) => each.name === name);
        expect(capabilities.doors.map((each) => each.name)).toEqual(
          door?.guarantees === undefined ? [] : [name],
        );
        expect(Object.keys(capabilities.ports)).toEqual(door?.tcp === undefined ? [] : [door.tcp.port]);
        await use(name, served);
      } finally {
        await served.stop();
        rmSync(stateDirectory, { recursive: true });
      }
    },
  );
});

describe("the size of the Worker", () => {
  it("is within its budget, by itself and for each door", () => {
    for (const { name, bundle } of bundled) {
      const budget = name === "all" ? BUDGET_KIB.whole : BUDGET_KIB.door;
      expect(toKib(bundle.gzipBytes), `${name}, in KiB`).toBeLessThanOrEqual(budget);
    }
  });

  it("is what docs/deploy.md tells (`npm run sizes` writes it)", () => {
    const documented = readDocumentedKib();
    expect([...documented.keys()]).toEqual(bundled.map(({ name }) => name));
    for (const { name, bundle } of bundled) {
      const kib = documented.get(name) ?? 0;
      // A few lines more are no news, a package is.
      expect(Math.abs(toKib(bundle.gzipBytes) - kib), name).toBeLessThanOrEqual(Math.max(3, kib * 0.05));
    }
  });

  it("is measured as wrangler bundles it", async () => {
    const deployed = gzipSync(await readFile(locate({}).bundle), { level: 9 }).byteLength;
    const measured = bundled.find(({ name }) => name === "all")?.bundle.gzipBytes ?? 0;
    expect(Math.abs(measured / deployed - 1)).toBeLessThan(0.02);
  });

  it("leaves out what a door does not need", () => {
    const packagesOf = (name: string) => [
      ...(bundled.find((each) => each.name === name)?.bundle.parts.keys() ?? []),
    ];
    expect(packagesOf("sse")).toEqual(expect.arrayContaining(["hono", "jose"]));
    for (const name of [
      "graphql",
      "svix",
      "@upstash/redis",
      "@upstash/qstash",
      "mqtt-packet",
      "@connectrpc/connect",
      "zod",
    ]) {
      expect(packagesOf("sse")).not.toContain(name);
    }
    expect(packagesOf("graphql")).not.toContain("graphiql");
  });
});

describe("DOORS", () => {
  it("names the doors that there are where it is given one that there is not", () => {
    expect(() => parseDoors("sse,soap")).toThrow(/no door "soap"\. There are http, sse, /);
  });

  it("means all of them where it is empty, or says so", () => {
    expect(parseDoors(undefined)).toBeUndefined();
    expect(parseDoors(" , ")).toBeUndefined();
    expect(parseDoors("all")).toBeUndefined();
    expect(parseDoors("rest, sse,sse")).toEqual(["sse", "rest", "system"]);
  });
});
