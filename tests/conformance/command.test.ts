import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, delimiter, dirname, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { COMMANDS } from "../../clients/command/commands.ts";
import { COMPARED_DOORS, DOOR_NAMES } from "../../clients/command/doors.ts";
import { renderHelp } from "../../clients/command/help.ts";
import { Output } from "../../clients/command/output.ts";
import type { Choice } from "../../guide/choose.ts";
import type { Figures } from "../../guide/figures.ts";
import type { Guide } from "../../guide/guide.ts";
import { ROOT } from "../../scripts/paths.ts";
import type { CommandOptions } from "./command-process.ts";
import { LAUNCHER, run, start, toJsonLines } from "./command-process.ts";
import { createCuttableProxy } from "./cuttable-proxy.ts";
import { http } from "./doors/http.ts";
import { orSkipped, whyMissing } from "./missing.ts";
import type { ServedTarget } from "./serve-target.ts";
import { serveTarget } from "./serve-target.ts";

const NOWHERE = "http://127.0.0.1:1";

let target: ServedTarget;
let folder: string;

/** Where the server under test is; its other ports the command finds by itself. */
function environment(): Record<string, string> {
  return { EVERYWIRE_URL: target.url };
}

function everywire(words: readonly string[], options: CommandOptions = {}) {
  return run(words, { ...options, environment: { ...environment(), ...options.environment } });
}

function watch(words: readonly string[], options: CommandOptions = {}) {
  return start(words, { ...options, environment: { ...environment(), ...options.environment } });
}

beforeAll(async () => {
  [target, folder] = await Promise.all([
    serveTarget({}, { withGateway: true }),
    mkdtemp(join(tmpdir(), "everywire-command-")),
  ]);
}, 60_000);

afterAll(async () => {
  await target?.stop();
  await rm(folder, { recursive: true, force: true });
});

