import { mountMethods } from "../boundary/methods.ts";
import type { Door } from "../door.ts";
import {
  handleCreate,
  handleDelete,
  handleGet,
  handleList,
  handleListDeliveries,
  handleReplayDelivery,
  handleReplayFrom,
  handleRotateSecret,
  handleTest,
  handleUpdate,
} from "./handler.ts";
import { handleIncoming } from "./incoming-handler.ts";

/** The half of the door that keeps nothing: for an edge where no endpoint could keep its place. */
export const incomingDoor: Door = {
  name: "webhooks",
  summary: "Webhooks in: other systems' deliveries, verified, on webhooks/{source}",
  example: `curl {url}/webhooks/in/github -H "x-hub-signature-256: $SIGNATURE" -H 'x-github-event: push' -d "$BODY"`,
  guarantees: undefined,
  needs: ["webhooks"],
  mount(app) {
    mountMethods(app, "/webhooks/in/:source", { POST: handleIncoming }, {}, "anybody");
  },
};

export const door: Door = {
  name: "webhooks",
  summary:
    "Webhooks out: signed CloudEvents, in order, until they arrive; in: other systems' deliveries, verified, on webhooks/{source}",
  example: `curl {url}/webhooks/endpoints -H "authorization: Bearer $TOKEN" -d '{"url":"https://example.com/hook","channels":["demo/**"]}'`,
  guarantees: {
    publish: false,
    subscribe: true,
    resume: true,
    ordering: true,
    dedupe: false,
    binary: true,
    presence: false,
    limits: true,
  },
  needs: ["webhooks"],
  mount(app) {
    mountMethods(app, "/webhooks/endpoints", { GET: handleList, POST: handleCreate });
    mountMethods(app, "/webhooks/endpoints/:id", {
      GET: handleGet,
      PATCH: handleUpdate,
      DELETE: handleDelete,
    });
    mountMethods(app, "/webhooks/endpoints/:id/rotate-secret", { POST: handleRotateSecret });
    mountMethods(app, "/webhooks/endpoints/:id/test", { POST: handleTest });
    mountMethods(app, "/webhooks/endpoints/:id/deliveries", { GET: handleListDeliveries });
    mountMethods(app, "/webhooks/endpoints/:id/replay", { POST: handleReplayFrom });
    mountMethods(app, "/webhooks/deliveries/:id/replay", { POST: handleReplayDelivery });
    incomingDoor.mount(app);
  },
};
