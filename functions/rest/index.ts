import type { Door } from "../door.ts";
import { mountMethods } from "../boundary/methods.ts";
import { ACCEPT_PATCH } from "./encode.ts";
import { RESOURCES } from "./resources.ts";
import { MOUNTS } from "./versions.ts";

export const door: Door = {
  name: "rest",
  summary: "REST resources: users, posts, comments, products, orders",
  example:
    'curl {url}/api/v1/products -H "authorization: Bearer $(curl -s {url}/auth/token -H \'content-type: application/json\' -d \'{"name":"ada"}\' | sed \'s/.*"token":"\\([^"]*\\)".*/\\1/\')"',
  guarantees: undefined,
  mount(app) {
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
