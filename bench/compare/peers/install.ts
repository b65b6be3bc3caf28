import { execFile } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { PEERS } from "./subjects/paths.ts";

const INSTALL_MS = 120_000;
/** Holds the lock file that was installed. */
const INSTALLED = join(PEERS, "node_modules", ".installed-lock.json");

/**
 * Installs the packages of the peers, which the project itself goes without; nothing where they are there already.
 *
 * @returns why that failed: those peers are then left out
 */
export async function installPeers(): Promise<string | undefined> {
  const lock = readFileSync(join(PEERS, "package-lock.json"), "utf8");
  if (existsSync(INSTALLED) && readFileSync(INSTALLED, "utf8") === lock) return undefined;
  try {
    await promisify(execFile)("npm", ["ci", "--no-audit", "--no-fund"], { cwd: PEERS, timeout: INSTALL_MS });
    await writeFile(INSTALLED, lock);
    return undefined;
  } catch (thrown) {
    const { stderr = "", message } = thrown as Error & { readonly stderr?: string };
    const said = stderr.split("\n").filter((line) => /^npm error (?!code)\S/.test(line));
    return `\`npm ci\` in bench/compare/peers failed: ${said[0]?.slice("npm error ".length) ?? message}`;
  }
}
