import type { Ports } from "../ports.ts";
import type { StoreName } from "../records.ts";

/** `off`: it was not set up, and nobody waits for it. */
export type DependencyState = "ok" | "unavailable" | "off";

/** What `/ready` says: for each dependency whether it answered. Why one did not is for the log. */
export interface Readiness {
  readonly isReady: boolean;
  readonly dependencies: Readonly<Record<"directory" | "records" | "queue", DependencyState>>;
  /** Where records are kept. */
  readonly store: StoreName;
}

/**
 * Asks each dependency for something small, all at once, each with the same deadline.
 *
 * The queue is told of and does not decide: without it jobs wait in the store's outbox and `/queue` answers 503, while
 * every channel goes on; a load balancer that took us out for it would turn a part of the service off with all the rest.
 */
export async function checkReadiness(
  ports: Ports,
  deadlineMs: number,
  onFault: (dependency: string, thrown: unknown) => void,
): Promise<Readiness> {
  const ask = async (name: string, question: () => Promise<unknown>): Promise<DependencyState> => {
    try {
      return (await withDeadline(question(), deadlineMs)) === "off" ? "off" : "ok";
    } catch (thrown) {
      onFault(name, thrown);
      return "unavailable";
    }
  };
  const [directory, records, queue] = await Promise.all([
    ask("directory", () => ports.directory.list({ prefix: "", afterName: undefined, limit: 1 })),
    // An order that cannot exist: the store has to look, and there is nothing to send back.
    ask("records", async () =>
      ports.records.store === "none" ? "off" : ports.records.orderOwner("readiness"),
    ),
    ask("queue", () => ports.queue.check()),
  ]);
  return {
    isReady: directory === "ok" && records !== "unavailable",
    dependencies: { directory, records, queue },
    store: ports.records.store,
  };
}

async function withDeadline<T>(work: Promise<T>, deadlineMs: number): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const deadline = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`No answer in ${deadlineMs} ms.`)), deadlineMs);
  });
  try {
    return await Promise.race([work, deadline]);
  } finally {
    if (timer !== undefined) clearTimeout(timer);
  }
}
