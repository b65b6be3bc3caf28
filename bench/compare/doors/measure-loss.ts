import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import { endWithParent } from "../../../scripts/end-with-parent.ts";
import type { MeasuredDoor } from "./doors.ts";
import type { LossFigure, Measured, Scale } from "./figures.ts";

const MAIN = join(import.meta.dirname, "loss-main.ts");
const TRIAL_RULES =
  "add table inet lab; add chain inet lab out { type filter hook output priority 0; }; add rule inet lab out numgen random mod 9 < 1 drop";

/** Losses by door. */
export type Losses = Readonly<Record<string, Measured<LossFigure>>>;

/** What a run of it needs. */
export interface LossRun {
  readonly scale: Scale;
  readonly signal: AbortSignal;
  /** @param done how many doors */
  onDone(done: number): void;
}

/**
 * Measures what lost packets cost, in a network namespace that is gone with its process. Where the machine has none to give, or cannot
 * drop packets in it, every door says so.
 */
export async function measureLoss(doors: readonly MeasuredDoor[], run: LossRun): Promise<Losses> {
  const why = await whyNot();
  const names = doors.map(({ name }) => name);
  if (why !== undefined) return Object.fromEntries(names.map((name) => [name, { missing: why }]));
  const child = spawn(
    "unshare",
    ["-rn", process.execPath, MAIN, names.join(","), JSON.stringify(run.scale)],
    {
      stdio: ["ignore", "pipe", "inherit"],
      env: environment(),
      // Ctrl-C in the terminal is for whoever started it to answer.
      detached: true,
    },
  );
  endWithParent(child, true);
  const stop = () => child.kill("SIGKILL");
  run.signal.addEventListener("abort", stop, { once: true });
  const ended = once(child, "exit");
  run.onDone(0);
  let losses: Losses = {};
  let done = 0;
  for await (const line of createInterface({ input: child.stdout })) {
    const told = JSON.parse(line) as { readonly done?: readonly string[]; readonly losses?: Losses };
    losses = told.losses ?? losses;
    done += told.done?.length ?? 0;
    run.onDone(done);
  }
  await ended;
  run.signal.removeEventListener("abort", stop);
  run.signal.throwIfAborted();
  const missing = { missing: "The run in the network namespace ended before its time." };
  return Object.fromEntries(names.map((name) => [name, losses[name] ?? missing]));
}

/** Why packets cannot be lost here; undefined where they can. */
async function whyNot(): Promise<string | undefined> {
  try {
    await promisify(execFile)("unshare", ["-rn", "nft", TRIAL_RULES], { env: environment() });
    return undefined;
  } catch (thrown) {
    const { code } = thrown as { readonly code?: unknown };
    return code === "ENOENT"
      ? "there is no unshare (util-linux) here, which opens a network namespace."
      : "this machine gives no network namespace in which packets can be dropped (unshare -rn nft ..., of Debian's nftables).";
  }
}

/** Programs of the network are where only root looks. */
function environment(): NodeJS.ProcessEnv {
  return { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` };
}
