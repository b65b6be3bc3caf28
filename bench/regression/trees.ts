import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { mkdtemp, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import type { Server } from "../servers.ts";

const execute = promisify(execFile);
const INSTALL_DEADLINE_MS = 300_000;
const BUILD_DEADLINE_MS = 120_000;

/** A commit that this tree is measured against. */
export interface Baseline {
  /** The full hash. */
  readonly commit: string;
  /** Its hash, shortened, and the first line of its message. */
  readonly title: string;
  /** Why it is this one. */
  readonly reason: string;
}

/** A commit, built. */
export interface BuiltTree {
  readonly directory: string;
  remove(): Promise<void>;
}

/**
 * Chooses what to measure against: what was asked for, or where this branch left main; on main itself the last commit
 * where something is not committed yet, else the one before it.
 *
 * @returns why there is none, where this is no clone, or the clone has no commit to compare with
 * @throws Error where the commit that was asked for is not in the clone
 */
export async function chooseBaseline(root: string, asked: string | undefined): Promise<Baseline | string> {
  const git = (...options: readonly string[]) => runGit(root, options);
  const top = await git("rev-parse", "--show-prefix").catch(() => undefined);
  if (top !== "") {
    if (asked !== undefined) throw new Error(`There is no clone here to take ${asked} from.`);
    return "there is no git clone here";
  }
  const toBaseline = async (name: string, reason: string): Promise<Baseline | undefined> => {
    const commit = await git("rev-parse", "--verify", "--quiet", `${name}^{commit}`).catch(() => undefined);
    return commit === undefined
      ? undefined
      : { commit, title: await git("log", "-1", "--format=%h %s", commit), reason };
  };
  if (asked !== undefined) {
    const baseline = await toBaseline(asked, "it was asked for");
    if (baseline === undefined) throw new Error(`${asked} names no commit of this clone.`);
    return baseline;
  }
  const head = await git("rev-parse", "HEAD");
  for (const main of ["main", "origin/main"]) {
    const fork = await git("merge-base", "HEAD", main).catch(() => undefined);
    if (fork === undefined || fork === head) continue;
    return (await toBaseline(fork, `this branch left ${main} there`)) ?? "it cannot be read";
  }
  const changed = await git("status", "--porcelain", "--untracked-files=no");
  if (changed !== "")
    return (await toBaseline("HEAD", "what is not committed yet is measured against it")) ?? "";
  return (await toBaseline("HEAD~1", "it is the commit before")) ?? "the clone has one commit only";
}

/**
 * Checks a commit out beside this tree and builds it. What is installed here serves it too where both want the same;
 * otherwise it gets packages of its own, which takes half a minute more.
 */
export async function buildTree(
  root: string,
  { commit }: Baseline,
  { say, signal }: { say(line: string): void; readonly signal: AbortSignal },
): Promise<BuiltTree> {
  const git = (...options: readonly string[]) => runGit(root, options);
  const parent = await mkdtemp(join(tmpdir(), "everywire-against-"));
  const directory = join(parent, "tree");
  const remove = async () => {
    await git("worktree", "remove", "--force", directory).catch(() => undefined);
    await rm(parent, { recursive: true, force: true });
    await git("worktree", "prune").catch(() => undefined);
  };
  try {
    await git("worktree", "add", "--detach", directory, commit);
    const lock = (tree: string) => readFileSync(join(tree, "package-lock.json"), "utf8");
    if (lock(directory) === lock(root)) {
      await symlink(join(root, "node_modules"), join(directory, "node_modules"), "dir");
    } else {
      say("its packages differ from those of this tree: npm ci");
      await execute("npm", ["ci", "--no-audit", "--no-fund"], {
        cwd: directory,
        timeout: INSTALL_DEADLINE_MS,
        signal,
      });
    }
    if (!existsSync(join(directory, "scripts", "serve.ts")))
      throw new Error("The commit has no scripts/serve.ts.");
    await execute(process.execPath, [join(directory, "scripts", "build.ts")], {
      cwd: directory,
      timeout: BUILD_DEADLINE_MS,
      signal,
    });
    return { directory, remove };
  } catch (error) {
    await remove();
    throw error;
  }
}

/** Starts a tree that is built, with a state of its own. It ends with this process, however that ends. */
export async function serveTree(directory: string): Promise<Server> {
  const program = join(import.meta.dirname, "tree-server.ts");
  const child = spawn(process.execPath, [program, directory], {
    cwd: directory,
    stdio: ["pipe", "pipe", "inherit"],
  });
  const exited = once(child, "exit");
  const line = once(createInterface(child.stdout), "line") as Promise<[string]>;
  const failed = exited.then(() => Promise.reject(new Error(`The server of ${directory} did not start.`)));
  failed.catch(() => undefined);
  const [text] = await Promise.race([line, failed]);
  const { url, pid } = JSON.parse(text) as { url: string; pid: number };
  return {
    url,
    pid,
    stop: async () => {
      child.stdin.end();
      await exited;
    },
  };
}

async function runGit(root: string, options: readonly string[]): Promise<string> {
  const { stdout } = await execute("git", options, { cwd: root });
  return stdout.trim();
}