describe("everywire pub and sub", () => {
  const channel = "demo/command";
  const bytes = Buffer.from([0, 255, 1, 254]);
  let published: readonly string[];

  beforeAll(async () => {
    await writeFile(join(folder, "bytes.bin"), bytes);
    const one = await everywire(["pub", channel, "hi there", "--json", "--id", "one"]);
    const again = await everywire(["pub", channel, "hi there", "--id", "one"]);
    const lines = await everywire(["pub", channel, "--type", "reading", "--json"], {
      stdin: '{"x":1}\nnot json\n\n3\n',
    });
    const file = await everywire(["pub", channel, "--file", join(folder, "bytes.bin"), "--json"]);
    for (const { code, stderr } of [one, again, lines, file]) expect([code, stderr]).toEqual([0, ""]);
    const acks = [one, lines, file].flatMap((result) => toJsonLines(result));
    published = acks.map(({ sequence }) => String(sequence));
    // The second was stored once, and says so.
    expect(again.stdout).toBe(`${published[0]} duplicate\n`);
    expect(published).toHaveLength(5);
  }, 60_000);

  it.concurrent.each(DOOR_NAMES)("reads the same events over %s, whole and in order", async (via) => {
    const words = [
      "sub",
      channel,
      "--via",
      via,
      "--after",
      "earliest",
      "--limit",
      "5",
      "--timeout",
      "20",
      "--json",
    ];
    const result = await everywire(words);
    expect(result.stderr).toBe("");
    expect(result.code).toBe(0);
    const events = toJsonLines(result);
    expect(events.map(({ sequence }) => sequence)).toEqual(published);
    expect(events.map(({ type }) => type)).toEqual(["message", "reading", "reading", "reading", "message"]);
    expect(events.map(({ data }) => data).slice(0, 4)).toEqual(["hi there", { x: 1 }, "not json", 3]);
    expect(events[4]?.data_base64).toBe(bytes.toString("base64"));
    for (const { subject, id, source } of events)
      expect([subject, typeof id, typeof source]).toEqual([channel, "string", "string"]);
  });

  it.concurrent.each(["graphql-ws", "udp"])(
    "goes on behind a cursor over %s, and shows what comes live",
    async (via) => {
      const live = `demo/live-${via}`;
      const { stdout } = await everywire(["pub", live, "before"]);
      const cursor = stdout.trim();
      const sub = watch(["sub", live, "--via", via, "--after", cursor, "-n", "1", "--verbose"]);
      await sub.until("live on");
      await everywire(["pub", live, "after"]);
      const result = await sub.ended;
      expect(result.code).toBe(0);
      expect(result.stdout).toMatch(/^\d\d:\d\d:\d\d\.\d{3} {2}message {2}after\n$/);
      expect(result.stderr).toMatch(/go on with --after \S+/);
    },
  );

  it.concurrent.each(["graphql-sse", "auto"])(
    "loses nothing and repeats nothing over %s when the connection is cut",
    async (via) => {
      const cut = `demo/cut-${via}`;
      const proxy = await createCuttableProxy(target.url);
      try {
        const sub = watch(["sub", cut, "--via", via, "-n", "3", "--json", "--verbose"], {
          environment: { EVERYWIRE_URL: proxy.url },
        });
        await sub.until("live on");
        await everywire(["pub", cut, "1"]);
        await sub.until('"data":1', "stdout");
        proxy.cut();
        await everywire(["pub", cut, "--lines"], { stdin: "2\n3\n" });
        const result = await sub.ended;
        expect(result.code).toBe(0);
        expect(toJsonLines(result).map(({ data }) => data)).toEqual([1, 2, 3]);
      } finally {
        await proxy.stop();
      }
    },
  );

  it("makes text from elsewhere harmless for a terminal", async () => {
    await everywire(["pub", "demo/escape", "--text", "\u001b[2Jgone"]);
    const { stdout } = await everywire(["sub", "demo/escape", "--after", "earliest", "-n", "1"]);
    expect(stdout).toContain("\\u001b[2Jgone");
    expect(stdout).not.toContain("\u001b");
  });

  it("ends without a word when nobody reads on", async () => {
    const read = `demo/read-${process.pid}`;
    const script = `set -o pipefail; "$0" "$1" sub ${read} --after earliest --json | head -n 1`;
    const reader = spawn("bash", ["-c", script, process.execPath, LAUNCHER], {
      env: { ...process.env, ...environment() },
      stdio: ["ignore", "pipe", "pipe"],
    });
    const ended = once(reader, "close");
    const said = { stdout: "", stderr: "" };
    reader.stdout.on("data", (chunk: Buffer) => (said.stdout += String(chunk)));
    reader.stderr.on("data", (chunk: Buffer) => (said.stderr += String(chunk)));
    // Nobody notices a closed pipe before the next write, so there is always one more.
    while (reader.exitCode === null) {
      await http.publish?.(target, read, { type: "message", data: 1 });
      await Promise.race([ended, delay(100)]);
    }
    await ended;
    expect(said.stdout.split("\n")).toHaveLength(2);
    expect([reader.exitCode, said.stderr]).toEqual([0, ""]);
  }, 20_000);
});

