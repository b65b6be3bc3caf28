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
const START_TIMEOUT_MS = 20_000;
const STOP_TIMEOUT_MS = 5000;

/**
 * The process under Deno that has QUIC. It is started again where it ends by itself: meanwhile clients come over TCP.
 */
export class Http3Process {
  readonly #settings: GatewaySettings;
  #child: ChildProcess | undefined;
  #report: Http3Report | undefined;
  #pauseMs = FIRST_PAUSE_MS;
  #isStopping = false;

  /** @param settings with the port that TLS took */
  constructor(settings: GatewaySettings) {
    this.#settings = settings;
  }

  /** Undefined while it does not run. */
  get report(): Http3Report | undefined {
    return this.#report;
  }

  /** Resolves when it listens. @throws Error where it does not */
  async start(): Promise<void> {
    const { tlsPort, stateDirectory } = this.#settings;
    const root = resolve(import.meta.dirname, "..");
    const deno = join(root, "node_modules", ".bin", "deno");
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
    const child = spawn(deno, [...options, ...may, join(import.meta.dirname, "http3-main.ts")], {
      cwd: root,
      env: { ...process.env, TLS_PORT: String(tlsPort), DENO_NO_UPDATE_CHECK: "1" },
      // The pipe to its stdin tells it when we are gone.
      stdio: ["pipe", "pipe", "inherit"],
    });
    this.#child = child;
    child.stdin.on("error", () => {});
    const lines = createInterface({ input: child.stdout });
    const exited = once(child, "exit").then(() => undefined);
    const timer = setTimeout(() => child.kill("SIGKILL"), START_TIMEOUT_MS);
    const first = await Promise.race([
      once(lines, "line"),
      exited,
      once(child, "error").then(() => undefined),
    ]);
    clearTimeout(timer);
    if (first === undefined) throw new Error("HTTP/3 does not start; why is above.");
    this.#report = { requests: 0, upstream: 0, connections: 0, sessions: 0 };
    lines.on("line", (line) => (this.#report = JSON.parse(line) as Http3Report));
    void exited.then(() => this.#onExit(child));
  }

  async stop(): Promise<void> {
    this.#isStopping = true;
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, "exit");
    child.kill("SIGTERM");
    const timer = setTimeout(() => child.kill("SIGKILL"), STOP_TIMEOUT_MS);
    await exited;
    clearTimeout(timer);
  }

  #onExit({ exitCode, signalCode }: ChildProcess): void {
    this.#report = undefined;
    if (this.#isStopping) return;
    log("HTTP/3 ended by itself", { with: signalCode ?? exitCode, againInMs: this.#pauseMs });
    setTimeout(() => {
      if (this.#isStopping) return;
      this.start().then(
        () => (this.#pauseMs = FIRST_PAUSE_MS),
        () => this.#onExit(this.#child as ChildProcess),
      );
    }, this.#pauseMs);
    this.#pauseMs = Math.min(LAST_PAUSE_MS, this.#pauseMs * 2);
  }
}
