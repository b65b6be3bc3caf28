import { DELIVERY_PATHS } from "../../core/queue.ts";
import { mountMethods } from "../boundary/methods.ts";
import type { Door } from "../door.ts";
import {
  handleCancel,
  handleDeadLetter,
  handleDeadLetters,
  handleDeleteDeadLetter,
  handleDeleteFifo,
  handleFifo,
  handleFifos,
  handleMessage,
  handleRetry,
  handleSaveFifo,
} from "./administration.ts";
import { handleEventDelivery, handleJobDelivery } from "./deliveries.ts";
import { handleGet, handlePost } from "./handler.ts";

export const door: Door = {
  name: "queue",
  summary: "Queued delivery by QStash, and competing consumers who pull",
  example: `curl {url}/queue/demo/hello -H 'content-type: application/json' -d '{"type":"greeting","data":"hi","delay":"2s"}'`,
  guarantees: {
    publish: true,
    // A consumer leases what the group has not settled: it has no cursor of its own to go on from.
    subscribe: false,
    resume: false,
    ordering: true,
    dedupe: true,
    binary: true,
    presence: false,
    limits: true,
  },
  needs: ["queue"],
  mount(app) {
    app.all(`${DELIVERY_PATHS.channels}*`, handleEventDelivery);
    app.all(`${DELIVERY_PATHS.jobs}:name`, handleJobDelivery);
    mountMethods(app, "/queue/dead-letters", { GET: handleDeadLetters });
    mountMethods(app, "/queue/dead-letters/:id", { GET: handleDeadLetter, DELETE: handleDeleteDeadLetter });
    mountMethods(app, "/queue/dead-letters/:id/retry", { POST: handleRetry });
    mountMethods(app, "/queue/messages/:id", { GET: handleMessage, DELETE: handleCancel });
    mountMethods(app, "/queue/queues", { GET: handleFifos });
    mountMethods(app, "/queue/queues/:name", {
      GET: handleFifo,
      PUT: handleSaveFifo,
      DELETE: handleDeleteFifo,
    });
    mountMethods(app, "/queue/*", { GET: handleGet, POST: handlePost });
  },
};
