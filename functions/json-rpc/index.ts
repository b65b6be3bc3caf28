import { mountMethods } from "../boundary/methods.ts";
import type { Door } from "../door.ts";
import { handlePost, handleUpgrade, PATH, refuse } from "./handler.ts";

export const door: Door = {
  name: "json-rpc",
  summary:
    "JSON-RPC 2.0: channels and resources as methods, over HTTP and with subscriptions over a WebSocket",
  example: `curl {url}/rpc -H 'content-type: application/json' -d '{"jsonrpc":"2.0","id":1,"method":"channel.publish","params":["demo/hello","greeting","hi"]}'`,
  guarantees: {
    publish: true,
    subscribe: true,
    resume: true,
    ordering: true,
    dedupe: true,
    binary: true,
    presence: true,
    limits: true,
  },
  needs: ["records"],
  wants: { queue: "orders stay pending: the jobs that move them on come in through it" },
  refuse,
  mount(app) {
    mountMethods(app, PATH, { GET: handleUpgrade, POST: handlePost });
  },
};
