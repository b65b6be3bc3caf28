import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { DCLinter } from "dclint";
import { validate } from "dockerfile-utils";
import { afterAll, describe, expect, it } from "vitest";
import { ROOT } from "../../scripts/paths.ts";
import { findFreePort } from "../../scripts/port.ts";
import { buildStages } from "./container-run.ts";
import { assertOk } from "./http-exchange.ts";

const SELF_HOST = join(ROOT, "self-host");
const CONTAINERFILE = join(SELF_HOST, "Containerfile");
const COMPOSE = join(SELF_HOST, "compose.yaml");

describe("the container files", () => {
  it.each([CONTAINERFILE, join(ROOT, "gateway", "Containerfile")])(
    "has no fault that a linter knows: %s",
    (path) => {
      expect(validate(readFileSync(path, "utf8"))).toEqual([]);
    },
  );

  it("has a compose file that fits the specification, and in which a linter finds nothing", () => {
    const results = new DCLinter({
      rules: {
        // What belongs together stands together: image, state, settings, network, rights.
        "service-keys-order": 0,
        "services-alphabetical-order": 0,
        // It sees no address in a variable; that there is one is looked at below.
        "no-unbound-port-interfaces": 0,
        "require-quotes-in-ports": [1, { quoteType: "double" }],
      },
      quiet: false,
      debug: false,
      exclude: [],
    }).lintFiles([COMPOSE], false);
    expect(
      results.flatMap(({ messages }) =>
        messages.map(({ line, rule, message }) => `${line} ${rule}: ${message}`),
      ),
    ).toEqual([]);
  });

  it("opens its ports on the address that .env names, and on this machine alone where it names none", () => {
    const ports = Array.from(readFileSync(COMPOSE, "utf8").matchAll(/^ +- "(.*:\d+(?:\/udp)?)"$/gm));
    expect(ports.length).toBeGreaterThan(5);
    for (const [, port] of ports) expect(port).toMatch(/^\$\{BIND:-127\.0\.0\.1\}:/);
  });

  it("keeps no secret in the compose file: each is asked for, by a name that .env.example has", () => {
    const text = readFileSync(COMPOSE, "utf8");
    const asked = Array.from(text.matchAll(/\$\{([A-Z_]+)/g), ([, name]) => name);
    const offered = readFileSync(join(SELF_HOST, ".env.example"), "utf8").matchAll(/^([A-Z_]+)=/gm);
    expect(new Set(asked)).toEqual(new Set(Array.from(offered, ([, name]) => name)));
    for (const [, name, value] of text.matchAll(/^\s+(\w*(?:SECRET|PASS|TOKEN|AUTH)\w*): (.*)$/gm)) {
      expect(`${name}=${value}`).toMatch(/=\$\{/);
    }
  });
});

describe("what the Containerfile builds, as a user without rights", () => {
  let directory: string | undefined;
  const started: ChildProcess[] = [];
  afterAll(async () => {
    for (const child of started) child.kill("SIGKILL");
    if (directory !== undefined) await rm(directory, { recursive: true, force: true });
  });

  it("serves, says that it is healthy, keeps its state when it is stopped and started again", async () => {
    directory = await mkdtemp(join(tmpdir(), "everywire-containers-"));
    // Whoever runs it has to come in.
    await chmod(directory, 0o755);
    const stages = await buildStages(CONTAINERFILE, directory);
    const worker = stages.get("worker");
    const bridge = stages.get("redis-rest");
    if (worker === undefined || bridge === undefined) throw new Error("The Containerfile lacks a stage.");
    const host = "127.0.0.1";
    const environment = {
      HOST: host,
      PORT: String(await findFreePort(host)),
      TCP_PORT: String(await findFreePort(host)),
      MQTT_PORT: String(await findFreePort(host)),
      ANONYMOUS_CHANNELS: "demo/**",
      STOP_SECONDS: "1",
    };
    const url = `http://${host}:${environment.PORT}/channels/demo/kept`;
    const run = async () => {
      const child = worker.start(environment);
      started.push(child);
      if (child.stdout === null) throw new Error("Its stdout is a pipe.");
      const [line] = await once(createInterface({ input: child.stdout }), "line");
      expect(JSON.parse(String(line))).toMatchObject({ ready: { PORT: Number(environment.PORT) } });
      return child;
    };
    expect(await worker.checkHealth(environment)).toBe(1);
    const first = await run();
    expect(await worker.checkHealth(environment)).toBe(0);
    const published = await assertOk(
      await fetch(url, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ type: "a", data: "kept" }),
      }),
    );
    const { sequence } = (await published.json()) as { sequence: string };
    const ended = once(first, "exit");
    first.kill("SIGTERM");
    expect(await ended).toEqual([0, null]);
    await run();
    const { events } = (await (await fetch(`${url}?after=earliest`)).json()) as { events: object[] };
    expect(events).toMatchObject([{ sequence, data: "kept" }]);

    // The bridge has no Redis here: it starts, and is not healthy.
    const port = String(await findFreePort(host));
    const bridgeEnvironment = { PORT: port, URS_TOKEN: "token", REDIS_URL: `redis://${host}:1` };
    const child = bridge.start(bridgeEnvironment);
    started.push(child);
    if (child.stdout === null) throw new Error("Its stdout is a pipe.");
    await once(child.stdout, "data");
    expect(await bridge.checkHealth(bridgeEnvironment)).toBe(1);
  }, 60_000);
});