describe("everywire's exit codes", () => {
  it.concurrent.each([
    ["sub demo/quiet -n 1 --timeout 0.5", 5, ""],
    ["sub rooms/lobby --via tcp --after earliest", 4, "token"],
    ["pub rooms/lobby hi", 4, "token"],
    ["pub demo/.. hi", 1, "channel"],
    ["sbu demo/x", 2, "Did you mean 'sub'?"],
    ["choose", 2, "--use"],
    [`pub demo/x hi --url ${NOWHERE}`, 3, "Nothing answers"],
    [`sub demo/x --url ${NOWHERE}`, 3, "Nothing answers"],
    [`sub demo/x --via connect --url ${NOWHERE}`, 3, "ECONNREFUSED"],
    [`race --url ${NOWHERE}`, 3, "Nothing answers"],
  ] as const)("`%s` is %d", async (line, code, said) => {
    const result = await everywire(line.split(" "));
    expect(result.stderr).toContain(said);
    expect(result.stderr).not.toMatch(/^\s+at /m);
    expect([result.code, result.stdout]).toEqual([code, ""]);
  });

  it("are told in JSON as well", async () => {
    const result = await everywire(["sub", "rooms/lobby", "--json"]);
    expect(result.code).toBe(4);
    expect(toJsonLines(result)).toMatchObject([{ error: { code: "unauthenticated" } }]);
  });

  it("are 130 after Ctrl-C, at once and without a stack", async () => {
    const sub = watch(["sub", "demo/quiet", "--verbose"]);
    await sub.until("live on");
    sub.signal("SIGINT");
    const { code, stdout, stderr } = await sub.ended;
    expect([code, stdout]).toEqual([130, ""]);
    expect(stderr).not.toContain("Error");
  });
});

describe("everywire tail", () => {
  it("follows names and globs, channels that begin later included", async () => {
    await everywire(["pub", "demo/tail/old", "before"]);
    const tail = watch(["tail", "demo/tail/**", "demo/aside", "-n", "3", "--json", "--verbose"]);
    await tail.until("live on");
    await everywire(["pub", "demo/tail/old", "1"]);
    await tail.until("demo/tail/old", "stdout");
    await everywire(["pub", "demo/tail/new/deep", "2"]);
    await tail.until("demo/tail/new/deep", "stdout");
    await everywire(["pub", "demo/aside", "3"]);
    const result = await tail.ended;
    expect(result.code).toBe(0);
    expect(toJsonLines(result).map(({ data }) => data)).toEqual([1, 2, 3]);
  });
});

describe("everywire race and bench", () => {
  it("has every door deliver everything, with times and bytes", async () => {
    const result = await everywire(["race", "--json", "--count", "6", "--rate", "10"]);
    const [race] = toJsonLines(result) as unknown as [
      { published: number; doors: Record<string, unknown>[] },
    ];
    expect(race.published).toBe(6);
    expect(race.doors.map(({ door, state, received, repeats }) => [door, state, received, repeats])).toEqual(
      COMPARED_DOORS.map(({ name }) => [name, "live", 6, 0]),
    );
    for (const { p50Ms, p99Ms, bytesPerEvent } of race.doors as Record<string, number>[]) {
      expect(p50Ms).toBeGreaterThan(0);
      expect(p99Ms).toBeGreaterThanOrEqual(p50Ms ?? 0);
      // An event's data alone has 128, of which a wire that compresses can save a quarter.
      expect(bytesPerEvent).toBeGreaterThan(96);
    }
    expect(result.code).toBe(0);
  });

  it("draws a table for people", async () => {
    const result = await everywire(["race", "--via", "sse,websocket", "--count", "2", "--rate", "20"]);
    expect(result.stdout).toMatch(/^door +state +events +missing/);
    expect(result.stdout).toMatch(/^sse +live +2 +0/m);
    expect(result.code).toBe(0);
  });

  it("writes figures that the guide can show, and says which door is not there", async () => {
    const file = join(folder, "figures.json");
    const words = ["bench", "--count", "3", "--via", "tcp,udp", "--json", "--write", file];
    const result = await everywire(words, { environment: { UDP_PORT: "1" } });
    const figures = JSON.parse(await readFile(file, "utf8")) as Figures;
    expect(figures.vias.tcp).toMatchObject({ events: 3 });
    expect(figures.vias.tcp?.bytesPerEvent).toBeGreaterThan(figures.dataBytes);
    expect(figures.versions).toMatchObject({ node: process.versions.node });
    expect(figures.machine).not.toContain(basename(folder));
    expect(toJsonLines(result)).toMatchObject([{ failed: [{ door: "udp" }] }]);
    expect(result.code).toBe(1);
  });
});

