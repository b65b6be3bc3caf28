/** The protocols that the guide compares. */
export const PROTOCOL_IDS = [
  "rest",
  "http",
  "long-poll",
  "sse",
  "ndjson",
  "durable-streams",
  "websocket",
  "webtransport",
  "graphql",
  "connect",
  "grpc",
  "json-rpc",
  "mqtt",
  "tcp",
  "udp",
  "webhooks",
  "queue",
  "amqp",
] as const;
export type ProtocolId = (typeof PROTOCOL_IDS)[number];

/** What people build: the columns of the decision matrix. */
export const USE_IDS = [
  "crud",
  "chat",
  "live-updates",
  "mobile",
  "microservices",
  "public-api",
  "file-upload",
  "games",
  "iot",
  "background-jobs",
] as const;
export type UseId = (typeof USE_IDS)[number];

/** The ways to read a channel that a program can measure, by the names that `everywire sub --via` has for them. */
export const VIAS = [
  "http",
  "long-poll",
  "sse",
  "ndjson",
  "durable-streams",
  "websocket",
  "webtransport",
  "graphql-sse",
  "graphql-ws",
  "connect",
  "grpc-web",
  "grpc",
  "json-rpc",
  "mqtt",
  "tcp",
  "udp",
] as const;
export type Via = (typeof VIAS)[number];

/** How well a protocol suits a use, the best first. */
export const GRADES = ["best", "good", "fair", "poor"] as const;
export type Grade = (typeof GRADES)[number];

/** One cell of the decision matrix. */
export interface Fit {
  readonly grade: Grade;
  /** One sentence. */
  readonly reason: string;
}

/** Who takes part in a data flow, and what sort of thing it is. */
export interface Participant {
  readonly id: string;
  readonly name: string;
  readonly kind: "client" | "server" | "log" | "broker";
}

/** One arrow of the picture, in the order of time. */
export interface FlowStep {
  readonly from: string;
  readonly to: string;
  readonly label: string;
  /**
   * `open` a connection that stays; `request` and `answer` in pairs; `event` what is sent unasked; `ack` that it
   * arrived; `wait` a request that is held back until there is something; `cut` the connection is lost.
   */
  readonly kind: "open" | "request" | "answer" | "event" | "ack" | "wait" | "cut";
}

/** A data flow: a sequence diagram can be drawn from it as it is. */
export interface Flow {
  readonly participants: readonly Participant[];
  readonly steps: readonly FlowStep[];
}

/** What holds on the wire: the same facts, by the same names, as a door of `GET /capabilities`. */
export interface DeliveryGuarantees {
  readonly publish: boolean;
  readonly subscribe: boolean;
  readonly resume: boolean;
  readonly ordering: boolean;
  readonly dedupe: boolean;
  readonly binary: boolean;
  readonly presence: boolean;
}

/** One protocol, as the guide tells of it. */
export interface Protocol {
  readonly id: ProtocolId;
  readonly name: string;
  /** One sentence. */
  readonly summary: string;
  /** The door of `GET /capabilities` that speaks it, the gateway's included; undefined where it is no way onto channels. */
  readonly door: string | undefined;
  /** Whether it comes in through the gateway, since the edge's runtime cannot terminate it. */
  readonly needsGateway: boolean;
  readonly specifications: readonly { readonly name: string; readonly url: string }[];
  readonly flow: Flow;
  readonly advantages: readonly string[];
  readonly limits: readonly string[];
  /** Sentences that go on from "Choose it when". */
  readonly chooseWhen: readonly string[];
  /** Sentences that go on from "Choose something else when". */
  readonly avoidWhen: readonly string[];
  /** Undefined where it is not a way onto channels. */
  readonly guarantees: DeliveryGuarantees | undefined;
  /** What becomes of an event between sender and receiver, in words. */
  readonly delivery: string;
  /** How a reader that was cut goes on. */
  readonly resume: string;
  readonly cost: {
    /** Of being connected. */
    readonly connection: string;
    /** Of one more event. */
    readonly event: string;
    /** Of whoever has to run it. */
    readonly operation: string;
  };
  readonly tooling: readonly string[];
  readonly proxies: { readonly passes: "always" | "mostly" | "sometimes" | "rarely"; readonly why: string };
  readonly browser: { readonly support: "native" | "library" | "none"; readonly why: string };
  /** Which of the measured figures are its own. */
  readonly vias: readonly Via[];
  /**
   * A command that shows it (a line of JavaScript, where only a browser can), with `{url}`, `{ws}`, `{host}` and the
   * names of ports (`{TCP_PORT}`) where the server's go.
   */
  readonly example: string;
  readonly fits: Readonly<Record<UseId, Fit>>;
}

export const best = (reason: string): Fit => ({ grade: "best", reason });
export const good = (reason: string): Fit => ({ grade: "good", reason });
export const fair = (reason: string): Fit => ({ grade: "fair", reason });
export const poor = (reason: string): Fit => ({ grade: "poor", reason });

/** Guarantees where everything holds but what is named. */
export function guaranteesWithout(...missing: readonly (keyof DeliveryGuarantees)[]): DeliveryGuarantees {
  const all = ["publish", "subscribe", "resume", "ordering", "dedupe", "binary", "presence"] as const;
  const entries = all.map((name) => [name, !missing.includes(name)] as const);
  return Object.fromEntries(entries) as unknown as DeliveryGuarantees;
}

const CLIENT: Participant = { id: "client", name: "Client", kind: "client" };
const SERVER: Participant = { id: "server", name: "Everywire", kind: "server" };
const LOG: Participant = { id: "log", name: "Channel's log", kind: "log" };

/** The participants that most flows have. */
export const CLIENT_SERVER_LOG: readonly Participant[] = [CLIENT, SERVER, LOG];

/** One arrow. */
export function step(from: string, to: string, kind: FlowStep["kind"], label: string): FlowStep {
  return { from, to, kind, label };
}
