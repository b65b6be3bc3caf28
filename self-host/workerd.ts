import type { ChildProcess } from "node:child_process";
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { delimiter, join, resolve } from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { setTimeout as delay } from "node:timers/promises";
import { endWithParent } from "../scripts/end-with-parent.ts";
import { parsePort } from "../scripts/port.ts";
import { StartError } from "../scripts/start-error.ts";
import { SOCKETS } from "../scripts/workerd-config.ts";
import { openControl } from "./control-client.ts";

const START_TIMEOUT_MS = 30_000;
/** Docker sends SIGKILL after ten seconds; this comes before it. */
const DEFAULT_STOP_SECONDS = 5;
const ASK_TIMEOUT_MS = 1_000;

export interface WorkerdOptions {
  /** With `config.capnp` and what it takes in. */
  readonly directory: string;
  readonly stateDirectory: string;
  readonly host: string;
  /** The environment of workerd, which the Worker reads its settings from. */
  readonly variables: Readonly<Record<string, string>>;
}

export interface RunningWorkerd {
  /** By the variable that each is set with. */
  readonly ports: Readonly<Record<string, number>>;
  readonly exited: Promise<unknown>;
  callScheduled(cron: string): Promise<void>;
  /** Ends it in order. Gives how that went. */
  stop(): Promise<string>;
}

/** What the build says of the Worker that it made. */
export function readServed(directory: string): { readonly crons: readonly string[] } {
  return JSON.parse(readFileSync(join(directory, "served.json"), "utf8"));
}

/**
 * Starts workerd, and waits until it listens everywhere.
 *
 * @throws StartError
 */
export async function startWorkerd(options: WorkerdOptions): Promise<RunningWorkerd> {
  const { directory, host, variables } = options;
  const stateDirectory = resolve(options.stateDirectory);
  const objects = join(stateDirectory, "resources", "do");
  const controlPath = join(stateDirectory, "control.sock");
  mkdirSync(objects, { recursive: true });
  // One that a killed process left behind would be "in use".
  rmSync(controlPath, { force: true });
  const stopSeconds = parseStopSeconds(process.env.STOP_SECONDS);
  const address = (port: number) => (host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`);
  const sockets = Object.entries(SOCKETS).map(([name, { variable, usual }]) => {
    const text = variable === "PORT" ? process.env.PORT : variables[variable];
    return `--socket-addr=${name}=${address(parsePort(variable, text, usual))}`;
  });
  const child = spawn(
    findWorkerd(directory),
    [
      "serve",
      "--control-fd=3",
      `--directory-path=page=${join(directory, "page")}`,
      `--directory-path=state=${objects}`,
      `--socket-addr=control=unix:${controlPath}`,
      ...sockets,
      join(directory, "config.capnp"),
    ],
    {
      env: { ...variables },
      stdio: ["ignore", "inherit", "inherit", "pipe"],
      // The signals of a terminal go to the whole group: stopping is ours.
      detached: true,
    },
  );
  endWithParent(child);
  const exited = new Promise((resolve) => child.once("exit", resolve).once("error", resolve));
  const ports = await untilListening(child, exited);
  return {
    ports,
    exited,
    async callScheduled(cron) {
      const control = openControl(controlPath, `/scheduled?cron=${encodeURIComponent(cron)}`);
      control.begin();
      await control.done;
    },
    async stop() {
      // It is asked before the signal, since workerd takes nothing new after that, and begins at the end of the question.
      const drain = openControl(controlPath, "/drain");
      await Promise.race([drain.served.catch(() => {}), delay(ASK_TIMEOUT_MS)]);
      child.kill("SIGTERM");
      drain.begin();
      drain.done.catch((error: unknown) => console.error("Readers were not told of the end:", error));
      const isOver = await Promise.race([
        exited.then(() => true),
        delay(stopSeconds * 1_000, false, { ref: false }),
      ]);
      if (isOver) return "every request was answered, every connection closed";
      child.kill("SIGKILL");
      await exited;
      return `what was still open after ${stopSeconds} s was cut`;
    },
  };
}

/** Workerd tells of each socket on a pipe of its own. @throws StartError where it ends before */
async function untilListening(
  child: ChildProcess,
  exited: Promise<unknown>,
): Promise<Record<string, number>> {
  const ports: Record<string, number> = {};
  const missing = new Set<string>(Object.keys(SOCKETS));
  const timer = setTimeout(() => child.kill("SIGKILL"), START_TIMEOUT_MS);
  const lines = createInterface({ input: child.stdio[3] as Readable });
  const listening = new Promise<boolean>((resolve) => {
    lines.on("line", (line) => {
      const message = JSON.parse(line) as { event: string; socket?: string; port?: number };
      const name = message.socket as keyof typeof SOCKETS;
      if (message.event !== "listen" || !missing.delete(name)) return;
      ports[SOCKETS[name].variable] = message.port ?? 0;
      if (missing.size === 0) resolve(true);
    });
  });
  try {
    if (!(await Promise.race([listening, exited.then(() => false)]))) {
      throw new StartError("workerd did not start; what it says is above.");
    }
    return ports;
  } finally {
    clearTimeout(timer);
  }
}

/** `WORKERD`, or the first on the path, or the one that npm installed. @throws StartError */
function findWorkerd(directory: string): string {
  const { WORKERD, PATH = "" } = process.env;
  if (WORKERD) return WORKERD;
  const installed = resolve(directory, "..", "..", "node_modules", "workerd", "bin");
  const found = [...PATH.split(delimiter), installed]
    .map((folder) => join(folder, "workerd"))
    .find((path) => existsSync(path));
  if (found === undefined) throw new StartError("There is no workerd. Set WORKERD to where it is.");
  return found;
}

function parseStopSeconds(text: string | undefined): number {
  const seconds = text === undefined || text === "" ? DEFAULT_STOP_SECONDS : Number(text);
  if (!(seconds >= 0 && seconds <= 3600)) throw new StartError("STOP_SECONDS must be from 0 to 3600.");
  return seconds;
}
