import type { ChildProcess } from "node:child_process";
import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  chownSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
} from "node:fs";
import { basename, join } from "node:path";
import type { Copy, From, Instruction } from "dockerfile-ast";
import { DockerfileParser } from "dockerfile-ast";
import { ROOT } from "../../scripts/paths.ts";

/** What no image of ours runs as, and what this runs as where it may choose. */
const NOBODY = 65_534;

/** A stage of a Containerfile as it was run: its files, and what starts it. */
export interface BuiltStage {
  /** Where its root is. */
  readonly root: string;
  readonly environment: Readonly<Record<string, string>>;
  /** Starts what `CMD` says, with more environment, as `docker run -e` would. */
  start(environment: Readonly<Record<string, string>>): ChildProcess;
  /** Runs what `HEALTHCHECK` says. Gives its exit code. */
  checkHealth(environment: Readonly<Record<string, string>>): Promise<number>;
}

interface Stage {
  readonly name: string;
  readonly root: string;
  /** What the image has of its own: these are in `root`, every other path is this machine's. */
  readonly paths: Set<string>;
  readonly environment: Record<string, string>;
  directory: string;
  command: readonly string[];
  healthCommand: readonly string[];
}

/**
 * Runs a Containerfile's own instructions without a container engine: each stage is a folder, absolute paths are within it, and
 * `RUN` and `CMD` are run as a user who owns nothing else. What it leaves out: base images (this machine is one), `npm ci` (what is
 * installed is linked), and file systems, networks and limits of their own.
 *
 * @throws Error where an instruction fails, or is none that is known here
 */
export async function buildStages(
  file: string,
  workDirectory: string,
): Promise<ReadonlyMap<string, BuiltStage>> {
  const stages = new Map<string, Stage>();
  let current: Stage | undefined;
  const ignored = readIgnored(`${file}.dockerignore`);
  const instructions = DockerfileParser.parse(readFileSync(file, "utf8")).getInstructions();
  for (const [index, instruction] of instructions.entries()) {
    if (instruction.getKeyword() === "FROM") {
      const name = (instruction as From).getBuildStage() ?? basename(file);
      current = {
        name,
        root: join(workDirectory, name),
        paths: new Set(),
        environment: {},
        directory: "/",
        command: [],
        healthCommand: [],
      };
      for (const path of listPaths(instructions.slice(index + 1))) current.paths.add(path);
      makeDirectory(current.root);
      stages.set(name, current);
    } else if (current !== undefined) {
      await runInstruction(instruction, current, stages, ignored);
    }
  }
  return new Map(Array.from(stages.values(), (stage) => [stage.name, toBuilt(stage)]));
}

async function runInstruction(
  instruction: Instruction,
  stage: Stage,
  stages: ReadonlyMap<string, Stage>,
  ignored: (path: string) => boolean,
): Promise<void> {
  const words = instruction.getArguments().map((argument) => argument.getValue());
  const raw = instruction.getRawArgumentsContent() ?? "";
  switch (instruction.getKeyword()) {
    case "WORKDIR":
      stage.directory = words[0] ?? "/";
      return makeDirectory(join(stage.root, stage.directory));
    case "ENV":
      for (const word of words) {
        const [name = "", value = ""] = (word ?? "").split(/=(.*)/s);
        stage.environment[name] = rewrite(value, stage);
      }
      return;
    case "COPY":
      return copy(instruction as Copy, words, stage, stages, ignored);
    case "RUN":
      if (raw.startsWith("npm ci")) {
        symlinkSync(join(ROOT, "node_modules"), join(stage.root, stage.directory, "node_modules"));
        return;
      }
      // The image has a user `node`; here it is whoever runs this.
      return runToEnd(["sh", "-c", raw.replaceAll("node:node", "$(id -u):$(id -g)")], stage);
    case "CMD":
      stage.command = JSON.parse(raw) as readonly string[];
      return;
    case "HEALTHCHECK":
      stage.healthCommand = JSON.parse(raw.slice(raw.indexOf("["))) as readonly string[];
      return;
    case "ARG":
    case "VOLUME":
    case "USER":
    case "EXPOSE":
      return;
    default:
      throw new Error(`This runs no ${instruction.getKeyword()}.`);
  }
}

