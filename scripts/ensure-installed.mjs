// Installs what package-lock.json names, where it is not there yet. Runs before every npm script, on the Node that
// the machine has (20 or later) and with nothing installed: so plain JavaScript, and no imports but Node's own.
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));

if (!isInstalled()) {
  console.error("Installing the packages of package-lock.json (about half a minute, once) ...");
  install();
}

/**
 * Compares the lock file with the one that npm keeps of what it has installed. npm writes that at the end of an
 * install, so one that was cut short counts as none; and an install by hand (`npm i`) counts as one.
 */
function isInstalled() {
  const wanted = readPackages(join(root, "package-lock.json"));
  const installed = readPackages(join(root, "node_modules", ".package-lock.json"));
  if (wanted === undefined || installed === undefined) return false;
  return Object.entries(wanted).every(([path, entry]) => {
    if (path === "") return true;
    const found = installed[path];
    // Optional packages are for other platforms; where npm left one out, it had its reason.
    if (found === undefined) return entry.optional === true || entry.peer === true;
    return found.version === entry.version && found.integrity === entry.integrity;
  });
}

function readPackages(path) {
  try {
    return JSON.parse(readFileSync(path, "utf8")).packages;
  } catch {
    return undefined;
  }
}

function install() {
  // --loglevel: some packages want a newer Node than this one, and get it: they are only ever run by the `node`
  // that is itself one of the packages. --include: also where NODE_ENV says production.
  const ci = ["ci", "--loglevel=error", "--no-audit", "--no-fund", "--include=dev", "--include=optional"];
  const { npm_execpath: npm, npm_node_execpath: node } = process.env;
  const isUnderNpm = npm !== undefined && node !== undefined;
  // npm's own Node, not the one that `npm ci` is about to remove from node_modules.
  const result = spawnSync(isUnderNpm ? node : "npm", isUnderNpm ? [npm, ...ci] : ci, {
    cwd: root,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe"],
  });
  if (result.status === 0) return;
  console.error(`${result.stdout ?? ""}${result.stderr ?? ""}${result.error?.message ?? ""}`);
  console.error("npm ci failed; the reason is above.");
  process.exit(1);
}