describe("everywire choose, token, seed, doctor", () => {
  it("chooses with reasons, with no server, as GET /guide/choice does", async () => {
    const words = ["choose", "--use", "chat", "--client", "browser"];
    const result = await everywire([...words, "--json"], { environment: { EVERYWIRE_URL: NOWHERE } });
    const [choice] = toJsonLines(result) as unknown as [Choice];
    const response = await fetch(`${target.url}/guide/choice?use=chat&client=browser`);
    expect(await response.json()).toEqual(choice);
    expect(choice.choice.protocol).toBe("websocket");
    const shown = await everywire(words);
    expect(shown.stdout).toMatch(/^WebSocket: .+\n {2}\+ /);
    expect(shown.stdout).toContain(`${target.url.replace(/^http/, "ws")}/ws/demo/hello`);
  });

  it("serves the guide as JSON, whole or by its use, and says what it does not know", async () => {
    const whole = (await (await fetch(`${target.url}/guide`)).json()) as Guide;
    expect(whole.protocols.length).toBeGreaterThan(15);
    const games = (await (await fetch(`${target.url}/guide?use=games`)).json()) as Guide;
    expect(games.protocols[0]?.fits).toHaveProperty("games.grade", "best");
    const bad = await fetch(`${target.url}/guide?use=cooking`);
    expect(bad.status).toBe(400);
    expect(await bad.json()).toMatchObject({ error: { code: "invalid_argument" } });
  });

  it("gets a token that opens what is closed to strangers", async () => {
    const { code, stdout } = await everywire(["token", "ada"]);
    expect(code).toBe(0);
    const signedIn = { environment: { EVERYWIRE_TOKEN: stdout.trim() } };
    expect(await everywire(["pub", "rooms/lobby", "hi", "-q"], signedIn)).toEqual({
      code: 0,
      stdout: "",
      stderr: "",
    });
    for (const via of ["mqtt", "grpc"]) {
      const words = ["sub", "rooms/lobby", "--via", via, "--after", "earliest", "-n", "1", "--json"];
      expect(toJsonLines(await everywire(words, signedIn))).toMatchObject([{ data: "hi" }]);
    }
  });

  it("fills a server with records, once", async () => {
    const first = await everywire(["seed", "--json"], { deadlineMs: 60_000 });
    expect([first.code, first.stderr]).toEqual([0, ""]);
    expect(toJsonLines(first)).toMatchObject([{ users: 50, products: 200, posts: 100, created: 350 }]);
  }, 60_000);

  it("finds what is there and what is not", async () => {
    const found = await everywire(["doctor", "--json"], { environment: { UDP_PORT: "1", PATH: "/nowhere" } });
    const [report] = toJsonLines(found) as unknown as [
      { ok: boolean; checks: { name: string; status: string; remedy?: string }[] },
    ];
    const statuses = Object.fromEntries(report.checks.map(({ name, status }) => [name, status]));
    const there = {
      worker: "ok",
      ready: "ok",
      doors: "ok",
      tcp: "ok",
      mqtt: "ok",
      gateway: "ok",
      grpc: "ok",
      tls: "ok",
    };
    expect(statuses).toMatchObject({ ...there, udp: "missing", curl: "off", token: "off" });
    // Whatever is not there comes with what to do about it.
    for (const { status, remedy } of report.checks) if (status !== "ok") expect(remedy).toBeTruthy();
    expect([found.code, report.ok]).toEqual([0, true]);
    expect((await everywire(["doctor", "--strict"], { environment: { UDP_PORT: "1" } })).code).toBe(1);
    expect((await everywire(["doctor"], { environment: { EVERYWIRE_URL: NOWHERE } })).code).toBe(3);
  });
});

