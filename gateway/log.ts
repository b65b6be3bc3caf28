import { setTimeout } from "node:timers";

/** After a line of one kind, the others of it are counted for so long. */
const QUIET_MS = 10_000;

/** How many lines of one kind were left out since the last. */
const leftOut = new Map<string, number>();

/** One line for each thing that an operator wants to know, with the time and whatever makes it findable. */
export function log(message: string, about: Readonly<Record<string, unknown>> = {}): void {
  const pairs = Object.entries(about).map(([name, value]) => ` ${name}=${format(value)}`);
  console.error(`${new Date().toISOString()} gateway: ${message}${pairs.join("")}`);
}

/**
 * The same for what others can bring about as often as they like: of one message the first is a line, and those of the ten seconds
 * that follow are one more line, with their number.
 */
export function logSparingly(message: string, about: Readonly<Record<string, unknown>> = {}): void {
  const count = leftOut.get(message);
  if (count !== undefined) return void leftOut.set(message, count + 1);
  log(message, about);
  leftOut.set(message, 0);
  setTimeout(() => {
    const more = leftOut.get(message) ?? 0;
    leftOut.delete(message);
    if (more > 0) log(message, { more, inSeconds: QUIET_MS / 1000 });
  }, QUIET_MS).unref();
}

function format(value: unknown): string {
  const text = value instanceof Error ? value.message : String(value);
  return /[\s="]/.test(text) ? JSON.stringify(text) : text;
}
