import { readdirSync, readFileSync } from "node:fs";
import { cpuMsOf, residentBytesOf } from "./process-usage.ts";

/** Processes and all that they have started, and so on; only themselves where there is no /proc. */
export function treeOf(roots: readonly number[]): readonly number[] {
  const children = new Map<number, number[]>();
  for (const pid of listProcesses()) {
    const parent = parentOf(pid);
    if (parent === undefined) continue;
    const siblings = children.get(parent);
    if (siblings === undefined) children.set(parent, [pid]);
    else siblings.push(pid);
  }
  const tree = new Set<number>();
  const visit = (pid: number) => {
    if (tree.has(pid)) return;
    tree.add(pid);
    for (const child of children.get(pid) ?? []) visit(child);
  };
  for (const root of roots) visit(root);
  return [...tree];
}

/** CPU time of processes together, in ms; undefined where there is no /proc. */
export function cpuMsOfAll(pids: readonly number[]): number | undefined {
  return sum(pids.map(cpuMsOf));
}

/** CPU time that all programs on this machine have used since it started, in ms; undefined where there is no /proc. */
export function machineCpuMs(): number | undefined {
  try {
    // proc_stat(5): user, nice, system, idle, iowait, irq, softirq, steal, in hundredths of a second.
    const [, user, nice, system, , , irq, softirq, steal] = readFileSync("/proc/stat", "utf8")
      .slice(0, 200)
      .split(/\s+/)
      .map(Number);
    const ticks = [user, nice, system, irq, softirq, steal].map((value) => value ?? 0);
    return ticks.reduce((total, value) => total + value, 0) * 10;
  } catch {
    return undefined;
  }
}

/**
 * Memory that processes hold together (resident sets), in bytes; undefined where there is no /proc. What they share counts
 * more than once, so only a difference says something.
 */
export function residentBytesOfAll(pids: readonly number[]): number | undefined {
  return sum(pids.map(residentBytesOf));
}

/** A process that has ended meanwhile has no figures any more, and counts as nothing. */
function sum(values: readonly (number | undefined)[]): number | undefined {
  const known = values.filter((value) => value !== undefined);
  return known.length === 0 ? undefined : known.reduce((total, value) => total + value, 0);
}

function listProcesses(): readonly number[] {
  try {
    return readdirSync("/proc").map(Number).filter(Number.isInteger);
  } catch {
    return [];
  }
}

function parentOf(pid: number): number | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "utf8");
    // proc_pid_stat(5): the name, in parentheses, may hold spaces; the parent is field 4.
    return Number(text.slice(text.lastIndexOf(")") + 2).split(" ")[1]);
  } catch {
    return undefined;
  }
}
