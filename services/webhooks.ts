import { unwrap } from "../core/result.ts";
import type { Webhooks } from "../core/webhooks.ts";
import type { WebhookEndpointEnv, WebhookEndpointObject } from "../durable-objects/webhook-endpoint.ts";
import type { WebhookIndex } from "../durable-objects/webhook-index.ts";

export type WebhookEndpointNamespace = DurableObjectNamespace<WebhookEndpointObject<WebhookEndpointEnv>>;

/** Webhook endpoints, each in a Durable Object of its own, and one that knows which there are. */
export function createWebhooks(
  namespace: WebhookEndpointNamespace,
  indexes: DurableObjectNamespace<WebhookIndex>,
): Webhooks {
  const index = () => indexes.getByName("main");
  const endpoint = (id: string) => namespace.getByName(id);
  return {
    async create(request) {
      // First, so that an endpoint which is left halfway can be found and removed.
      unwrap(await index().add(request.id, request.owner.subject));
      try {
        return unwrap(await endpoint(request.id).create(request));
      } catch (thrown) {
        await endpoint(request.id).remove();
        await index().remove(request.id);
        throw thrown;
      }
    },
    async list(query) {
      const ids = await index().list(query);
      const found = await Promise.all(ids.map((id) => endpoint(id).get()));
      // Removed meanwhile, or never finished: not there.
      const there = found.filter((result) => result.ok || result.error.code !== "not_found");
      return {
        endpoints: there.map(unwrap),
        next: ids.length < query.limit ? undefined : ids.at(-1),
      };
    },
    get: async (id) => unwrap(await endpoint(id).get()),
    update: async (id, change) => unwrap(await endpoint(id).update(change)),
    async remove(id) {
      unwrap(await endpoint(id).remove());
      await index().remove(id);
    },
    rotateSecret: async (id) => unwrap(await endpoint(id).rotateSecret()),
    sendTest: async (id) => unwrap(await endpoint(id).sendTest()),
    listDeliveries: async (id, query) => unwrap(await endpoint(id).listDeliveries(query)),
    replayDelivery: async (id, deliveryId) => unwrap(await endpoint(id).replayDelivery(deliveryId)),
    replayFrom: async (id, start) => unwrap(await endpoint(id).replayFrom(start)),
  };
}
