import { parseSettings } from "./core/settings.ts";
import type { Channel } from "./durable-objects/channel.ts";
import type { Directory } from "./durable-objects/directory.ts";
import type { Job } from "./durable-objects/job.ts";
import type { Records } from "./durable-objects/records.ts";
import { createApp } from "./functions/boundary/app.ts";
import { doors } from "./functions/routes.ts";
import { createChannels, createDirectory } from "./services/channels.ts";
import { createJobs } from "./services/jobs.ts";
import { createRecords } from "./services/records.ts";
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
  readonly JOB: DurableObjectNamespace<Job>;
  readonly JWT_SECRET?: string;
  readonly JWKS_URL?: string;
}

type App = ReturnType<typeof createApp>;

// One per isolate: `env` is the same object for every request of an isolate.
let composed: { readonly env: Env; readonly app: App } | undefined;

function compose(env: Env): App {
  if (composed?.env === env) return composed.app;
  const settings = parseSettings(env as unknown as Record<string, unknown>);
  const app = createApp(doors, {
    settings,
    ports: {
      channels: createChannels(env.CHANNEL, settings.limits),
      directory: createDirectory(env.DIRECTORY),
      records: createRecords(env.RECORDS),
      jobs: createJobs(env.JOB),
      tokens: createTokens({
        JWT_SECRET: env.JWT_SECRET,
        JWKS_URL: env.JWKS_URL,
        hasDevAuth: settings.hasDevAuth,
      }),
    },
  });
  composed = { env, app };
  return app;
}

export default {
  fetch: (request, env, context) => compose(env)(request, context),
} satisfies ExportedHandler<Env>;
