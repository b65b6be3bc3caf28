import { mountMethods } from "../boundary/methods.ts";
import type { Door } from "../door.ts";
import { handleDelete, handleList, handlePublish, handleRead } from "./handler.ts";

export const door: Door = {
  name: "http",
  summary: "CloudEvents over HTTP: publish in four forms, read by page",
  example: `curl {url}/channels/demo/hello -H 'content-type: application/json' -d '{"type":"greeting","data":"hi"}'`,
  guarantees: {
    publish: true,
    subscribe: false,
    resume: true,
    ordering: true,
    dedupe: true,
    binary: true,
    presence: true,
    limits: true,
  },
  needs: [],
  mount(app) {
    mountMethods(app, "/channels", { GET: handleList });
    mountMethods(app, "/channels/*", { GET: handleRead, POST: handlePublish, DELETE: handleDelete });
  },
};
