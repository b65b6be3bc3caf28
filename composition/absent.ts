import type { Ports } from "../core/ports.ts";
import type { Queue } from "../core/queue.ts";
import type { Records } from "../core/records.ts";
import type { PartName } from "../functions/door.ts";
import { absentPort } from "../services/absent.ts";

/**
 * What stands for the parts that a Worker was built without. The doors that need them were left out as well, so all that
 * is asked of them is what every Worker asks: whose an order is, and what is ready.
 */
export function createAbsentPorts(): Omit<
  Ports,
  "channels" | "directory" | "sockets" | "tokens" | "gateway"
> {
  return {
    // No order is anybody's here.
    records: absent<Records>("records", { store: "none", orderOwner: () => Promise.resolve(undefined) }),
    queue: absent<Queue>("queue", { check: () => Promise.resolve("off") }),
    workQueues: absent("queue"),
    outbox: absent("records"),
    jobs: absent("jobs"),
    socketHosts: absent("graphql-sockets"),
    mqttSessions: absent("mqtt"),
    webhooks: absent("webhooks"),
    webhookSources: absent("webhooks"),
    names: absent("webhooks"),
  };
}

function absent<Port extends object>(part: PartName, answers: Partial<Port> = {}): Port {
  return absentPort("unavailable", `This server was built without ${part}.`, answers);
}
