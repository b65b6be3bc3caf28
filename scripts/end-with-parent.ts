import type { ChildProcess } from "node:child_process";
import { spawn } from "node:child_process";

/**
 * Sees to it that a child does not outlive this process, however this process ends. After `kill -9` of Node the
 * runtime would go on alone, and keep the port and the state's files from the next start.
 *
 * @param withGroup whether what it has started ends as well: it must have been started `detached`, as the first of its group
 */
export function endWithParent(child: ChildProcess, withGroup = false): void {
  if (child.pid === undefined) return;
  const target = withGroup ? -child.pid : child.pid;
  // The shell waits on a pipe that only this process holds: its end closes when this process is gone.
  const guard = spawn("sh", ["-c", 'read -r _; kill -KILL "$0" 2>/dev/null', `${target}`], {
    stdio: ["pipe", "ignore", "ignore"],
    // In a group of its own, so that Ctrl-C in the terminal does not end the guard before the guarded.
    detached: true,
  });
  // A system without `sh` goes without the guard.
  guard.on("error", () => {});
  // The number may soon belong to another process.
  child.once("exit", () => guard.kill("SIGKILL"));
  guard.unref();
}
