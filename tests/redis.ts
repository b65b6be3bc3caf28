import type { ChildProcess } from "node:child_process";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { connect } from "node:net";
import { fileURLToPath } from "node:url";
import { findFreePort } from "../scripts/port.ts";

/** The Redis of this machine, for tests: in a database of its own, behind a bridge that speaks Upstash's REST API. */
export interface TestRedis {
  readonly url: string;
  readonly token: string;
  /** What a Worker must be told to use it. */
  readonly environment: Readonly<Record<string, string>>;
  /** Runs one command on the database itself. */
  command(...words: readonly string[]): Promise<string>;
  /** Empties the database. */
  clear(): Promise<void>;
  /** Ends the bridge, so that for whoever uses it Redis is gone; `openBridge` brings it back. */
  closeBridge(): Promise<void>;
  openBridge(): Promise<void>;
  /** Ends the bridge and gives the database back, empty. */
  stop(): Promise<void>;
}

/** Started as a process of its own, so that it can be taken away as an outage would. */
const BRIDGE = fileURLToPath(
  new URL("server.js", import.meta.resolve("@humanwhocodes/upstash-redis-server")),
);
const HOST = "127.0.0.1";
const PORT = 6379;
const TOKEN = "test-token";
const DATABASES = 16;
/** In a database of ours, so that one which a killed run left behind is known as ours, and nobody else's is emptied. */
const MARK = "everywire:test-database";
const LOCK = "everywire:test-lock";
const LOCK_SECONDS = 300;

/**
 * Why the tests that need Redis cannot run here; undefined where they can.
 *
 * @throws Error in CI, where a missing part is a failure
 */
export async function whyNoRedis(): Promise<string | undefined> {
  try {
    await run(0, "PING");
    return undefined;
  } catch (thrown) {
    const reason = `No Redis answers on ${HOST}:${PORT}: ${(thrown as Error).message}`;
    if (process.env.CI) throw new Error(reason);
    console.warn(`${reason}; the tests that need it are skipped.`);
    return reason;
  }
}

/** Takes a database that is empty, or is one of ours that nobody uses, and starts a bridge to it. */
export async function startRedis(): Promise<TestRedis> {
  const database = await claimDatabase();
  const port = await findFreePort(HOST);
  const url = `http://${HOST}:${port}`;
  let bridge: ChildProcess | undefined;
  const clear = async () => {
    await run(database, "FLUSHDB");
    await run(database, "SET", MARK, "1");
    await run(database, "SET", LOCK, "1", "EX", String(LOCK_SECONDS));
  };
  const closeBridge = async () => {
    const ended = bridge;
    bridge = undefined;
    if (ended === undefined || ended.exitCode !== null) return;
    const exited = once(ended, "exit");
    ended.kill("SIGKILL");
    await exited;
  };
  const openBridge = async () => {
    bridge = spawn(process.execPath, [BRIDGE], {
      env: { URS_TOKEN: TOKEN, PORT: String(port), REDIS_URL: `redis://${HOST}:${PORT}/${database}` },
      stdio: "ignore",
    });
    for (let tries = 0; ; tries += 1) {
      const answer = await fetch(url, ping()).catch(() => undefined);
      if (answer?.ok) return;
      if (tries === 200) throw new Error("The bridge to Redis does not answer.");
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
  };
  await clear();
  await openBridge();
  return {
    url,
    token: TOKEN,
    environment: { UPSTASH_REDIS_REST_URL: url, UPSTASH_REDIS_REST_TOKEN: TOKEN },
    command: (...words) => run(database, ...words),
    clear,
    closeBridge,
    openBridge,
    async stop() {
      await closeBridge();
      await run(database, "FLUSHDB");
    },
  };
}

function ping(): RequestInit {
  return { method: "POST", headers: { authorization: `Bearer ${TOKEN}` }, body: '["PING"]' };
}

async function claimDatabase(): Promise<number> {
  // From the top, since people use the first ones.
  for (let database = DATABASES - 1; database > 0; database -= 1) {
    const isOurs = (await run(database, "EXISTS", MARK)) === ":1";
    if (!isOurs && (await run(database, "DBSIZE")) !== ":0") continue;
    const locked = await run(database, "SET", LOCK, "1", "NX", "EX", String(LOCK_SECONDS));
    if (locked === "+OK") return database;
  }
  throw new Error("Every database of this Redis is in use.");
}

/** One command over a connection of its own; the answer as it comes, without its end. */
async function run(database: number, ...words: readonly string[]): Promise<string> {
  const socket = connect(PORT, HOST);
  try {
    await once(socket, "connect");
    const commands = [["SELECT", String(database)], words];
    for (const command of commands) {
      const parts = command.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`);
      socket.write(`*${command.length}\r\n${parts.join("")}`);
    }
    let text = "";
    for await (const chunk of socket) {
      text += String(chunk);
      const answer = text.slice(text.indexOf("\r\n") + 2);
      if (text.startsWith("+OK\r\n") && isWhole(answer)) return answer.slice(0, -2);
    }
    throw new Error(`Redis hung up: ${text}`);
  } finally {
    socket.destroy();
  }
}

/** Whether an answer is all there: enough for lines and texts. */
function isWhole(answer: string): boolean {
  const end = answer.indexOf("\r\n");
  if (end === -1) return false;
  if (!answer.startsWith("$") || answer.startsWith("$-1")) return true;
  return Buffer.byteLength(answer) >= end + 2 + Number(answer.slice(1, end)) + 2;
}
