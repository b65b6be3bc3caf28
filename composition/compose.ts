import { waitUntil } from "cloudflare:workers";
import type { Ports } from "../core/ports.ts";
import { parseSettings } from "../core/settings.ts";
import { createApp } from "../functions/boundary/app.ts";
import type { Edge } from "../functions/boundary/edge.ts";
import { IsolateRates } from "../functions/boundary/request-rates.ts";
import { serveTcp } from "../functions/boundary/tcp.ts";
import type { Door } from "../functions/door.ts";
import { createChannels, createDirectory } from "../services/channels.ts";
import { createGateway } from "../services/gateway.ts";
import { createLocationRates } from "../services/location-rates.ts";
import { createTokens } from "../services/tokens.ts";
import { createWorkerSockets } from "../services/worker-sockets.ts";
import { createAbsentPorts } from "./absent.ts";
import type { Environment } from "./environment.ts";
import type { Compose, Composed, Offer, Part } from "./part.ts";

// What is counted must be in one place for all that is composed in an isolate.
const rates = new IsolateRates();

/**
 * Composes a Worker: the ports of its parts, and the application of its doors.
 *
 * @param doors which of `functions/routes.ts` it has
 * @param parts all that those doors need (`Door.needs`); what every door needs is here already
 */
export function createCompose(doors: readonly Door[], parts: readonly Part[]): Compose {
  // `env` is the same object for every request of an isolate, and another one for each kind of Durable Object in it.
  const composed = new WeakMap<Environment, Composed>();
  return (env, keepAlive) => {
    const known = composed.get(env);
    if (known !== undefined) return known;
    const made = composeOnce(doors, parts, env, keepAlive);
    composed.set(env, made);
    return made;
  };
}

function composeOnce(
  doors: readonly Door[],
  parts: readonly Part[],
  env: Environment,
  keepAlive: Parameters<Compose>[1],
): Composed {
  const settings = parseSettings(env as unknown as Record<string, unknown>);
  const ports: Ports = {
    ...createAbsentPorts(),
    channels: createChannels(env.CHANNEL, settings.limits, {
      holdsStreams: settings.holdsFeedStreams,
      waitUntil: keepAlive,
    }),
    directory: createDirectory(env.DIRECTORY),
    sockets: createWorkerSockets(),
    tokens: createTokens({
      JWT_SECRET: env.JWT_SECRET,
      JWKS_URL: env.JWKS_URL,
      hasDevAuth: settings.hasDevAuth,
    }),
    gateway: createGateway(settings.gatewayHealthUrl),
  };
  let all: Omit<Offer, "ports"> = {};
  for (const part of parts) {
    const { ports: added, ...offer } = part({ env, settings, ports });
    Object.assign(ports, added);
    all = { ...all, ...offer };
  }
  const shared = env.REQUEST_RATE && createLocationRates(rates, env.REQUEST_RATE);
  const edge: Edge = {
    settings,
    rates: all.rates ?? shared ?? rates,
    page: env.ASSETS,
    addressOf: (request) => request.headers.get("cf-connecting-ip") ?? "",
    ports,
  };
  return { ...all, edge, app: createApp(doors, edge) };
}

/** What the platform calls. */
export function toHandlers(doors: readonly Door[], compose: Compose) {
  return {
    fetch: (request, env, context) => compose(env, waitUntil).app(request, context),
    connect: (socket, env) => serveTcp(doors, compose(env, waitUntil).edge, socket),
    /** Every minute: what a crash left in Redis. The SQLite store has alarms for that. */
    scheduled: (_controller, env) => compose(env, waitUntil).rescue?.(),
  } satisfies ExportedHandler<Environment>;
}
