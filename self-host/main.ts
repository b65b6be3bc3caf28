import { join } from "node:path";
import { assertSettings } from "../scripts/bindings.ts";
import { exitWith } from "../scripts/start-error.ts";
import { stopSignal } from "../scripts/stop-signal.ts";
import { Clock } from "./clock.ts";
import { toRuntimeEnvironment } from "./environment.ts";
import { readServed, startWorkerd } from "./workerd.ts";

/**
 * Serves `dist/workerd`: starts workerd, calls `scheduled` when it is time, and stops it in order at SIGTERM. The one line on
 * stdout, when it listens, is JSON: `{"ready": {"PORT": 8787, ...}}`.
 */
async function main(): Promise<number> {
  const { env } = process;
  const directory = import.meta.dirname;
  const stateDirectory = env.EVERYWIRE_STATE || join(process.cwd(), ".everywire");
  const variables = toRuntimeEnvironment(env, stateDirectory);
  assertSettings(variables);
  const workerd = await startWorkerd({ directory, stateDirectory, host: env.HOST || "127.0.0.1", variables });
  const clock = new Clock(readServed(directory).crons, (cron) => workerd.callScheduled(cron));
  const stopped = stopSignal();
  console.log(JSON.stringify({ ready: workerd.ports }));
  const end = await Promise.race([stopped, workerd.exited.then(() => undefined)]);
  clock.stop();
  if (end === undefined) {
    console.error(
      "The runtime (workerd) ended by itself. What was answered is on disk: start again to go on.",
    );
    return 1;
  }
  const how = await workerd.stop();
  console.error(`Stopped at ${end}: ${how}.`);
  return 0;
}

try {
  process.exit(await main());
} catch (error) {
  exitWith(error);
}