describe("everywire in a terminal", () => {
  const SCRIPT = "/usr/bin/script";
  const why = whyMissing(SCRIPT);
  const inTerminal = (line: string) =>
    [SCRIPT, "-qec", `stty rows 30 cols 120; exec "$NODE" "${LAUNCHER}" ${line}`] as const;
  const environment = { NODE: process.execPath, TERM: "xterm" };

  it.skipIf(why)(orSkipped("asks, and takes numbers, words and Enter for answers", why), async () => {
    const choosing = watch(["/dev/null"], { program: inTerminal("choose"), environment });
    await choosing.until("What do you build?", "stdout");
    // Also what is typed ahead.
    choosing.write("2\nbrowser\n\n\n\n\n");
    const { code, stdout } = await choosing.ended;
    expect(stdout).toContain("Who is at the other end?");
    expect(stdout).toMatch(/WebSocket.*: One connection/);
    expect(code).toBe(0);
  });

  it.skipIf(why)(
    orSkipped("draws the race over itself until Ctrl-C, and leaves the terminal as it was", why),
    async () => {
      const racing = watch(["/dev/null"], {
        program: inTerminal("race --via sse,tcp --rate 20"),
        environment,
      });
      await racing.until(/([3-9]|\d\d) published to/, "stdout");
      racing.write("\u0003");
      const { code, stdout } = await racing.ended;
      expect(code).toBe(0);
      expect(stdout).toContain("\u001b[J");
      // Wrapping is off only while it draws.
      expect(stdout.lastIndexOf("\u001b[?7h")).toBeGreaterThan(stdout.lastIndexOf("\u001b[?7l"));
    },
  );
});

describe("everywire serve", () => {
  it("starts a server, and ends with it on Ctrl-C", async () => {
    const ports = Object.fromEntries(["TCP_PORT", "MQTT_PORT", "QSTASH_PORT"].map((name) => [name, "0"]));
    const serving = start(["serve", "--port", "0", "--state", join(folder, "state"), "--dev-auth"], {
      environment: { ...ports, GATEWAY: "off" },
    });
    await serving.until(/Everywire is at (\S+)/, "stdout");
    await serving.until("Ctrl-C stops", "stdout");
    serving.signal("SIGINT");
    const { code, stdout } = await serving.ended;
    expect(code).toBe(0);
    expect(stdout).toContain(join(basename(folder), "state"));
  });
});

describe("everywire help and completion", () => {
  it.each(COMMANDS)("explains $name with examples that are its own", async (spec) => {
    const help = renderHelp(spec, new Output(false, {})).join("\n");
    for (const { name } of spec.options) expect(help).toContain(`--${name}`);
    expect(spec.examples.length).toBeGreaterThan(0);
    for (const { command } of spec.examples) expect(help).toContain(command);
  });

  it("shows that on --help and on help", async () => {
    const [asked, named] = await Promise.all([everywire(["sub", "--help"]), everywire(["help", "sub"])]);
    const spec = COMMANDS.find(({ name }) => name === "sub") ?? expect.fail("There is no 'sub'.");
    expect(asked).toEqual({
      code: 0,
      stdout: `${renderHelp(spec, new Output(false, {})).join("\n")}\n`,
      stderr: "",
    });
    expect(named).toEqual(asked);
  });

  it("lists every command, and has no colours where there is no terminal or NO_COLOR", async () => {
    const plain = await everywire(["help"]);
    for (const { name } of COMMANDS) expect(plain.stdout).toContain(`  ${name} `);
    const colored = await everywire(["help"], { environment: { FORCE_COLOR: "1" } });
    const without = await everywire(["help"], { environment: { FORCE_COLOR: "1", NO_COLOR: "1" } });
    expect(colored.stdout).toContain("\u001b[1m");
    expect(without.stdout).toBe(plain.stdout);
  });

  it("completes commands, options and doors in bash", async () => {
    const { stdout: script } = await everywire(["completion", "bash"]);
    const complete = (...words: readonly string[]) => {
      const set = `COMP_WORDS=(${words.map((word) => `"${word}"`).join(" ")}); COMP_CWORD=${words.length - 1}`;
      const program = `${script}\n${set}; _everywire; printf '%s\\n' "\${COMPREPLY[@]}"`;
      const { stdout, stderr } = spawnSync("bash", ["--norc", "-c", program], { encoding: "utf8" });
      expect(stderr).toBe("");
      return stdout.trim().split("\n");
    };
    expect(complete("everywire", "s")).toEqual(["serve", "sub", "seed"]);
    expect(complete("everywire", "sub", "demo/x", "--v")).toEqual(["--via", "--verbose"]);
    expect(complete("everywire", "sub", "--via", "graphql")).toEqual(["graphql-sse", "graphql-ws"]);
    expect(complete("everywire", "init", "my-app", "--doors", "web")).toEqual(["websocket", "webhooks"]);
    expect(complete("everywire", "completion", "z")).toEqual(["zsh"]);
  });

  it.each(["bash", "zsh", "fish"])("writes a script that %s can read", async (shell) => {
    const { stdout } = await everywire(["completion", shell]);
    const file = join(folder, `completion.${shell}`);
    await writeFile(file, stdout);
    for (const { name } of COMMANDS) expect(stdout).toContain(name);
    const checked = spawnSync(shell, ["-n", file], { encoding: "utf8" });
    // What only the shell itself can say is said where it is installed; `.ci/run` installs bash alone.
    if (checked.error === undefined) expect([checked.status, checked.stderr]).toEqual([0, ""]);
    else expect(shell).not.toBe("bash");
  });
});

