import type { ChildProcess } from "node:child_process";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import type { Http3Report } from "./http3-report.ts";
import { log } from "./log.ts";
import type { GatewaySettings } from "./settings.ts";

const FIRST_PAUSE_MS = 100;
const LAST_PAUSE_MS = 5000;
/** Where it never ran: a machine that has no Deno will not have one soon. */
const HOPELESS_PAUSE_MS = 60_000;
const START_TIMEOUT_MS = 20_000;
const STOP_TIMEOUT_MS = 5000;

/**
 * The process under Deno that has QUIC. It is started again where it ends by itself: meanwhile clients come over TCP, as
 * they do where it cannot run at all.
 */
export class Http3Process {
  readonly #settings: GatewaySettings;
  #child: ChildProcess | undefined;
  #report: Http3Report | undefined;
  #fault: string | undefined;
  #pauseMs = FIRST_PAUSE_MS;
  #wasUp = false;
  #isStopping = false;

  /** @param settings with the port that TLS took */
  constructor(settings: GatewaySettings) {
    this.#settings = settings;
  }

  /** Undefined while it does not run. */
  get report(): Http3Report | undefined {
    return this.#report;
  }

  /** Why it does not run, where it could not be started the last time that this was tried. */
  get fault(): string | undefined {
    return this.#fault;
  }

  /** Resolves when it listens, or when it is known that it does not ({@link fault}). */
  async start(): Promise<void> {
    const child = this.#spawn();
    this.#child = child;
    child.stdin?.on("error", () => {});
    const lines = createInterface({ input: child.stdout as NonNullable<ChildProcess["stdout"]> });
    const ended = new Promise<string>((resolveEnd) => {
      child.once("error", ({ message }) => resolveEnd(`Deno cannot be run: ${message}`));
      child.once("exit", (code, signal) => resolveEnd(`it ended with ${signal ?? code}; why is in the log`));
    });
    const timer = setTimeout(() => child.kill("SIGKILL"), START_TIMEOUT_MS);
    const fault = await Promise.race([once(lines, "line").then(() => undefined), ended]);
    clearTimeout(timer);
    this.#fault = fault;
    if (fault === undefined) {
      this.#wasUp = true;
      this.#pauseMs = FIRST_PAUSE_MS;
      this.#report = { requests: 0, upstream: 0, connections: 0, sessions: 0 };
      lines.on("line", (line) => (this.#report = JSON.parse(line) as Http3Report));
    }
    void ended.then((why) => this.#onEnd(why));
  }

  async stop(): Promise<void> {
    this.#isStopping = true;
    const child = this.#child;
    if (child?.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, "exit");
    child.kill("SIGTERM");
    const timer = setTimeout(() => child.kill("SIGKILL"), STOP_TIMEOUT_MS);
    await exited;
    clearTimeout(timer);
  }

  #spawn(): ChildProcess {
    const root = resolve(import.meta.dirname, "..");
    const { tlsPort, stateDirectory, deno = join(root, "node_modules", ".bin", "deno") } = this.#settings;
    const options = [
      "run",
      "--quiet",
      "--no-lock",
      "--no-remote",
      "--unstable-net",
      "--allow-net",
      "--allow-env",
    ];
    const may = ["--allow-sys", "--allow-read", `--allow-write=${stateDirectory}`];
    return spawn(deno, [...options, ...may, join(import.meta.dirname, "http3-main.ts")], {
      cwd: root,
      env: { ...process.env, TLS_PORT: String(tlsPort), DENO_NO_UPDATE_CHECK: "1" },
      // The pipe to its stdin tells it when we are gone.
      stdio: ["pipe", "pipe", "inherit"],
    });
  }

  #onEnd(why: string): void {
    this.#report = undefined;
    if (this.#isStopping) return;
    log("HTTP/3 does not run", { why, againInMs: this.#pauseMs });
    setTimeout(() => {
      if (!this.#isStopping) void this.start();
    }, this.#pauseMs);
    this.#pauseMs = this.#wasUp ? Math.min(LAST_PAUSE_MS, this.#pauseMs * 2) : HOPELESS_PAUSE_MS;
  }
}
