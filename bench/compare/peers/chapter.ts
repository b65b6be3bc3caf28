import type { Chapter } from "../chapter.ts";
import { describePeers } from "./describe.ts";
import type { PeersFigures } from "./figures.ts";
import { measurePeers } from "./measure.ts";

/** Everywire beside the stacks that people start from, and the strongest in the field that run on this machine. */
export const peers: Chapter<PeersFigures> = {
  name: "peers",
  title: "Beside other stacks",
  budgetSeconds: 240,
  measure: (lab) => measurePeers(lab),
  describe: describePeers,
};
