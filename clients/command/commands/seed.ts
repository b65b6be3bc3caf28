import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { EverywireError } from "../../typescript/error.ts";
import type { RunCommand } from "../command.ts";
import { EXIT } from "../exit-code.ts";
import { request } from "../http.ts";
import { Progress } from "../progress.ts";
import { ROOT, toScript } from "../root.ts";
import { toTarget } from "../target.ts";

interface SeedLine {
  readonly done?: number;
  readonly total?: number;
  readonly what?: string;
  readonly result?: Readonly<Record<string, number>>;
  readonly error?: string;
}

/** Fills a server with example records: `scripts/seed.ts`, with a bar. */
export const run: RunCommand = async ({ words, environment, output, signal }) => {
  const target = toTarget(words, environment);
  // Says where nothing answers, before anything is started.
  await request(target, "/health", { signal });
  const seeder = spawn(process.execPath, [toScript("seed.ts"), "--json"], {
    cwd: ROOT,
    stdio: ["ignore", "pipe", "inherit"],
    env: { ...environment, EVERYWIRE_URL: target.url, EVERYWIRE_TOKEN: target.token ?? "" },
  });
  const stop = () => seeder.kill("SIGTERM");
  signal.addEventListener("abort", stop, { once: true });
  const exited = once(seeder, "exit");
  const progress = new Progress(output);
  let last: SeedLine = {};
  for await (const line of createInterface({ input: seeder.stdout })) {
    last = JSON.parse(line) as SeedLine;
    if (last.done !== undefined) progress.update(last.done, last.total, last.what ?? "");
  }
  progress.end();
  await exited;
  if (signal.aborted) return EXIT.interrupted;
  const { result } = last;
  if (result === undefined) throw new EverywireError("internal", last.error ?? "It ended without a result.");
  if (output.isJson) output.json(result);
  else
    output.line(
      Object.entries(result)
        .map(([name, count]) => `${count} ${name}`)
        .join(", "),
    );
  return EXIT.ok;
};
