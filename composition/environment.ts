import type { Channel } from "../durable-objects/channel.ts";
import type { Directory } from "../durable-objects/directory.ts";
import type { JobObject } from "../durable-objects/job.ts";
import type { MqttRetained } from "../durable-objects/mqtt-retained.ts";
import type { MqttShare } from "../durable-objects/mqtt-share.ts";
import type { Records } from "../durable-objects/records.ts";
import type { Relay } from "../durable-objects/relay.ts";
import type { WebhookIndex } from "../durable-objects/webhook-index.ts";
import type { WorkQueue } from "../durable-objects/work-queue.ts";
import type { WebhookEndpointNamespace } from "../services/webhooks.ts";

/**
 * The bindings of wrangler.toml, and what an operator may set (core/settings.ts, services/tokens.ts). A Worker of some
 * doors has only the bindings of its parts, and no other part asks for them.
 */
export interface Environment {
  readonly CHANNEL: DurableObjectNamespace<Channel>;
  readonly RELAY: DurableObjectNamespace<Relay>;
  readonly DIRECTORY: DurableObjectNamespace<Directory>;
  readonly RECORDS: DurableObjectNamespace<Records>;
  readonly GRAPHQL_SOCKET: DurableObjectNamespace;
  readonly JOB: DurableObjectNamespace<JobObject<unknown>>;
  readonly MQTT_SESSION: DurableObjectNamespace;
  readonly MQTT_RETAINED: DurableObjectNamespace<MqttRetained>;
  readonly MQTT_SHARE: DurableObjectNamespace<MqttShare>;
  readonly WEBHOOK_ENDPOINT: WebhookEndpointNamespace;
  readonly WEBHOOK_INDEX: DurableObjectNamespace<WebhookIndex>;
  readonly WORK_QUEUE: DurableObjectNamespace<WorkQueue>;
  /** Counts requests across the isolates of a location; left out, each isolate counts its own. */
  readonly REQUEST_RATE?: RateLimit;
  /** The page's files; left out, the Worker is an API alone. */
  readonly ASSETS?: Fetcher;
  readonly JWT_SECRET?: string;
  readonly JWKS_URL?: string;
  readonly SVIX_TOKEN?: string;
  readonly SVIX_SERVER_URL?: string;
  readonly UPSTASH_REDIS_REST_URL?: string;
  readonly UPSTASH_REDIS_REST_TOKEN?: string;
  readonly QSTASH_URL?: string;
  readonly QSTASH_TOKEN?: string;
  readonly QSTASH_CURRENT_SIGNING_KEY?: string;
  readonly QSTASH_NEXT_SIGNING_KEY?: string;
}
