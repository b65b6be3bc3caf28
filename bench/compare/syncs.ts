import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { treeOf } from "../process-tree.ts";

const STRACE = "/usr/bin/strace";
/** The calls that ask for data to be on the disk. */
const CALLS = "fsync,fdatasync,msync,sync_file_range,syncfs";
const ATTACH_MS = 5000;

/**
 * How often processes ask for their data to be on the disk while `run` goes on: what a crash of a program cannot show. They
 * are slowed down by being watched, so nothing else is measured meanwhile.
 *
 * @param directory for what strace writes
 * @returns calls for one operation
 * @throws Error where there is no strace, or it may not watch them
 */
export async function countSyncs(
  roots: readonly number[],
  directory: string,
  run: () => Promise<{ readonly operations: number }>,
): Promise<number> {
  if (!existsSync(STRACE)) throw new Error("Debian's strace is not installed");
  const output = join(directory, "syncs.txt");
  const pids = treeOf(roots).flatMap((pid) => ["-p", String(pid)]);
  const watcher = spawn(STRACE, ["-f", "-e", `trace=${CALLS}`, "-o", output, ...pids], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  const exited = once(watcher, "exit");
  try {
    await untilAttached(watcher.stderr, pids.length / 2);
    const { operations } = await run();
    watcher.kill("SIGINT");
    await exited;
    // A call that another thread's comes between is written in two lines: only its beginning counts.
    const calls = readFileSync(output, "utf8")
      .split("\n")
      .filter((line) => /^\d+ +\w+\(/.test(line));
    return calls.length / operations;
  } finally {
    watcher.kill("SIGKILL");
  }
}

async function untilAttached(stderr: NodeJS.ReadableStream, count: number): Promise<void> {
  const attached = Promise.withResolvers<void>();
  let text = "";
  stderr.setEncoding("utf8");
  stderr.on("data", (more: string) => {
    text += more;
    if (text.split(" attached").length > count) attached.resolve();
  });
  stderr.on("end", () => attached.reject(new Error(`strace may not watch: ${text.trim()}`)));
  const timer = setTimeout(() => attached.reject(new Error("strace does not attach.")), ATTACH_MS);
  try {
    await attached.promise;
  } finally {
    clearTimeout(timer);
  }
}
