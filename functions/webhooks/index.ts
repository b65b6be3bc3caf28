import { mountMethods } from "../boundary/methods.ts";
import type { Door } from "../door.ts";
import { handleIncoming } from "./incoming-handler.ts";

export const door: Door = {
  name: "webhooks",
  summary: "Webhooks in: other systems' deliveries, verified, on webhooks/{source}",
  example: "curl {url}/webhooks/in/github -H 'x-hub-signature-256: sha256=...' -d @push.json",
  guarantees: undefined,
  mount(app) {
    mountMethods(app, "/webhooks/in/:source", { POST: handleIncoming }, {}, "anybody");
  },
};
