import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { ROOT, toBinary } from "../../../scripts/paths.ts";

const RUN = join(ROOT, "examples", "clients", "run.ts");
const RUNTIMES = {
  // Browsers and Deno have an EventSource without being asked.
  node: {
    command: process.execPath,
    options: ["--experimental-eventsource", "--disable-warning=ExperimentalWarning"],
  },
  deno: {
    command: toBinary("deno"),
    options: ["run", "--quiet", "--no-lock", "--no-check", "--unstable-net", "--allow-all"],
  },
} as const;

/** What a client printed of an event. */
export interface Printed {
  readonly sequence?: string;
  readonly type: string;
  readonly data?: unknown;
}

/** One of `examples/clients/`, in a process of its own. */
export class RunningClient {
  readonly printed: Printed[] = [];
  /** What it said when it failed. */
  complaint = "";
  hasEnded = false;
  readonly #stop: () => void;
  #onChange: () => void = () => undefined;

  constructor(
    file: string,
    address: string,
    channel: string,
    {
      runtime = "node",
      environment = {},
    }: {
      readonly runtime?: keyof typeof RUNTIMES;
      readonly environment?: Readonly<Record<string, string>>;
    } = {},
  ) {
    const { command, options } = RUNTIMES[runtime];
    const child = spawn(command, [...options, RUN, file, address, channel, "earliest"], {
      cwd: ROOT,
      env: { ...process.env, ...environment },
      stdio: ["ignore", "pipe", "pipe"],
    });
    createInterface(child.stdout).on("line", (line) => {
      this.printed.push(JSON.parse(line) as Printed);
      this.#onChange();
    });
    child.stderr.on("data", (text: Buffer) => {
      this.complaint += text;
    });
    void once(child, "exit").then(() => {
      this.hasEnded = true;
      this.#onChange();
    });
    this.#stop = () => child.kill("SIGKILL");
  }

  /** Resolves with whether it has printed so many different events; false where it ended first, or did not within the time. */
  async hasPrinted(count: number, timeoutMs: number): Promise<boolean> {
    const over = Promise.withResolvers<void>();
    const hasAll = () => new Set(this.printed.map(({ sequence }) => sequence)).size >= count;
    const look = () => {
      if (this.hasEnded || hasAll()) over.resolve();
    };
    this.#onChange = look;
    look();
    const timer = setTimeout(over.resolve, timeoutMs);
    await over.promise;
    clearTimeout(timer);
    return hasAll();
  }

  stop(): void {
    this.#stop();
  }
}
