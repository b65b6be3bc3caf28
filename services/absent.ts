import { EverywireError } from "../core/error.ts";
import type { Jobs } from "../core/jobs.ts";
import type { MqttSessions } from "../core/mqtt-session.ts";
import type { Outbox } from "../core/outbox.ts";
import type { Webhooks } from "../core/webhooks.ts";
import type { WorkQueues } from "../core/work-queue.ts";

/**
 * Ports that need an object of its own for each session, group, endpoint or job, with a clock that wakes it: an edge
 * without Durable Objects has none. Who asks is told what is told of any path that is not there; the doors which have
 * nothing else are not mounted on such an edge.
 */
export interface AbsentPorts {
  readonly jobs: Jobs;
  readonly mqttSessions: MqttSessions;
  readonly workQueues: WorkQueues;
  readonly webhooks: Webhooks;
  readonly outbox: Outbox;
}

export function createAbsentPorts(): AbsentPorts {
  return {
    jobs: absent<Jobs>("imports"),
    mqttSessions: absent<MqttSessions>("MQTT sessions"),
    workQueues: absent<WorkQueues>("consumer groups"),
    webhooks: absent<Webhooks>("webhook endpoints"),
    // The store's outbox is in Redis there, which puts nothing aside: it tries again until it arrives.
    outbox: {
      listStuck: async () => [],
      getStuck: async () => undefined,
      retryStuck: async () => false,
      deleteStuck: async () => false,
    },
  };
}

/**
 * A port that is not there: every method of it rejects, but those that it is given.
 *
 * @param code what whoever asks is told: `not_found` where the edge can have no such thing, `unavailable` where this
 *   server was built without it
 */
export function absentPort<Port extends object>(
  code: "not_found" | "unavailable",
  message: string,
  answers: Partial<Port> = {},
): Port {
  const refuse = async (): Promise<never> => {
    throw new EverywireError(code, message);
  };
  return new Proxy(answers, { get: (target, name) => Reflect.get(target, name) ?? refuse }) as Port;
}

function absent<Port extends object>(what: string): Port {
  return absentPort("not_found", `This edge has no ${what}: they need Durable Objects.`);
}