describe("npx everywire", () => {
  it("works in a fresh clone, in any folder of it, with no registry", async () => {
    const clone = join(folder, "clone");
    const left = new Set(["node_modules", "dist", ".git", ".wrangler", ".everywire", "coverage"]);
    await cp(ROOT, clone, {
      recursive: true,
      filter: (path) => dirname(path) !== ROOT || !left.has(basename(path)),
    });
    await symlink(join(ROOT, "node_modules"), join(clone, "node_modules"));
    const npx = (cwd: string) =>
      everywire(
        ["--offline", "everywire", "sub", "demo/command", "--after", "earliest", "-n", "1", "--json"],
        {
          program: ["npx"],
          cwd,
          environment: { npm_config_cache: join(folder, "npm"), PATH: systemPath() },
        },
      );
    for (const cwd of [clone, join(clone, "clients")]) {
      const result = await npx(cwd);
      expect(result.code, result.stderr).toBe(0);
      expect(toJsonLines(result)).toMatchObject([{ data: "hi there" }]);
    }
  });

  it("ends with npx, where only that is told to", async () => {
    const sub = watch(["--offline", "everywire", "sub", "demo/quiet", "--verbose"], {
      program: ["npx"],
      environment: { npm_config_cache: join(folder, "npm"), PATH: systemPath() },
    });
    await sub.until("live on");
    sub.signal("SIGTERM");
    // Its streams stay open for as long as anything runs that has them.
    await sub.ended;
  });

  it("runs on the Node that the machine has, from 20 on, and hands its signals and exit codes through", async () => {
    const program = ["node", LAUNCHER] as const;
    const onSystem = { program, environment: { PATH: systemPath() } };
    const failed = await everywire(["sub", "demo/quiet", "-n", "1", "--timeout", "0.2"], onSystem);
    expect(failed.code).toBe(5);
    const sub = watch(["sub", "demo/quiet", "--verbose"], onSystem);
    await sub.until("live on");
    sub.signal("SIGTERM");
    expect((await sub.ended).code).toBe(130);
  });
});

/** The path of a user's shell: without what npm puts before it for its scripts. */
function systemPath(): string {
  const own = join(ROOT, "node_modules");
  const folders = (process.env.PATH ?? "").split(delimiter);
  return folders.filter((path) => !path.startsWith(own) && !path.includes("node-gyp-bin")).join(delimiter);
}
