import { unwrap } from "../core/result.ts";
import type { GroupKey, WorkQueues } from "../core/work-queue.ts";
import type { WorkQueue } from "../durable-objects/work-queue.ts";

/** Consumer groups, each in a Durable Object of its own. */
export function createWorkQueues(namespace: DurableObjectNamespace<WorkQueue>): WorkQueues {
  // A group has no slash in its name, so the two cannot run into each other.
  const open = ({ channel, group }: GroupKey) => namespace.getByName(`${group}/${channel}`);
  return {
    lease: async (key, request) => unwrap(await open(key).lease(key.channel, request)),
    ack: async (key, leaseIds) => open(key).ack(leaseIds),
    nack: async (key, leaseIds, delayMs) => open(key).nack(leaseIds, delayMs),
    extend: async (key, leaseIds, visibilityMs) => open(key).extend(leaseIds, visibilityMs),
    describe: async (key) => open(key).describe(),
    listDead: async (key, after, limit) => open(key).listDead(after, limit),
    getDead: async (key, sequence) => open(key).getDead(sequence),
    retryDead: async (key, sequence) => open(key).retryDead(sequence),
    deleteDead: async (key, sequence) => open(key).deleteDead(sequence),
  };
}
