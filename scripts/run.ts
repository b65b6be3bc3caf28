import { spawn } from "node:child_process";
import { once } from "node:events";
import { delimiter, join } from "node:path";
import { ROOT } from "./paths.ts";

export interface RunOptions {
  /** After this the command and all that it started are killed. */
  readonly timeoutMs: number;
}

/** Runs one of the installed commands, in the repository and with its output shown. Gives whether it succeeded. */
export async function run(
  command: string,
  options: readonly string[],
  { timeoutMs }: RunOptions,
): Promise<boolean> {
  const binaries = join(ROOT, "node_modules", ".bin");
  const child = spawn(command, options, {
    cwd: ROOT,
    env: { ...process.env, PATH: `${binaries}${delimiter}${process.env.PATH}` },
    stdio: ["ignore", "inherit", "inherit"],
    // Its own group, so that a command which hangs can be ended together with the processes it started.
    detached: true,
  });
  const killGroup = () => {
    if (child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
  };
  const onSignal = (signal: NodeJS.Signals) => {
    killGroup();
    process.exit(signal === "SIGINT" ? 130 : 143);
  };
  process.once("SIGINT", onSignal).once("SIGTERM", onSignal);
  const timer = setTimeout(() => {
    console.error(`${command} did not end within ${timeoutMs / 1000} seconds and was killed.`);
    killGroup();
  }, timeoutMs);
  try {
    const [status] = await once(child, "exit");
    return status === 0;
  } finally {
    clearTimeout(timer);
    process.off("SIGINT", onSignal).off("SIGTERM", onSignal);
  }
}
