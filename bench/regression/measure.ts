import { existsSync, readdirSync, readFileSync } from "node:fs";
import { cpuMsOf } from "../process-usage.ts";
import type { Sample } from "../rounds.ts";
import type { Load } from "./hot-paths.ts";
import { medianOf } from "./interval.ts";

/** What one turn of load showed. */
export interface Turn {
  readonly perSecond: number;
  /** CPU of the server for one operation; undefined where there is no /proc. */
  readonly cpuUs: number | undefined;
  readonly p50Ms: number;
}

/** Puts load on a server for about so long. */
export async function measureTurn(pid: number, load: Load, durationMs: number): Promise<Turn> {
  const before = toThreadCpu(pid);
  const sample: Sample = await load.run(durationMs);
  const usedMs = before === undefined ? undefined : before.sinceMs();
  return {
    perSecond: (sample.operations * 1000) / sample.elapsedMs,
    cpuUs: usedMs === undefined ? undefined : (usedMs * 1000) / sample.operations,
    p50Ms: medianOf(sample.latenciesMs),
  };
}

interface CpuClock {
  sinceMs(): number;
}

/**
 * A process's CPU clock from now on. Linux says it to the nanosecond for each thread in /proc/<pid>/task/<tid>/sched where
 * it has that file; elsewhere to 10 ms, which of a turn of 300 ms is 3%. What a thread used that ended meanwhile is lost;
 * workerd keeps its threads.
 */
function toThreadCpu(pid: number): CpuClock | undefined {
  if (existsSync(`/proc/${pid}/sched`)) {
    const before = readThreads(pid);
    return {
      sinceMs: () => {
        let sumMs = 0;
        for (const [thread, usedMs] of readThreads(pid)) sumMs += usedMs - (before.get(thread) ?? 0);
        return sumMs;
      },
    };
  }
  const before = cpuMsOf(pid);
  return before === undefined ? undefined : { sinceMs: () => (cpuMsOf(pid) ?? before) - before };
}

function readThreads(pid: number): Map<string, number> {
  const threads = new Map<string, number>();
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    const text = readFileSync(`/proc/${pid}/task/${thread}/sched`, "utf8");
    threads.set(thread, Number(/^se\.sum_exec_runtime\s*:\s*([\d.]+)/m.exec(text)?.[1] ?? 0));
  }
  return threads;
}
