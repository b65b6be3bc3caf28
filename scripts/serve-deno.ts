import type { ChildProcess } from "node:child_process";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { assertSettings, toBindings } from "./bindings.ts";
import { endWithParent } from "./end-with-parent.ts";
import { ROOT, toBinary } from "./paths.ts";
import { StartError } from "./start-error.ts";

export interface ServeDenoOptions {
  /** Zero takes any free port. */
  readonly port: number;
  readonly host?: string;
  /** Where the secret of tokens is kept; all other state is in Redis. */
  readonly stateDirectory: string;
  /** Where the settings are read from (see `bindings.ts`); it must name a Redis. */
  readonly environment: NodeJS.ProcessEnv;
}

export interface ServedDeno {
  /** Without a slash at the end. */
  readonly url: string;
  readonly process: ChildProcess;
  stop(): Promise<void>;
  /** SIGKILL, as a crash would be. */
  kill(): Promise<void>;
}

/** What Deno itself reads of the environment. */
const DENO_NAMES = ["PATH", "HOME", "DENO_DIR", "NO_COLOR"];
const LISTENING = /Listening on (http:\S+?)\/?\s/;
const START_MS = 30_000;
const GRACE_MS = 1000;

/**
 * Serves `deno.ts` by `deno serve`, which may use the network and read its settings, and nothing else.
 *
 * @throws StartError
 */
export async function serveDeno(options: ServeDenoOptions): Promise<ServedDeno> {
  const { host = "127.0.0.1", port, environment, stateDirectory } = options;
  mkdirSync(stateDirectory, { recursive: true });
  const bindings = toBindings(environment, stateDirectory);
  assertSettings(bindings);
  if (!bindings.UPSTASH_REDIS_REST_URL || !bindings.UPSTASH_REDIS_REST_TOKEN) {
    throw new StartError(
      "Set UPSTASH_REDIS_REST_URL and UPSTASH_REDIS_REST_TOKEN: under Deno everything is kept there. For a Redis of this machine: docs/deno.md.",
    );
  }
  const own = Object.fromEntries(DENO_NAMES.map((name) => [name, environment[name] ?? process.env[name]]));
  const listen = ["--host", host, "--port", String(port)];
  const may = ["--allow-net", "--allow-env", "--no-prompt"];
  const child = spawn(toBinary("deno"), ["serve", "--no-lock", ...listen, ...may, join(ROOT, "deno.ts")], {
    cwd: ROOT,
    env: { ...own, ...bindings },
    stdio: ["ignore", "pipe", "pipe"],
    // npm's `deno` starts the real one: a signal is for both.
    detached: true,
  });
  endWithParent(child, true);
  const signalAll = async (signal: NodeJS.Signals) => {
    if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
    const exited = once(child, "exit");
    process.kill(-child.pid, signal);
    await exited;
  };
  const kill = () => signalAll("SIGKILL");
  const stop = async () => {
    // Deno lets requests end first, and a stream does not end by itself: its reader goes on from its cursor elsewhere.
    const timer = setTimeout(() => void kill(), GRACE_MS);
    await signalAll("SIGTERM");
    clearTimeout(timer);
  };
  try {
    return { url: await untilListening(child), process: child, stop, kill };
  } catch (thrown) {
    await kill();
    throw thrown;
  }
}

/** Deno says where it listens; what it says besides is passed on. */
function untilListening(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let said = "";
    const fail = (why: string) => reject(new StartError(`Deno does not serve: ${why}\n${said}`));
    const timer = setTimeout(() => fail("it says nothing."), START_MS);
    const onText = (chunk: Buffer) => {
      const text = String(chunk);
      const rest = text.replace(/^.*Listening on .*\n?/m, "");
      if (rest.trim() !== "") process.stderr.write(rest);
      said += text;
      const url = LISTENING.exec(said)?.[1];
      if (url === undefined) return;
      clearTimeout(timer);
      said = "";
      resolve(url);
    };
    child.stdout?.on("data", onText);
    child.stderr?.on("data", onText);
    child.on("error", (error) => fail(error.message));
    child.on("exit", (code) => {
      clearTimeout(timer);
      fail(`it ended with ${code}.`);
    });
  });
}
