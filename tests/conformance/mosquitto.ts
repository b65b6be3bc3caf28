import type { ChildProcess } from "node:child_process";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { connect as connectTcp } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { endWithParent } from "../../scripts/end-with-parent.ts";
import { findFreePort } from "../../scripts/port.ts";

export interface Mosquitto {
  readonly url: string;
  /** Ends it in order, so that it keeps its sessions, and starts it again. */
  restart(whileAway?: () => Promise<void>): Promise<void>;
  /** The same, but it ends by SIGKILL, and so forgets its sessions and messages. */
  crash(whileAway?: () => Promise<void>): Promise<void>;
  stop(): Promise<void>;
}

/** Why tests that need Mosquitto cannot run here; undefined where they can. */
export function whyNoMosquitto(): string | undefined {
  try {
    execFileSync("mosquitto", ["-h"], { stdio: "ignore" });
    return undefined;
  } catch (thrown) {
    // It prints its help with an exit code of its own.
    if ((thrown as { code?: string }).code !== "ENOENT") return undefined;
    // In CI a missing part is a failure: the tests then run, and say so.
    return process.env.CI ? undefined : "mosquitto is not installed";
  }
}

/** A broker of its own, which keeps its sessions on disk. */
export async function startMosquitto(): Promise<Mosquitto> {
  const directory = await mkdtemp(join(tmpdir(), "everywire-mosquitto-"));
  const port = await findFreePort("127.0.0.1");
  const path = join(directory, "mosquitto.conf");
  const lines = [
    `listener ${port} 127.0.0.1`,
    "allow_anonymous true",
    "persistence true",
    `persistence_location ${directory}/`,
    "max_queued_messages 0",
    ...(process.getuid?.() === 0 ? ["user root"] : []),
  ];
  await writeFile(path, `${lines.join("\n")}\n`);
  let broker: ChildProcess;
  const start = async () => {
    broker = spawn("mosquitto", ["-c", path], { stdio: "ignore" });
    endWithParent(broker);
    for (let tries = 0; ; tries += 1) {
      const socket = connectTcp(port, "127.0.0.1");
      const isUp = await Promise.race([once(socket, "connect"), once(socket, "error")]).then(
        () => true,
        () => false,
      );
      socket.destroy();
      if (isUp) return;
      if (tries > 100) throw new Error("mosquitto does not listen.");
      await delay(50);
    }
  };
  const end = async (signal: NodeJS.Signals) => {
    const exited = once(broker, "exit");
    broker.kill(signal);
    await exited;
  };
  const restart = async (signal: NodeJS.Signals, whileAway?: () => Promise<void>) => {
    await end(signal);
    await whileAway?.();
    await start();
  };
  await start();
  return {
    url: `mqtt://127.0.0.1:${port}`,
    restart: (whileAway) => restart("SIGTERM", whileAway),
    crash: (whileAway) => restart("SIGKILL", whileAway),
    async stop() {
      await end("SIGTERM");
      await rm(directory, { recursive: true, force: true });
    },
  };
}
