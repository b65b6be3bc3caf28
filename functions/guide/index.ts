import { mountMethods } from "../boundary/methods.ts";
import type { Door } from "../door.ts";
import { handleChoice, handleGuide } from "./handler.ts";

export const door: Door = {
  name: "guide",
  summary: "The guide: which protocol for what, and why; a few questions lead to a choice",
  example: "curl '{url}/guide/choice?use=chat&client=browser'",
  guarantees: undefined,
  needs: [],
  mount(app) {
    mountMethods(app, "/guide", { GET: handleGuide });
    mountMethods(app, "/guide/choice", { GET: handleChoice });
  },
};
