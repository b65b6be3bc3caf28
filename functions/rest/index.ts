import { mountMethods } from "../boundary/methods.ts";
import type { Door } from "../door.ts";
import { docsHandler, openapiHandler } from "./documents.ts";
import { ACCEPT_PATCH } from "./encode.ts";
import { RESOURCES } from "./resources.ts";
import { MOUNTS } from "./versions.ts";

export const door: Door = {
  name: "rest",
  summary: "REST resources: users, posts, comments, products, orders",
  example: "curl {url}/openapi.json",
  guarantees: undefined,
  needs: ["records"],
  wants: { queue: "orders stay pending: the jobs that move them on come in through it" },
  mount(app) {
    mountMethods(app, "/openapi.json", { GET: openapiHandler });
    mountMethods(app, "/docs", { GET: docsHandler });
    for (const mount of MOUNTS) {
      for (const resource of RESOURCES) {
        const path = `${mount.prefix}${resource.path}`;
        mountMethods(app, path, resource.collectionMethods(mount));
        mountMethods(app, `${path}/:${resource.itemParameter}`, resource.itemMethods(mount), {
          "accept-patch": ACCEPT_PATCH,
        });
      }
    }
  },
};
