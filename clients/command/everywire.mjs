#!/usr/bin/env node
// Starts the command on whatever Node the machine has (20 or later): so plain JavaScript, and no imports but Node's own.
// The command itself is TypeScript, which Node runs as it is from 22.18 on; older ones hand over to the Node 24 that npm
// has installed here as a package.
import { spawn, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import * as modules from "node:module";
import { constants } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const binaries = join(root, "node_modules", ".bin");
const main = join(root, "clients", "command", "main.ts");

if (!existsSync(join(root, "node_modules", ".package-lock.json"))) install();
if (process.env.npm_command === "exec") endWithNpm();
const [major, minor] = process.versions.node.split(".").map(Number);
if (major > 22 || (major === 22 && minor >= 18)) {
  // Types are stripped once and not at every start, which takes half as long then.
  modules.enableCompileCache?.(join(root, "node_modules", ".cache", "everywire"));
  await import(main);
} else handOver();

/** What is installed at a first `npm start` as well. Everything that it says goes to stderr. */
function install() {
  const script = join(root, "scripts", "ensure-installed.mjs");
  const { status } = spawnSync(process.execPath, [script], { stdio: ["ignore", 2, 2] });
  if (status !== 0) process.exit(1);
}

/**
 * npm starts a shell that starts this, and passes a signal on to the shell, which ends by it and tells nobody: a server
 * would go on alone. So whoever loses the shell that started it counts that as the signal.
 */
function endWithNpm() {
  const parent = process.ppid;
  const look = setInterval(() => {
    if (process.ppid !== parent) process.kill(process.pid, "SIGTERM");
  }, 500);
  look.unref();
}

function handOver() {
  const child = spawn(join(binaries, "node"), [fileURLToPath(import.meta.url), ...process.argv.slice(2)], {
    stdio: "inherit",
    // The package's `node` comes first, for what the command itself starts.
    env: { ...process.env, PATH: `${binaries}${delimiter}${process.env.PATH ?? ""}` },
  });
  child.on("error", (error) => {
    console.error(`everywire: ${error.message}. Run 'npm ci' in ${root}.`);
    process.exit(1);
  });
  // The terminal signals the whole group, so the child knows; whoever signals only this process means the child too.
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) {
    process.on(signal, () => signal !== "SIGINT" && child.kill(signal));
  }
  child.on("exit", (code, signal) => {
    process.exit(code ?? 128 + (constants.signals[signal] ?? 0));
  });
}
