import { mountMethods } from "../boundary/methods.ts";
import type { Door } from "../door.ts";
import { handlePost, handleRead } from "./handler.ts";

export const door: Door = {
  name: "stream",
  summary:
    "Streamable HTTP: NDJSON down, NDJSON up with an ack for each line while it is sent, and jobs as streams",
  example: `curl {url}/stream/demo/hello -H 'content-type: application/x-ndjson' -d '{"type":"greeting","data":"hi"}'`,
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
  needs: ["jobs"],
  mount(app) {
    mountMethods(app, "/stream/*", { GET: handleRead, POST: handlePost });
  },
};
