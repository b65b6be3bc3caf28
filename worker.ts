import { waitUntil } from "cloudflare:workers";
import { attemptAsync } from "./core/result.ts";
import { parseSettings } from "./core/settings.ts";
import type { WebhookSender } from "./core/webhook-sender.ts";
import type { Channel } from "./durable-objects/channel.ts";
import type { Directory } from "./durable-objects/directory.ts";
import { createGraphqlSocketClass } from "./durable-objects/graphql-socket.ts";
import type { JobObject } from "./durable-objects/job.ts";
import { createJobClass } from "./durable-objects/job.ts";
import type { MqttRetained } from "./durable-objects/mqtt-retained.ts";
import { createMqttSessionClass } from "./durable-objects/mqtt-session.ts";
import type { MqttShare } from "./durable-objects/mqtt-share.ts";
import type { Records as RecordsObject } from "./durable-objects/records.ts";
import { createRecordsClass } from "./durable-objects/records.ts";
import { createWebhookEndpointClass } from "./durable-objects/webhook-endpoint.ts";
import type { WebhookIndex } from "./durable-objects/webhook-index.ts";
import type { WorkQueue } from "./durable-objects/work-queue.ts";
import { createApp } from "./functions/boundary/app.ts";
import type { Edge } from "./functions/boundary/edge.ts";
import { createOperationContext } from "./functions/boundary/edge.ts";
import { IsolateRates } from "./functions/boundary/request-rates.ts";
import { serveTcp } from "./functions/boundary/tcp.ts";
import { serveGraphqlSocket } from "./functions/graphql/socket.ts";
import { doors } from "./functions/routes.ts";
import { createChannels, createDirectory } from "./services/channels.ts";
import { createGateway } from "./services/gateway.ts";
import { createJobs } from "./services/jobs.ts";
import { createMqttSessions } from "./services/mqtt-sessions.ts";
import { createNames } from "./services/names.ts";
import { createQueue } from "./services/queue.ts";
import { createOutbox, createRecords } from "./services/records.ts";
import type { RedisStore } from "./services/redis-store.ts";
import { createRedisStore } from "./services/redis-store.ts";
import { createSocketHosts } from "./services/socket-hosts.ts";
import { createSvix, createSvixSender, createSvixWebhooks } from "./services/svix.ts";
import { createTokens } from "./services/tokens.ts";
import { createWebhookHost } from "./services/webhook-host.ts";
import { createWebhookSender } from "./services/webhook-sender.ts";
import { createWebhookSources } from "./services/webhook-sources.ts";
import type { WebhookEndpointNamespace } from "./services/webhooks.ts";
import { createWebhooks } from "./services/webhooks.ts";
import { createWorkQueues } from "./services/work-queues.ts";
import { createWorkerSockets } from "./services/worker-sockets.ts";

export { Channel } from "./durable-objects/channel.ts";
export { Directory } from "./durable-objects/directory.ts";
export { MqttRetained } from "./durable-objects/mqtt-retained.ts";
export { MqttShare } from "./durable-objects/mqtt-share.ts";
export { WebhookIndex } from "./durable-objects/webhook-index.ts";
export { WorkQueue } from "./durable-objects/work-queue.ts";

/** The bindings of wrangler.toml, and what an operator may set (core/settings.ts, services/tokens.ts). */
interface Env {
  readonly CHANNEL: DurableObjectNamespace<Channel>;
  readonly DIRECTORY: DurableObjectNamespace<Directory>;
  readonly RECORDS: DurableObjectNamespace<RecordsObject>;
  readonly GRAPHQL_SOCKET: DurableObjectNamespace;
  readonly JOB: DurableObjectNamespace<JobObject<unknown>>;
  readonly MQTT_SESSION: DurableObjectNamespace;
  readonly MQTT_RETAINED: DurableObjectNamespace<MqttRetained>;
  readonly MQTT_SHARE: DurableObjectNamespace<MqttShare>;
  readonly WEBHOOK_ENDPOINT: WebhookEndpointNamespace;
  readonly WEBHOOK_INDEX: DurableObjectNamespace<WebhookIndex>;
  /** The page's files; left out, the Worker is an API alone. */
  readonly ASSETS?: Fetcher;
  readonly JWT_SECRET?: string;
  readonly JWKS_URL?: string;
  readonly SVIX_TOKEN?: string;
  readonly SVIX_SERVER_URL?: string;
  readonly UPSTASH_REDIS_REST_URL?: string;
  readonly UPSTASH_REDIS_REST_TOKEN?: string;
  readonly WORK_QUEUE: DurableObjectNamespace<WorkQueue>;
  readonly QSTASH_URL?: string;
  readonly QSTASH_TOKEN?: string;
  readonly QSTASH_CURRENT_SIGNING_KEY?: string;
  readonly QSTASH_NEXT_SIGNING_KEY?: string;
}

