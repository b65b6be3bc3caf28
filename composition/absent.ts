import { EverywireError } from "../core/error.ts";
import type { Ports } from "../core/ports.ts";
import type { Queue } from "../core/queue.ts";
import type { Records } from "../core/records.ts";

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

/** A port that refuses every call but those that it is given. */
function absent<T extends object>(part: string, answers: Partial<T> = {}): T {
  const refuse = (): never => {
    throw new EverywireError("unavailable", `This server was built without ${part}.`);
  };
  return new Proxy(answers, { get: (target, name) => Reflect.get(target, name) ?? refuse }) as T;
}
