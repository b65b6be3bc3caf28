import { Cron } from "croner";
import { badRequest } from "./problem.ts";

/** How often a schedule runs: five fields, after `CRON_TZ=<zone> ` where it is not in UTC. */
export interface CronPattern {
  /** @returns a unix time in milliseconds, after `afterMs` */
  next(afterMs: number): number;
}

/**
 * @param withSeconds allows a field of seconds before the others, which QStash has not
 * @throws QstashProblem 400 where it is no pattern, or one that never comes
 * @example parseCron("CRON_TZ=Europe/Berlin 0 8 * * 1-5", false).next(Date.now())
 */
export function parseCron(text: string, withSeconds: boolean): CronPattern {
  const [, zone, pattern = ""] = /^(?:(?:CRON_)?TZ=(\S+)\s+)?(.*)$/s.exec(text.trim()) ?? [];
  const cron = compile(text, pattern, zone ?? "UTC", withSeconds);
  const next = (afterMs: number) => {
    const date = cron.nextRun(new Date(afterMs));
    if (date === null) throw badRequest(`Upstash-Cron "${text.slice(0, 100)}" never comes`);
    return date.getTime();
  };
  next(Date.now());
  return { next };
}

function compile(text: string, pattern: string, timezone: string, withSeconds: boolean): Cron {
  try {
    const cron = new Cron(pattern, { timezone, mode: withSeconds ? "5-or-6-parts" : "5-part", paused: true });
    // It is only now that the zone is looked at.
    cron.nextRun();
    return cron;
  } catch (error) {
    const reason = error instanceof Error ? error.message.slice(0, 200) : "";
    throw badRequest(`Upstash-Cron "${text.slice(0, 100)}" is no cron expression of five fields: ${reason}`);
  }
}
