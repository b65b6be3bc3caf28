import type { Ports } from "../ports.ts";
import type { StoreName } from "../records.ts";

/** What `/ready` says: for each dependency whether it answered. Why one did not is for the log. */
export interface Readiness {
  readonly isReady: boolean;
  readonly dependencies: Readonly<Record<"directory" | "records", "ok" | "unavailable">>;
  /** Where records are kept. */
  readonly store: StoreName;
}

/** Asks each dependency for something small, all at once, each with the same deadline. */
export async function checkReadiness(
  ports: Ports,
  deadlineMs: number,
  onFault: (dependency: string, thrown: unknown) => void,
): Promise<Readiness> {
  const ask = async (name: string, question: () => Promise<unknown>): Promise<"ok" | "unavailable"> => {
    try {
      await withDeadline(question(), deadlineMs);
      return "ok";
    } catch (thrown) {
      onFault(name, thrown);
      return "unavailable";
    }
  };
  const [directory, records] = await Promise.all([
    ask("directory", () => ports.directory.list({ prefix: "", afterName: undefined, limit: 1 })),
    // An order that cannot exist: the store has to look, and there is nothing to send back.
    ask("records", () => ports.records.orderOwner("readiness")),
  ]);
  return {
    isReady: directory === "ok" && records === "ok",
    dependencies: { directory, records },
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
