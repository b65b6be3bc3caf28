import type { ChildProcess } from "node:child_process";
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { basename } from "node:path";
import type { MiniflareOptions } from "miniflare";
import { Miniflare } from "miniflare";
import { endWithParent } from "./end-with-parent.ts";

export interface Runtime {
  readonly miniflare: Miniflare;
  /** The workerd process. */
  readonly process: ChildProcess;
  /** Where the first of `unsafeDirectSockets` listens. */
  readonly port: number;
}

/** Starts workerd by Miniflare, and finds its process, which Miniflare keeps to itself. */
export async function startRuntime(options: MiniflareOptions): Promise<Runtime> {
  const processes: ChildProcess[] = [];
  const onProcess = (message: unknown) => {
    processes.push((message as { process: ChildProcess }).process);
  };
  subscribe("child_process", onProcess);
  const miniflare = new Miniflare(options);
  try {
    await miniflare.ready;
    const direct = await miniflare.unsafeGetDirectURL();
    const runtime = processes.findLast((child) => basename(child.spawnfile).startsWith("workerd"));
    if (runtime === undefined) throw new Error("Miniflare started no workerd.");
    endWithParent(runtime);
    return { miniflare, process: runtime, port: Number(direct.port) };
  } catch (error) {
    await miniflare.dispose();
    throw error;
  } finally {
    unsubscribe("child_process", onProcess);
  }
}
