import type { Context } from "hono";
import type { OperationContext } from "../../core/context.ts";
import type { Identity } from "../../core/identity.ts";
import { toRateKey } from "../../core/identity.ts";
import type { Ports, RequestRates } from "../../core/ports.ts";
import type { Settings } from "../../core/settings.ts";

/** What the composition root gives to every request. */
export interface Edge {
  readonly ports: Ports;
  readonly settings: Settings;
  /** One for the whole isolate, so that a caller has one rate however many doors and connections it uses. */
  readonly rates: RequestRates;
  /** The files of the page; undefined where this Worker was set up without it. */
  readonly page: PageFiles | undefined;
  /** The address that a request came from, as the platform saw it; "" where it does not say. */
  addressOf(request: Request): string;
}

/** Static files by their path, as the binding of a platform's asset store serves them. */
export interface PageFiles {
  fetch(request: Request): Promise<Response>;
}

/** Who may call: whoever the token names, or anybody, where something else than a token shows who it is. */
export type Callers = "by-token" | "anybody";

/** What a request carries through the doors; the boundary sets all of it before a door's handler runs. */
export interface EdgeEnv {
  Bindings: {
    readonly requestId: string;
    readonly edge: Edge;
    /**
     * Finds who asks, holds them to their rate, and sets the variables. The handler of a path calls it
     * (`mountMethods`), rather than a middleware: the router calls a lone handler and is done, while a chain of
     * two makes up several percent of a request. Undefined where there is nothing to wait for.
     */
    enter(c: EdgeContext, callers: Callers): Promise<void> | undefined;
  };
  Variables: { edge: Edge; identity: Identity };
}

export type EdgeContext = Context<EdgeEnv>;

/**
 * Counts one more request of a caller: for what comes several in one request, or over a connection that is open already.
 *
 * @throws EverywireError `rate_limited`
 */
export function takeRequest({ rates, settings }: Edge, identity: Identity): Promise<void> | undefined {
  if (!settings.hasRateLimits) return undefined;
  return rates.take(toRateKey(identity), settings.limits.REQUESTS_PER_SECOND, Date.now());
}

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
    targets: { allowsPrivate: settings.allowsPrivateWebhooks },
    nowMs: Date.now(),
    hasRateLimits: settings.hasRateLimits,
  };
}
