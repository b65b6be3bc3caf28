import { mountMethods } from "../boundary/methods.ts";
import type { Door } from "../door.ts";
import { handleAsset, handleRoot } from "./handler.ts";

/**
 * The page (`web/`), for people; and an index of the doors, for programs that ask at the same place.
 *
 * @param listDoors the table of doors, asked for late, because this door is in it
 */
export function createPageDoor(listDoors: () => readonly Door[]): Door {
  return {
    name: "page",
    summary: "The page: race, explorer, guide, chat, orders, delivery",
    example: "open {url}/ in a browser",
    guarantees: undefined,
    needs: [],
    mount(app) {
      mountMethods(app, "/", { GET: (c) => handleRoot(c, listDoors()) }, {}, "anybody");
      mountMethods(app, "/assets/:file", { GET: handleAsset }, {}, "anybody");
      mountMethods(app, "/favicon.svg", { GET: handleAsset }, {}, "anybody");
    },
  };
}
