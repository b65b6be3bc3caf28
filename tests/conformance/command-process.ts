import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { ROOT } from "../../scripts/paths.ts";

export const LAUNCHER = join(ROOT, "clients", "command", "everywire.mjs");

const DEADLINE_MS = 25_000;

export interface CommandResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A command that runs. */
export interface RunningCommand {
  /** Resolves when stderr, or stdout where so said, has had this. */
  until(text: string | RegExp, where?: "stdout" | "stderr"): Promise<void>;
  /** Ends its stdin, after this text. */
  write(text: string): void;
  signal(name: NodeJS.Signals): void;
  readonly ended: Promise<CommandResult>;
}

export interface CommandOptions {
  readonly environment?: Readonly<Record<string, string>>;
  readonly stdin?: string;
  /** In place of the launcher under this Node. */
  readonly program?: readonly [string, ...string[]];
  readonly cwd?: string;
  /** After which it is killed. */
  readonly deadlineMs?: number;
}

/** Starts the command as a user's shell does: a process with pipes for its streams. */
export function start(words: readonly string[], options: CommandOptions = {}): RunningCommand {
  const [program, ...first] = options.program ?? [process.execPath, LAUNCHER];
  const child = spawn(program, [...first, ...words], {
    cwd: options.cwd ?? ROOT,
    env: { PATH: process.env.PATH ?? "", HOME: process.env.HOME ?? "", ...options.environment },
    stdio: ["pipe", "pipe", "pipe"],
  });
  const seen = { stdout: "", stderr: "" };
  const waiting = new Set<() => void>();
  for (const name of ["stdout", "stderr"] as const) {
    child[name].setEncoding("utf8").on("data", (text: string) => {
      seen[name] += text;
      for (const look of waiting) look();
    });
  }
  if (options.stdin !== undefined) child.stdin.end(options.stdin);
  child.stdin.on("error", () => {});
  const timer = setTimeout(() => child.kill("SIGKILL"), options.deadlineMs ?? DEADLINE_MS);
  const ended = once(child, "close").then(([code]) => {
    clearTimeout(timer);
    for (const look of waiting) look();
    return { code: code as number | null, ...seen };
  });
  let isOver = false;
  void ended.then(() => {
    isOver = true;
    for (const look of waiting) look();
  });
  return {
    until: (text, where = "stderr") =>
      new Promise((resolve, reject) => {
        const look = () => {
          if (typeof text === "string" ? seen[where].includes(text) : text.test(seen[where])) resolve();
          else if (isOver)
            reject(new Error(`It ended without saying ${text}: ${JSON.stringify(seen).slice(-2000)}`));
          else return;
          waiting.delete(look);
        };
        waiting.add(look);
        look();
      }),
    write: (text) => child.stdin.end(text),
    signal: (name) => child.kill(name),
    ended,
  };
}

/** Runs the command to its end. */
export function run(words: readonly string[], options: CommandOptions = {}): Promise<CommandResult> {
  return start(words, { stdin: "", ...options }).ended;
}

/** Each line of the output, read as JSON. */
export function toJsonLines({ stdout }: CommandResult): readonly Record<string, unknown>[] {
  return stdout
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}
