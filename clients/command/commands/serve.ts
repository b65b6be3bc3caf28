import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import type { RunCommand } from "../command.ts";
import type { ExitCode } from "../exit-code.ts";
import { EXIT } from "../exit-code.ts";
import { ROOT, toScript } from "../root.ts";

/** The options, and the variables of `npm start` that they set. */
const VARIABLES = {
  port: "PORT",
  host: "HOST",
  state: "EVERYWIRE_STATE",
  anonymous: "ANONYMOUS_CHANNELS",
} as const;

/** Starts the server as `npm start` does, and ends with it. */
export const run: RunCommand = async ({ words, environment, signal }) => {
  const { status } = spawnSync(process.execPath, [toScript("ensure-installed.mjs")], {
    stdio: ["ignore", 2, 2],
  });
  if (status !== 0) return EXIT.failed;
  const given = Object.entries(VARIABLES).flatMap(([option, variable]) => {
    const value = words.get(option);
    return value === undefined ? [] : [[variable, value]];
  });
  const server = spawn(process.execPath, [toScript("start.ts")], {
    cwd: ROOT,
    stdio: "inherit",
    env: {
      ...environment,
      ...Object.fromEntries(given),
      ...(words.has("dev-auth") ? { DEV_AUTH: "true" } : {}),
      ...(words.has("no-rates") ? { RATE_LIMITS: "off" } : {}),
    },
  });
  // A terminal has signalled it already; a second signal does no harm.
  signal.addEventListener("abort", () => server.kill("SIGTERM"), { once: true });
  const [code] = await once(server, "exit");
  return (code ?? EXIT.interrupted) as ExitCode;
};
