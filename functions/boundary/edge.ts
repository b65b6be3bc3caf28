import type { Context } from "hono";
import type { OperationContext } from "../../core/context.ts";
import type { Identity } from "../../core/identity.ts";
import type { Ports } from "../../core/ports.ts";
import type { Settings } from "../../core/settings.ts";

/** What the composition root gives to every request. */
export interface Edge {
  readonly ports: Ports;
  readonly settings: Settings;
}

/** What a request carries through the doors; the boundary sets all of it before a door's handler runs. */
export interface EdgeEnv {
  Bindings: {
    readonly requestId: string;
    readonly edge: Edge;
    /**
     * Finds who asks, holds them to their rate, and sets the variables. The handler of a path calls it
     * (`mountMethods`), rather than a middleware: the router calls a lone handler and is done, while a chain of
     * two makes up several percent of a request.
     */
    enter(c: EdgeContext): Promise<void>;
  };
  Variables: { edge: Edge; identity: Identity };
}

export type EdgeContext = Context<EdgeEnv>;

/** The context that operations take, for this request. */
export function toOperationContext(c: EdgeContext): OperationContext {
  return createOperationContext(c.get("edge"), c.get("identity"));
}

/** The same where there is no request: for what came over a connection that was opened before. */
export function createOperationContext({ ports, settings }: Edge, identity: Identity): OperationContext {
  return {
    identity,
    ports,
    limits: settings.limits,
    policy: {
      anonymousChannels: settings.anonymousChannels,
      orderOwner: (id) => ports.records.orderOwner(id),
    },
    nowMs: Date.now(),
    hasRateLimits: settings.hasRateLimits,
  };
}
