import { mountMethods } from "../boundary/methods.ts";
import type { Door } from "../door.ts";
import { handleAppend, handleCreate, handleDelete, handleDescribe, handleRead } from "./handler.ts";

export const door: Door = {
  name: "durable-streams",
  summary: "Durable Streams: append-only streams of bytes or JSON over HTTP, tailed by long poll or SSE",
  example: "curl '{url}/v1/stream/demo/hello?offset=-1'",
  guarantees: {
    publish: true,
    subscribe: true,
    resume: true,
    ordering: true,
    dedupe: true,
    binary: true,
    presence: false,
    limits: true,
  },
  needs: [],
  mount(app) {
    mountMethods(app, "/v1/stream/*", {
      GET: handleRead,
      HEAD: handleDescribe,
      POST: handleAppend,
      PUT: handleCreate,
      DELETE: handleDelete,
    });
  },
};
