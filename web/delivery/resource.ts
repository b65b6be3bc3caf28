import type { Signal } from "@preact/signals";
import { useSignal } from "@preact/signals";
import { useEffect, useMemo } from "preact/hooks";
import { toMessage } from "../shell/server.ts";

const EVERY_MS = 2000;

export interface Resource<T> {
  readonly value: Signal<T | undefined>;
  readonly problem: Signal<string | undefined>;
  /** Asks now. */
  refresh(): Promise<void>;
  /** Does something, says what went wrong with it, and asks again. */
  act(action: () => Promise<unknown>): Promise<void>;
}

/** What the server says, asked again every two seconds while the page is looked at: deliveries have no channel to follow. */
export function useResource<T>(load: () => Promise<T>, key: string): Resource<T> {
  const value = useSignal<T | undefined>(undefined);
  const problem = useSignal<string | undefined>(undefined);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the key says what is loaded
  const resource = useMemo<Resource<T>>(() => {
    const attempt = async (action: () => Promise<unknown>) => {
      try {
        await action();
        problem.value = undefined;
      } catch (thrown) {
        problem.value = toMessage(thrown);
      }
    };
    const ask = async () => {
      value.value = await load();
    };
    return {
      value,
      problem,
      refresh: () => attempt(ask),
      act: (action) =>
        attempt(async () => {
          await action();
          await ask();
        }),
    };
  }, [key]);
  useEffect(() => {
    void resource.refresh();
    const timer = setInterval(() => {
      // What went wrong stays to be read until the next action.
      if (!document.hidden && problem.peek() === undefined) void resource.refresh();
    }, EVERY_MS);
    return () => clearInterval(timer);
  }, [resource, problem]);
  return resource;
}
