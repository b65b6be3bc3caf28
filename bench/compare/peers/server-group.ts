import type { ChildProcess } from "node:child_process";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createWriteStream, readFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { endWithParent } from "../../../scripts/end-with-parent.ts";

/** A program of a peer: it is up when its port takes connections. */
export interface Program {
  readonly command: string;
  readonly arguments: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly port: number;
  /** Asked after the port, where taking connections is not yet being ready. */
  isReady?(): Promise<boolean>;
}

/** What a program may take to start. */
const START_MS = 40_000;
const POLL_MS = 25;
const LOG_TAIL_CHARACTERS = 400;
const HOST = "127.0.0.1";

/** The processes of one peer, started in order, each in a group of its own that ends with this process. */
export class ServerGroup {
  readonly #programs: readonly Program[];
  readonly #directory: string;
  #children: ChildProcess[] = [];

  private constructor(programs: readonly Program[], directory: string) {
    this.#programs = programs;
    this.#directory = directory;
  }

  /**
   * @param directory where they work and log
   * @throws Error with the end of its log, where a program does not come up
   */
  static async start(programs: readonly Program[], directory: string): Promise<ServerGroup> {
    const group = new ServerGroup(programs, directory);
    await group.restart();
    return group;
  }

  processIds(): readonly number[] {
    return this.#children.flatMap(({ pid }) => pid ?? []);
  }

  async kill(): Promise<void> {
    await Promise.all(this.#children.map(killGroup));
    this.#children = [];
  }

  async restart(): Promise<void> {
    try {
      for (const [index, program] of this.#programs.entries()) await this.#startOne(program, index);
    } catch (error) {
      await this.kill();
      throw error;
    }
  }

  stop(): Promise<void> {
    return this.kill();
  }

  async #startOne(program: Program, index: number): Promise<void> {
    const logPath = join(this.#directory, `program-${index}.log`);
    const log = createWriteStream(logPath, { flags: "a" });
    await once(log, "open");
    const { CI: _, ...environment } = process.env;
    const child = spawn(program.command, program.arguments, {
      cwd: this.#directory,
      env: { ...environment, NODE_ENV: "production", ...program.environment },
      stdio: ["ignore", log, log],
      detached: true,
    });
    log.close();
    this.#children.push(child);
    endWithParent(child, true);
    let failure: Error | undefined;
    child.on("error", (error) => {
      failure = error;
    });
    const endMs = performance.now() + START_MS;
    for (;;) {
      if (await accepts(program.port)) {
        if ((await program.isReady?.()) ?? true) return;
      }
      const isOver = failure !== undefined || child.exitCode !== null || child.signalCode !== null;
      if (isOver || performance.now() > endMs) {
        const tail = readFileSync(logPath, "utf8").trim().slice(-LOG_TAIL_CHARACTERS);
        throw new Error(`${program.command} does not start: ${failure?.message ?? tail}`);
      }
      await delay(POLL_MS);
    }
  }
}

async function accepts(port: number): Promise<boolean> {
  const socket = connect(port, HOST);
  try {
    await once(socket, "connect");
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

async function killGroup(child: ChildProcess): Promise<void> {
  if (child.pid === undefined) return;
  const isOver = child.exitCode !== null || child.signalCode !== null;
  const exited = isOver ? undefined : once(child, "exit");
  try {
    // Those that it started go with it, also where it has ended before them.
    process.kill(-child.pid, "SIGKILL");
  } catch {
    // Nobody is left.
  }
  await exited;
}
