import { parseSettings } from "./core/settings.ts";
import type { Channel } from "./durable-objects/channel.ts";
import type { Directory } from "./durable-objects/directory.ts";
import { createGraphqlSocketClass } from "./durable-objects/graphql-socket.ts";
import type { Job } from "./durable-objects/job.ts";
import type { Records } from "./durable-objects/records.ts";
import { createApp } from "./functions/boundary/app.ts";
import type { Edge } from "./functions/boundary/edge.ts";
import { serveTcp } from "./functions/boundary/tcp.ts";
import { serveGraphqlSocket } from "./functions/graphql/socket.ts";
import { doors } from "./functions/routes.ts";
import { createChannels, createDirectory } from "./services/channels.ts";
import { createJobs } from "./services/jobs.ts";
import { createRecords } from "./services/records.ts";
import { createSocketHosts } from "./services/socket-hosts.ts";
import { createTokens } from "./services/tokens.ts";

export { Channel } from "./durable-objects/channel.ts";
export { Directory } from "./durable-objects/directory.ts";
export { Job } from "./durable-objects/job.ts";
export { Records } from "./durable-objects/records.ts";

/** The bindings of wrangler.toml, and what an operator may set (core/settings.ts, services/tokens.ts). */
interface Env {
  readonly CHANNEL: DurableObjectNamespace<Channel>;
  readonly DIRECTORY: DurableObjectNamespace<Directory>;
  readonly RECORDS: DurableObjectNamespace<Records>;
  readonly GRAPHQL_SOCKET: DurableObjectNamespace;
  readonly JOB: DurableObjectNamespace<Job>;
  readonly JWT_SECRET?: string;
  readonly JWKS_URL?: string;
}

interface Composed {
  readonly edge: Edge;
  readonly app: ReturnType<typeof createApp>;
}

// `env` is the same object for every request of an isolate, and another one for each kind of Durable Object in it.
const composed = new WeakMap<Env, Composed>();

function compose(env: Env): Composed {
  const known = composed.get(env);
  if (known !== undefined) return known;
  const settings = parseSettings(env as unknown as Record<string, unknown>);
  const edge: Edge = {
    settings,
    ports: {
      channels: createChannels(env.CHANNEL, settings.limits),
      directory: createDirectory(env.DIRECTORY),
      records: createRecords(env.RECORDS),
      socketHosts: createSocketHosts(env.GRAPHQL_SOCKET),
      jobs: createJobs(env.JOB),
      tokens: createTokens({
        JWT_SECRET: env.JWT_SECRET,
        JWKS_URL: env.JWKS_URL,
        hasDevAuth: settings.hasDevAuth,
      }),
    },
  };
  const made = { edge, app: createApp(doors, edge) };
  composed.set(env, made);
  return made;
}

/** A GraphQL connection: the object that holds it, and the door that knows what is spoken on it. */
export const GraphqlSocket = createGraphqlSocketClass<Env>((env, socket, opening) => {
  serveGraphqlSocket(compose(env).edge, socket, opening);
});

export default {
  fetch: (request, env, context) => compose(env).app(request, context),
  connect: (socket, env) => serveTcp(doors, compose(env).edge, socket),
} satisfies ExportedHandler<Env>;
