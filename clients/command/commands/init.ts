import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { EverywireError } from "../../typescript/error.ts";
import type { RunCommand } from "../command.ts";
import { EXIT } from "../exit-code.ts";
import { toScript } from "../root.ts";
import { UsageError } from "../usage-error.ts";

interface Created {
  readonly name: string;
  readonly path: string;
  readonly files: number;
  readonly dependencies: readonly string[];
  readonly doors: readonly string[];
  readonly notes: readonly string[];
}

/** Makes a project: `scripts/init.ts`, in the folder where the command was called. */
export const run: RunCommand = async ({ words, environment, output, signal }) => {
  const [folder = ""] = words.positionals;
  const doors = words.list("doors").join(",");
  if (doors === "") throw new UsageError("Which doors? --doors rest,sse,webhooks, for example.");
  const { status } = spawnSync(process.execPath, [toScript("ensure-installed.mjs")], {
    stdio: ["ignore", 2, 2],
  });
  if (status !== 0) return EXIT.failed;
  const maker = spawn(process.execPath, [toScript("init.ts"), folder, doors], {
    stdio: ["ignore", "pipe", "pipe"],
    env: environment,
  });
  const stop = () => maker.kill("SIGTERM");
  signal.addEventListener("abort", stop, { once: true });
  const said = { stdout: "", stderr: "" };
  maker.stdout.on("data", (chunk: Buffer) => (said.stdout += chunk.toString()));
  maker.stderr.on("data", (chunk: Buffer) => (said.stderr += chunk.toString()));
  const [code] = await once(maker, "close");
  if (signal.aborted) return EXIT.interrupted;
  if (code !== 0) throw new EverywireError("invalid_argument", said.stderr.trim());
  const created = JSON.parse(said.stdout) as Created;
  if (output.isJson) output.json(created);
  else {
    const { path, files, notes } = created;
    output.line(`${path} has ${files} files, and the doors ${created.doors.join(", ")}.`);
    for (const note of notes) output.line(note);
    output.line(`\n  cd ${path} && npm install && npm test && npm start`);
  }
  return EXIT.ok;
};
