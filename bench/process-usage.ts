import { readFileSync } from "node:fs";

/** Linux counts a process's time in these (USER_HZ, which is 100 on every architecture that Node runs on). */
const MS_PER_TICK = 10;

/** CPU time that a process has used since it began, in ms; undefined where there is no /proc. */
export function cpuMsOf(pid: number): number | undefined {
  const text = readProc(pid, "stat");
  if (text === undefined) return undefined;
  // proc_pid_stat(5): the name, in parentheses, may hold spaces; utime and stime are fields 14 and 15.
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) * MS_PER_TICK;
}

/** Memory that a process holds (resident set), in bytes; undefined where there is no /proc. */
export function residentBytesOf(pid: number): number | undefined {
  const kib = /^VmRSS:\s+(\d+) kB$/m.exec(readProc(pid, "status") ?? "")?.[1];
  return kib === undefined ? undefined : Number(kib) * 1024;
}

function readProc(pid: number, name: string): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/${name}`, "utf8");
  } catch {
    return undefined;
  }
}
