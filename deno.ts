import { parseSettings } from "./core/settings.ts";
import { createApp } from "./functions/boundary/app.ts";
import type { Edge } from "./functions/boundary/edge.ts";
import { serveGraphqlSocket } from "./functions/graphql/socket.ts";
import { doors } from "./functions/routes-deno.ts";
import { createAbsentPorts } from "./services/absent.ts";
import { createDenoSockets } from "./services/deno-sockets.ts";
import { createGateway } from "./services/gateway.ts";
import { createNames } from "./services/names.ts";
import { createQueue } from "./services/queue.ts";
import { createRedisEdge } from "./services/redis-store.ts";
import { createTokens } from "./services/tokens.ts";
import { createWebhookSources } from "./services/webhook-sources.ts";

/** How often what a crash left in Redis is looked for; on Cloudflare a cron trigger does it. */
const RESCUE_INTERVAL_MS = 60_000;

// The composition root for `deno serve` and Deno Deploy: the same functions over Redis, where nothing has a place of its own.
const env = Deno.env.toObject();
const settings = parseSettings(env);
const addresses = new WeakMap<Request, string>();
const sockets = createDenoSockets();
// The process goes on by itself: there is nothing to hold on to. What fails has been logged where it failed.
const waitUntil = (work: Promise<unknown>) => void work.catch(() => undefined);

const queuePort = createQueue({
  QSTASH_URL: env.QSTASH_URL,
  QSTASH_TOKEN: env.QSTASH_TOKEN,
  QSTASH_CURRENT_SIGNING_KEY: env.QSTASH_CURRENT_SIGNING_KEY,
  QSTASH_NEXT_SIGNING_KEY: env.QSTASH_NEXT_SIGNING_KEY,
  publicUrl: settings.publicUrl,
  allowsPrivateTargets: settings.allowsPrivateWebhooks,
});
const redis = createRedisEdge(env, { settings, sockets, queue: queuePort, waitUntil });

const edge: Edge = {
  settings,
  rates: redis.requestRates,
  page: undefined,
  addressOf: (request) => addresses.get(request) ?? "",
  ports: {
    ...createAbsentPorts(),
    channels: redis.channels,
    directory: redis.directory,
    records: redis.records,
    sockets,
    socketHosts: {
      // A connection lives as long as its socket here: the process is a place of its own.
      open: async (opening, upgrade) => {
        const { socket, response } = sockets.accept(upgrade, opening.subprotocol);
        serveGraphqlSocket(edge, socket, opening);
        return response;
      },
    },
    queue: queuePort,
    tokens: createTokens({
      JWT_SECRET: env.JWT_SECRET,
      JWKS_URL: env.JWKS_URL,
      hasDevAuth: settings.hasDevAuth,
    }),
    webhookSources: createWebhookSources(env),
    names: createNames(settings.dnsResolverUrl),
    gateway: createGateway(settings.gatewayHealthUrl),
  },
};
const app = createApp(doors, edge);

setInterval(() => void redis.rescue(), RESCUE_INTERVAL_MS);

export default {
  fetch(request, { remoteAddr }) {
    addresses.set(request, remoteAddr.hostname ?? "");
    const execution = { waitUntil, passThroughOnException: () => {}, props: {} };
    return app(request, execution as unknown as ExecutionContext);
  },
} satisfies Deno.ServeDefaultExport;
