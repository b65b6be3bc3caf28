import type { Ports, RequestRates } from "../core/ports.ts";
import type { Settings } from "../core/settings.ts";
import type { WebhookSender } from "../core/webhook-sender.ts";
import type { createApp } from "../functions/boundary/app.ts";
import type { Edge } from "../functions/boundary/edge.ts";
import type { Environment } from "./environment.ts";

/** What a part brings to the composition. */
export interface Offer {
  readonly ports: Partial<Ports>;
  /** In place of the rates of the isolate. */
  readonly rates?: RequestRates | undefined;
  /** What is to be done every minute. */
  readonly rescue?: (() => Promise<void>) | undefined;
  readonly webhookSender?: WebhookSender;
}

/** What a part is given to build upon. */
export interface Foundation {
  readonly env: Environment;
  readonly settings: Settings;
  /** The ports of all parts: whole when the first of them is called, and not before. */
  readonly ports: Ports;
}

/** Something that a Worker keeps or asks, which some doors need (`parts.ts`). */
export type Part = (foundation: Foundation) => Offer;

export interface Composed extends Omit<Offer, "ports" | "rates"> {
  readonly edge: Edge;
  readonly app: ReturnType<typeof createApp>;
}

/** Builds everything from the bindings, once for each `env`. */
export type Compose = (env: Environment, keepAlive?: (promise: Promise<unknown>) => void) => Composed;
