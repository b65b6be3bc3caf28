import type { ChildProcess } from "node:child_process";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { connect } from "amqplib";
import { findFreePort } from "../../scripts/port.ts";
import { whyMissing } from "./missing.ts";

/** Debian's own script in `PATH` runs as the system's user, and with the system's data. */
const SERVER = "/usr/lib/rabbitmq/bin/rabbitmq-server";
const START_TIMEOUT_MS = 60_000;

/** A broker of its own: one that tests may end without asking anybody. */
export interface RabbitMq {
  readonly url: string;
  /** SIGKILL, as a crash would be. */
  kill(): Promise<void>;
  /** Starts it again on the same port, with what it kept. */
  start(): Promise<void>;
  stop(): Promise<void>;
}

/** Why tests that need a RabbitMQ of their own cannot run here; undefined where they can. */
export function whyNoRabbitMq(): string | undefined {
  return whyMissing(SERVER);
}

/** Starts one on a free port. It takes some five seconds. @param plugins as `rabbitmq-plugins` names them */
export async function startRabbitMq(plugins: readonly string[] = []): Promise<RabbitMq> {
  const directory = await mkdtemp(join(tmpdir(), "everywire-rabbitmq-"));
  const [port, distributionPort] = [await findFreePort("127.0.0.1"), await findFreePort("127.0.0.1")];
  await writeFile(join(directory, "rabbitmq.conf"), `listeners.tcp.local = 127.0.0.1:${port}\n`);
  await writeFile(join(directory, "enabled_plugins"), `[${plugins.join(",")}].\n`);
  const url = `amqp://guest:guest@127.0.0.1:${port}`;
  const env = {
    PATH: process.env.PATH,
    // Where it keeps its cookie.
    HOME: directory,
    RABBITMQ_NODENAME: `everywire-${port}@localhost`,
    RABBITMQ_DIST_PORT: String(distributionPort),
    RABBITMQ_MNESIA_BASE: join(directory, "mnesia"),
    RABBITMQ_LOG_BASE: join(directory, "log"),
    RABBITMQ_CONFIG_FILE: join(directory, "rabbitmq.conf"),
    RABBITMQ_CONF_ENV_FILE: "/dev/null",
    RABBITMQ_ENABLED_PLUGINS_FILE: join(directory, "enabled_plugins"),
  };
  let broker: ChildProcess | undefined;
  const isRunning = () => broker !== undefined && broker.exitCode === null && broker.signalCode === null;
  const kill = async () => {
    if (broker?.pid === undefined || !isRunning()) return;
    const exited = once(broker, "exit");
    // The script has become the broker, or waits for it: the whole group goes.
    process.kill(-broker.pid, "SIGKILL");
    await exited;
  };
  const start = async () => {
    broker = spawn(SERVER, { env, stdio: "ignore", detached: true });
    const deadline = Date.now() + START_TIMEOUT_MS;
    for (;;) {
      try {
        return await (await connect(url, { timeout: 5000 })).close();
      } catch (thrown) {
        if (isRunning() && Date.now() < deadline) await delay(100);
        else throw new Error("RabbitMQ does not start.", { cause: thrown });
      }
    }
  };
  const stop = async () => {
    await kill();
    await rm(directory, { recursive: true, force: true });
  };
  await start().catch(async (error: unknown) => {
    await stop();
    throw error;
  });
  return { url, kill, start, stop };
}