interface Composed {
  readonly edge: Edge;
  readonly webhookSender: WebhookSender;
  /** Where an operator set one up. */
  readonly redis: RedisStore | undefined;
  readonly app: ReturnType<typeof createApp>;
}

// `env` is the same object for every request of an isolate, and another one for each kind of Durable Object in it.
// What is counted must be in one place for all of them.
const rates = new IsolateRates();
const composed = new WeakMap<Env, Composed>();

/** @param keepAlive where requests come beside each other, in the stateless Worker: `waitUntil` */
function compose(env: Env, keepAlive?: typeof waitUntil): Composed {
  const known = composed.get(env);
  if (known !== undefined) return known;
  const settings = parseSettings(env as unknown as Record<string, unknown>);
  const { limits } = settings;
  const names = createNames(settings.dnsResolverUrl);
  const targets = { allowsPrivate: settings.allowsPrivateWebhooks };
  const svix = env.SVIX_TOKEN
    ? createSvix({
        token: env.SVIX_TOKEN,
        serverUrl: env.SVIX_SERVER_URL,
        timeoutMs: limits.WEBHOOK_TIMEOUT_SECONDS * 1000,
      })
    : undefined;
  const webhooks = createWebhooks(env.WEBHOOK_ENDPOINT, env.WEBHOOK_INDEX);
  const channels = createChannels(env.CHANNEL, limits, keepAlive);
  const queue = createQueue({
    QSTASH_URL: env.QSTASH_URL,
    QSTASH_TOKEN: env.QSTASH_TOKEN,
    QSTASH_CURRENT_SIGNING_KEY: env.QSTASH_CURRENT_SIGNING_KEY,
    QSTASH_NEXT_SIGNING_KEY: env.QSTASH_NEXT_SIGNING_KEY,
    publicUrl: settings.publicUrl,
    allowsPrivateTargets: settings.allowsPrivateWebhooks,
  });
  const redis = createRedisStore(env, { channels, queue, waitUntil }, limits);
  const edge: Edge = {
    settings,
    rates: redis?.requestRates ?? rates,
    page: env.ASSETS,
    addressOf: (request) => request.headers.get("cf-connecting-ip") ?? "",
    ports: {
      channels,
      directory: createDirectory(env.DIRECTORY),
      records: redis?.records ?? createRecords(env.RECORDS),
      socketHosts: createSocketHosts(env.GRAPHQL_SOCKET),
      sockets: createWorkerSockets(),
      jobs: createJobs(env.JOB),
      mqttSessions: createMqttSessions(env.MQTT_SESSION),
      queue,
      workQueues: createWorkQueues(env.WORK_QUEUE),
      outbox: createOutbox(env.RECORDS),
      tokens: createTokens({
        JWT_SECRET: env.JWT_SECRET,
        JWKS_URL: env.JWKS_URL,
        hasDevAuth: settings.hasDevAuth,
      }),
      webhookSources: createWebhookSources(env as unknown as Record<string, unknown>),
      webhooks: svix === undefined ? webhooks : createSvixWebhooks(webhooks, svix),
      names,
      gateway: createGateway(settings.gatewayHealthUrl),
    },
  };
  const webhookSender =
    svix === undefined ? createWebhookSender({ limits, targets, names }) : createSvixSender(svix);
  const made = { edge, webhookSender, redis, app: createApp(doors, edge) };
  composed.set(env, made);
  return made;
}

/** A GraphQL connection: the object that holds it, and the door that knows what is spoken on it. */
export const GraphqlSocket = createGraphqlSocketClass<Env>((env, socket, opening) => {
  serveGraphqlSocket(compose(env).edge, socket, opening);
});

/** A webhook endpoint: the object that keeps its place, and what sends, decides and tells for it. */
export const WebhookEndpoint = createWebhookEndpointClass<Env>((env) => {
  const { edge, webhookSender } = compose(env);
  return createWebhookHost(edge, webhookSender);
});

/** An MQTT client's session: the object that keeps it, and the operations that it calls. */
export const MqttSession = createMqttSessionClass<Env>((env, identity) =>
  createOperationContext(compose(env).edge, identity),
);

/** Imports, into the store that this Worker uses. */
export const Job = createJobClass<Env>((env) => compose(env).edge.ports.records);
/** The resources: the object that stores them, and the queue that does what follows on a write. */
export const Records = createRecordsClass<Env>(
  (env) => (job) => attemptAsync(() => compose(env).edge.ports.queue.sendJob(job)),
);

export default {
  fetch: (request, env, context) => compose(env, waitUntil).app(request, context),
  connect: (socket, env) => serveTcp(doors, compose(env, waitUntil).edge, socket),
  /** Every minute: what a crash left in Redis. The SQLite store has alarms for that. */
  scheduled: (_controller, env) => compose(env, waitUntil).redis?.rescue(),
} satisfies ExportedHandler<Env>;
