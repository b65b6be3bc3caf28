import type { ChildProcessWithoutNullStreams } from "node:child_process";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { endWithParent } from "../../../scripts/end-with-parent.ts";
import type { Sample } from "../../rounds.ts";
import { PYTHON, serverPath } from "./subjects/paths.ts";

interface Task {
  readonly queue: string;
  readonly writers: number;
  readonly durationMs: number;
  /** Messages of each writer; as many as there is time for where it is zero. */
  readonly count: number;
}

/** The program `servers/pika_writers.py`: one for a broker, so that its connections last from round to round. */
export class PikaClient {
  readonly #port: number;
  #program: ChildProcessWithoutNullStreams | undefined;

  constructor(port: number) {
    this.#port = port;
  }

  /** @throws Error with what it said, where it ends instead of answering */
  async run(task: Task): Promise<Sample> {
    const program = this.#program ?? this.#start();
    let complaint = "";
    const listen = (text: Buffer) => {
      complaint += String(text);
    };
    program.stderr.on("data", listen);
    const lines = createInterface({ input: program.stdout });
    try {
      program.stdin.write(`${JSON.stringify(task)}\n`);
      const answered = once(lines, "line") as Promise<[string]>;
      const ended = once(program, "exit").then(() =>
        Promise.reject(new Error(`pika: ${complaint.trim().slice(-300)}`)),
      );
      const [line] = await Promise.race([answered, ended]);
      return JSON.parse(line) as Sample;
    } finally {
      lines.close();
      program.stderr.off("data", listen);
    }
  }

  stop(): void {
    this.#program?.kill("SIGKILL");
    this.#program = undefined;
  }

  #start(): ChildProcessWithoutNullStreams {
    const program = spawn(PYTHON, [serverPath("pika_writers.py"), String(this.#port)], { stdio: "pipe" });
    endWithParent(program);
    program.once("exit", () => {
      if (this.#program === program) this.#program = undefined;
    });
    this.#program = program;
    return program;
  }
}
