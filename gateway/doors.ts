/** What holds on a door, in the words of the Worker's `/capabilities`. */
interface Guarantees {
  readonly publish: boolean;
  readonly subscribe: boolean;
  readonly resume: boolean;
  readonly ordering: boolean;
  readonly dedupe: boolean;
  readonly binary: boolean;
  readonly presence: boolean;
  readonly limits: boolean;
}

/** A way onto channels that is there only with the gateway. */
export interface GatewayDoor {
  readonly name: string;
  readonly summary: string;
  readonly guarantees: Guarantees;
}

const ALL_BUT_PRESENCE: Guarantees = {
  publish: true,
  subscribe: true,
  resume: true,
  ordering: true,
  dedupe: true,
  binary: true,
  presence: false,
  limits: true,
};

export const GRPC: GatewayDoor = {
  name: "grpc",
  summary: "gRPC over HTTP/2, in clear and over TLS, and over HTTP/3: everywire.v1, health and reflection",
  guarantees: ALL_BUT_PRESENCE,
};

export const UDP: GatewayDoor = {
  name: "udp",
  summary: "JSON datagrams: publish with an ack, subscribe for a lease, and ask again for what was lost",
  guarantees: ALL_BUT_PRESENCE,
};

export const WEBTRANSPORT: GatewayDoor = {
  name: "webtransport",
  summary:
    "WebTransport at /wt: operations on streams, a stream for each subscription, latest values as datagrams",
  guarantees: ALL_BUT_PRESENCE,
};

/** Behind a broker whoever reads has the broker's queues, and no cursor. */
const BRIDGED: Guarantees = { ...ALL_BUT_PRESENCE, resume: false };

export const AMQP: GatewayDoor = {
  name: "amqp",
  summary: "AMQP 0-9-1 by a broker: every event on a topic exchange, and messages in from a queue",
  guarantees: BRIDGED,
};

export const MQTT_BRIDGE: GatewayDoor = {
  name: "mqtt-bridge",
  summary: "chosen topics of another MQTT broker, both ways",
  guarantees: BRIDGED,
};
