import { mountMethods } from "../boundary/methods.ts";
import type { Door } from "../door.ts";
import { openChannelSocket } from "./handler.ts";

export const door: Door = {
  name: "websocket",
  summary: "WebSocket: publish with acks, read, presence and typing on one connection",
  example: "npx wscat -c '{ws}/ws/demo/hello?after=earliest'",
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
  needs: [],
  mount(app) {
    mountMethods(app, "/ws/*", { GET: openChannelSocket });
  },
};
