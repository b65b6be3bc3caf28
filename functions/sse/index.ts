import { mountMethods } from "../boundary/methods.ts";
import type { Door } from "../door.ts";
import { handleChannel, handleChannels } from "./handler.ts";

export const door: Door = {
  name: "sse",
  summary: "Server-sent events: one channel or several, resumed by Last-Event-ID",
  example: "curl -N '{url}/sse/demo/hello?after=earliest'",
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
  needs: [],
  mount(app) {
    mountMethods(app, "/sse", { GET: handleChannels });
    mountMethods(app, "/sse/*", { GET: handleChannel });
  },
};
