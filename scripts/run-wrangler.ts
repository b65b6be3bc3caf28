import type { ChildProcess, StdioOptions } from "node:child_process";
import { spawn } from "node:child_process";
import { join } from "node:path";
import { ROOT } from "./paths.ts";

/** No account, no network, no advertising: wrangler here is a bundler and a local server, and nothing else. */
const OFFLINE = {
  WRANGLER_SEND_METRICS: "false",
  WRANGLER_SEND_ERROR_REPORTS: "false",
  WRANGLER_HIDE_BANNER: "true",
  CLOUDFLARE_CF_FETCH_ENABLED: "false",
  X_LOCAL_OBSERVABILITY: "false",
};

/** Starts wrangler, offline and quiet. */
export function runWrangler(options: readonly string[], stdio: StdioOptions): ChildProcess {
  const script = join(ROOT, "node_modules", "wrangler", "bin", "wrangler.js");
  return spawn(process.execPath, [script, ...options], {
    cwd: ROOT,
    env: { ...process.env, ...OFFLINE },
    stdio,
  });
}
