import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import { request } from "node:http";

interface ControlRequest {
  /** Resolves when it is being served. */
  readonly served: Promise<unknown>;
  /** Ends the question: what it asks for begins then. */
  begin(): void;
  /** @throws Error where it was not answered, or refused */
  readonly done: Promise<void>;
}

/** Asks the Worker's `Control` (self-host/workers/control.ts), on the socket that only this user can reach. */
export function openControl(socketPath: string, path: string): ControlRequest {
  const outgoing = request({ socketPath, path, method: "POST" });
  const served = once(outgoing, "response") as Promise<[IncomingMessage]>;
  const done = served.then(async ([response]) => {
    response.resume();
    await once(response, "end");
    if (response.statusCode !== 200) throw new Error(`${path}: ${response.statusCode}`);
  });
  // Whoever does not wait for it is not to be ended by it.
  done.catch(() => {});
  outgoing.flushHeaders();
  return { served, begin: () => outgoing.end(), done };
}
