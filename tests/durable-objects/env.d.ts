import type { Channel } from "../../durable-objects/channel.ts";
import type { Directory } from "../../durable-objects/directory.ts";
import type { Records } from "../../durable-objects/records.ts";
import type { Relay } from "../../durable-objects/relay.ts";
import type { WorkQueue } from "../../durable-objects/work-queue.ts";

declare global {
  namespace Cloudflare {
    /** What `env` of `cloudflare:test` holds: the bindings of wrangler.toml. */
    interface Env {
      readonly CHANNEL: DurableObjectNamespace<Channel>;
      readonly RELAY: DurableObjectNamespace<Relay>;
      readonly DIRECTORY: DurableObjectNamespace<Directory>;
      readonly MQTT_SESSION: DurableObjectNamespace;
      readonly RECORDS: DurableObjectNamespace<Records>;
      readonly WORK_QUEUE: DurableObjectNamespace<WorkQueue>;
    }
  }
}
