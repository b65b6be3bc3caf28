import { once } from "node:events";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { toBindings } from "./bindings.ts";
import { toStateDirectory } from "./paths.ts";
import { assertPortFree, parsePort } from "./port.ts";
import { runWrangler } from "./run-wrangler.ts";
import { exitWith } from "./start-error.ts";
import { stopSignal } from "./stop-signal.ts";

try {
  process.exit(await dev());
} catch (error) {
  exitWith(error);
}

/** Runs `wrangler dev`, which reloads at every save, with the settings that `npm start` has. Gives the exit code. */
async function dev(): Promise<number> {
  const { env } = process;
  const host = env.HOST || "127.0.0.1";
  const port = parsePort("PORT", env.PORT, 8787);
  if (port !== 0) await assertPortFree("PORT", host, port);
  const stopped = stopSignal();

  // Not beside the state of `npm start`: two processes on one SQLite file would each believe themselves alone.
  const state = join(toStateDirectory(env), "dev");
  mkdirSync(state, { recursive: true });
  const settings = join(state, "settings.env");
  const lines = Object.entries(toBindings(env, toStateDirectory(env))).map(
    ([name, value]) => `${name}='${value}'`,
  );
  // In a file rather than in `--var`: one of them is the secret, and every user of a machine sees arguments.
  writeFileSync(settings, `${lines.join("\n")}\n`, { mode: 0o600 });

  const wrangler = runWrangler(
    ["dev", "--local", "--ip", host, "--port", `${port}`, "--persist-to", state, "--env-file", settings],
    "inherit",
  );
  const exited = once(wrangler, "exit");
  const end = await Promise.race([stopped, exited.then(([status]) => Number(status ?? 1))]);
  if (typeof end === "number") return end;
  wrangler.kill("SIGTERM");
  await exited;
  return 0;
}
