import { mountMethods } from "../boundary/methods.ts";
import type { Door } from "../door.ts";
import { handlePoll } from "./handler.ts";

export const door: Door = {
  name: "long-poll",
  summary: "Long polling: a read that waits for the next event",
  example: "curl '{url}/poll/demo/hello?timeout=30'",
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
    mountMethods(app, "/poll/*", { GET: handlePoll });
  },
};
