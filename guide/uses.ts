import type { UseId } from "./protocol.ts";
import { USE_IDS } from "./protocol.ts";

/** A thing that people build. */
export interface Use {
  readonly id: UseId;
  readonly name: string;
  /** One sentence that goes on from the name. */
  readonly summary: string;
  /** What decides between protocols here. */
  readonly decides: string;
}

const TEXTS: Readonly<Record<UseId, Omit<Use, "id">>> = {
  crud: {
    name: "CRUD",
    summary: "Records that are created, read, changed and deleted, one request at a time.",
    decides: "Caching, conditional requests, and that everybody can already call it.",
  },
  chat: {
    name: "Chat",
    summary: "People write to each other, see who is there, and miss nothing when a train enters a tunnel.",
    decides: "Both directions on one connection, presence, and resuming without gap or repeat.",
  },
  "live-updates": {
    name: "Live updates",
    summary: "A dashboard, a feed, an order's progress: the server tells, the page shows.",
    decides: "One direction is enough; reconnecting by itself and passing proxies matter most.",
  },
  mobile: {
    name: "Mobile app",
    summary: "An app on networks that change and vanish, with a battery that is not to be wasted.",
    decides: "Few round trips, small messages, cheap resuming, and a radio that may sleep.",
  },
  microservices: {
    name: "Microservices",
    summary: "Our own services call each other, all day, on a network that is ours.",
    decides: "A typed contract, streams, deadlines, and generated code in every language.",
  },
  "public-api": {
    name: "Public API",
    summary: "Strangers call it, from languages we do not know, and keep doing so for years.",
    decides: "No library needed, stable versions, documentation that a machine reads too.",
  },
  "file-upload": {
    name: "File upload",
    summary: "Large bodies go up: files, imports, recordings.",
    decides: "Streaming without holding it all in memory, progress, and going on after a cut.",
  },
  games: {
    name: "Games",
    summary: "Positions and inputs, many times a second, where the newest is all that counts.",
    decides: "Latency, and that a lost packet does not hold up those behind it.",
  },
  iot: {
    name: "IoT",
    summary: "Many small devices that send readings, sleep, and take commands when they wake.",
    decides: "Small code, small messages, sessions that outlive a connection, a last will.",
  },
  "background-jobs": {
    name: "Background jobs",
    summary: "Work that is to be done later, by somebody, exactly as often as it should be.",
    decides: "Acknowledgement after the work, retries with pauses, dead letters, and sharing out.",
  },
};

/** Every use, in the order of the matrix's columns. */
export const USES: readonly Use[] = USE_IDS.map((id) => ({ id, ...TEXTS[id] }));
