import type { ChildProcess } from "node:child_process";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import type { Interface } from "node:readline";
import { createInterface } from "node:readline";
import { endWithParent } from "../../../scripts/end-with-parent.ts";
import type { LoadAnswer, LoadName, LoadOperations, LoadRequest } from "./load-operations.ts";
import type { Place } from "./place.ts";

const MAIN = join(import.meta.dirname, "load-main.ts");
const ANSWER_TIMEOUT_MS = 60_000;

/** A process that makes load, and does one thing at a time. */
export class LoadProcess {
  readonly #child: ChildProcess;
  readonly #lines: Interface;
  #exited: Promise<never>;

  constructor() {
    this.#child = spawn(process.execPath, [MAIN], { stdio: ["pipe", "pipe", "inherit"] });
    endWithParent(this.#child);
    this.#lines = createInterface({ input: this.#child.stdout as NodeJS.ReadableStream });
    this.#exited = once(this.#child, "exit").then(() => {
      throw new Error("The process that makes load has ended.");
    });
    this.#exited.catch(() => undefined);
  }

  /** @throws Error with what went wrong there */
  async call<Name extends LoadName>(
    place: Place,
    name: Name,
    asked: Parameters<LoadOperations[Name]>[0],
  ): Promise<ReturnType<LoadOperations[Name]>> {
    const request: LoadRequest = { place, name, asked };
    const late = Promise.withResolvers<never>();
    const timer = setTimeout(
      () => late.reject(new Error(`${name} had not ended after ${ANSWER_TIMEOUT_MS / 1000} s.`)),
      ANSWER_TIMEOUT_MS,
    );
    try {
      const answered = once(this.#lines, "line");
      this.#child.stdin?.write(`${JSON.stringify(request)}\n`);
      const [line] = await Promise.race([answered, this.#exited, late.promise]);
      const answer = JSON.parse(String(line)) as LoadAnswer;
      if ("failure" in answer) throw new Error(answer.failure);
      return answer.value as ReturnType<LoadOperations[Name]>;
    } finally {
      clearTimeout(timer);
    }
  }

  stop(): void {
    this.#child.kill("SIGKILL");
  }
}
