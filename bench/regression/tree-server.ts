/**
 * Serves a tree of the project by that tree's own scripts, from a process of its own: two trees in one process would
 * share what Node has loaded. `node bench/regression/tree-server.ts <directory>` says on one line where it listens, and
 * stops when its input ends.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import type { Served, ServeOptions } from "../../scripts/serve.ts";

const tree = resolve(process.argv[2] ?? ".");
// A path that is only known here, and another commit's: what of it is used has been the same since the first commit.
const module = (await import(pathToFileURL(join(tree, "scripts", "serve.ts")).href)) as {
  serve(options: ServeOptions): Promise<Served>;
};
const stateDirectory = await mkdtemp(join(tmpdir(), "everywire-bench-"));
const served = await module.serve({
  port: 0,
  stateDirectory,
  environment: { DEV_AUTH: "true", RATE_LIMITS: "off" },
});
console.log(JSON.stringify({ url: served.url, pid: served.runtime.pid }));
process.stdin.resume();
process.stdin.once("end", async () => {
  await served.stop();
  await rm(stateDirectory, { recursive: true, force: true });
  process.exit();
});
