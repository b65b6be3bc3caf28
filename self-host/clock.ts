import { Cron } from "croner";

/**
 * Calls back when a cron expression says so, in UTC as Cloudflare does. One call at a time for each: where one takes longer than
 * its interval, the next is left out.
 */
export class Clock {
  readonly #jobs: readonly Cron[];

  /** @param onDue may fail: that is told, and the next time comes all the same */
  constructor(expressions: readonly string[], onDue: (cron: string) => Promise<void>) {
    this.#jobs = expressions.map(
      (expression) =>
        new Cron(expression, { timezone: "UTC", protect: true }, () =>
          onDue(expression).catch((error: unknown) =>
            console.error(`'scheduled' (${expression}) failed:`, error),
          ),
        ),
    );
  }

  stop(): void {
    for (const job of this.#jobs) job.stop();
  }
}
