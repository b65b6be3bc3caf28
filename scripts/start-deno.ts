import { once } from "node:events";
import { toStateDirectory } from "./paths.ts";
import { assertPortFree, parsePort } from "./port.ts";
import { serveDeno } from "./serve-deno.ts";
import { exitWith } from "./start-error.ts";
import { stopSignal } from "./stop-signal.ts";

try {
  process.exit(await start());
} catch (error) {
  exitWith(error);
}

/** Serves until a signal says stop. Gives the exit code. */
async function start(): Promise<number> {
  const { env } = process;
  const host = env.HOST || "127.0.0.1";
  const port = parsePort("PORT", env.PORT, 8787);
  if (port !== 0) await assertPortFree("PORT", host, port);
  const served = await serveDeno({ host, port, stateDirectory: toStateDirectory(env), environment: env });
  const stopped = stopSignal();
  const crashed = once(served.process, "exit");
  console.log(
    `Everywire is at ${served.url}, under Deno. State is kept in Redis, at ${env.UPSTASH_REDIS_REST_URL}. Ctrl-C stops.`,
  );
  if ((await Promise.race([stopped, crashed.then(() => undefined)])) === undefined) {
    console.error("Deno ended by itself. State is in Redis: start again to go on.");
    return 1;
  }
  await served.stop();
  return 0;
}