function copy(
  instruction: Copy,
  words: readonly string[],
  stage: Stage,
  stages: ReadonlyMap<string, Stage>,
  ignored: (path: string) => boolean,
): void {
  const from = instruction.getFromFlag()?.getValue();
  const target = words.at(-1) ?? "";
  const destination = join(stage.root, target.startsWith("/") ? "" : stage.directory, target);
  for (const source of words.slice(0, -1)) {
    const isContent = source === "." || target.endsWith("/") === false;
    const to =
      isContent && !["./", "."].includes(target)
        ? destination
        : join(destination, source === "." ? "" : source);
    if (from === undefined) {
      const names = source === "." ? readdirSync(ROOT) : [source];
      for (const name of names.filter((each) => !ignored(each))) {
        const into = source === "." ? join(to, name) : to;
        cpSync(join(ROOT, name), into, {
          recursive: true,
          filter: (path) => !ignored(path.slice(ROOT.length + 1)),
        });
      }
      continue;
    }
    const root = stages.get(from ?? "")?.root;
    if (root === undefined) throw new Error(`There is no stage ${from}.`);
    // What no instruction made is of the base image: this machine's own will do.
    const made = join(root, source);
    cpSync(existsSync(made) ? made : source, to, { recursive: true, verbatimSymlinks: true });
  }
  own(destination);
}

/** Only what is listed with `!` is taken, and of that not what is listed after it. */
function readIgnored(path: string): (path: string) => boolean {
  const lines = readFileSync(path, "utf8")
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"));
  const taken = lines.filter((line) => line.startsWith("!")).map((line) => line.slice(1));
  const anywhere = lines.filter((line) => line.startsWith("**/")).map((line) => line.slice(3));
  return (candidate) =>
    anywhere.includes(basename(candidate)) ||
    !taken.some(
      (each) => candidate === each || candidate.startsWith(`${each}/`) || each.startsWith(`${candidate}/`),
    );
}

/** The absolute paths that a stage names for itself. */
function listPaths(instructions: readonly Instruction[]): readonly string[] {
  const next = instructions.findIndex((instruction) => instruction.getKeyword() === "FROM");
  return (next < 0 ? instructions : instructions.slice(0, next)).flatMap((instruction) => {
    if (!["WORKDIR", "VOLUME", "COPY"].includes(instruction.getKeyword())) return [];
    const path = instruction.getArguments().at(-1)?.getValue() ?? "";
    return path.startsWith("/") ? [path] : [];
  });
}

function rewrite(text: string, { root, paths }: Stage): string {
  return text.replace(/(^|[\s"'=])(\/[a-z][\w./-]*)/g, (whole, before: string, path: string) =>
    Array.from(paths).some((own) => path === own || path.startsWith(`${own}/`))
      ? `${before}${root}${path}`
      : whole,
  );
}

async function runToEnd(command: readonly string[], stage: Stage): Promise<void> {
  const child = run(command, stage, {});
  let output = "";
  child.stdout?.on("data", (chunk: Buffer) => (output += chunk.toString()));
  child.stderr?.on("data", (chunk: Buffer) => (output += chunk.toString()));
  const [code] = await once(child, "close");
  if (code !== 0) throw new Error(`${command.join(" ")} ended with ${code}.\n${output}`);
}

function run(
  command: readonly string[],
  stage: Stage,
  environment: Readonly<Record<string, string>>,
): ChildProcess {
  const [program = "", ...options] = command.map((word) => rewrite(word, stage));
  return spawn(program, options, {
    cwd: join(stage.root, stage.directory),
    env: { PATH: process.env.PATH, HOME: stage.root, ...stage.environment, ...environment },
    stdio: ["ignore", "pipe", "pipe"],
    ...(process.getuid?.() === 0 ? { uid: NOBODY, gid: NOBODY } : {}),
  });
}

function toBuilt(stage: Stage): BuiltStage {
  return {
    root: stage.root,
    environment: stage.environment,
    start: (environment) => run(stage.command, stage, environment),
    async checkHealth(environment) {
      const [code] = await once(run(stage.healthCommand, stage, environment), "close");
      return code as number;
    },
  };
}

function makeDirectory(path: string): void {
  mkdirSync(path, { recursive: true });
  own(path);
}

function own(path: string): void {
  if (process.getuid?.() !== 0) return;
  chownSync(path, NOBODY, NOBODY);
  if (!statSync(path).isDirectory()) return;
  for (const entry of readdirSync(path, { recursive: true, withFileTypes: true })) {
    if (!entry.isSymbolicLink()) chownSync(join(entry.parentPath, entry.name), NOBODY, NOBODY);
  }
}
