import type { Protocol } from "../protocol.ts";
import { best, fair, good, guaranteesWithout, poor, step } from "../protocol.ts";

export const amqp: Protocol = {
  id: "amqp",
  name: "AMQP (RabbitMQ)",
  summary: "The broker you already have: exchanges route messages to queues, workers acknowledge them.",
  door: "amqp",
  needsGateway: true,
  specifications: [{ name: "AMQP 0-9-1", url: "https://www.rabbitmq.com/amqp-0-9-1-reference" }],
  flow: {
    participants: [
      { id: "log", name: "Channel's log", kind: "log" },
      { id: "gateway", name: "Gateway", kind: "server" },
      { id: "broker", name: "RabbitMQ", kind: "broker" },
      { id: "worker", name: "Worker", kind: "client" },
    ],
    steps: [
      step("log", "gateway", "event", "every event that a bridge follows"),
      step("gateway", "broker", "event", "exchange everywire, key orders.42"),
      step("broker", "gateway", "ack", "publisher confirm"),
      step("broker", "worker", "event", "by binding, to one worker of each queue"),
      step("worker", "broker", "ack", "basic.ack after the work"),
      step("worker", "broker", "event", "publishes back: it becomes an event of the channel"),
    ],
  },
  advantages: [
    "Routing by patterns, priorities, per-message acknowledgement, prefetch, dead-letter exchanges.",
    "Thirty years of clients: what the rest of the company already runs.",
    "Back-pressure from the broker, which holds what workers cannot take yet.",
  ],
  limits: [
    "A broker to run, and its own port.",
    "A queue forgets what was acknowledged: history is in the channel, not there.",
    "Not for browsers.",
  ],
  chooseWhen: [
    "RabbitMQ is there, and its workers should see our events or send theirs;",
    "routing is the hard part of your jobs.",
  ],
  avoidWhen: [
    "you have no broker and do not want one: the queue here needs none;",
    "clients are outside of your network.",
  ],
  guarantees: guaranteesWithout("resume", "presence"),
  delivery:
    "At least once in both directions: confirmed by the broker before the bridge's cursor moves, acknowledged to the broker when it is on disk.",
  resume: "The bridge keeps a cursor for what goes out; unacknowledged messages come in again by themselves.",
  cost: {
    connection: "One TCP connection with channels on it, and heartbeats.",
    event: "A frame of some fifty bytes, properties and the event.",
    operation: "A broker, its disk and its upgrades; the gateway with AMQP_URL.",
  },
  tooling: ["RabbitMQ management, rabbitmqadmin", "amqplib, pika, Spring and clients in every language"],
  proxies: { passes: "rarely", why: "Port 5672 or 5671, inside your network." },
  browser: { support: "none", why: "No sockets in browsers." },
  vias: [],
  example: "AMQP_URL=amqp://guest:guest@localhost npm start",
  fits: {
    crud: poor("Messages, not records."),
    chat: poor("No browsers and no history."),
    "live-updates": fair("Fan-out between services; a door has to take it to the page."),
    mobile: poor("Not over a phone's network."),
    microservices: good("Loose coupling with routing and acknowledgement, where a broker is run anyway."),
    "public-api": poor("Nobody outside gets to your broker."),
    "file-upload": poor("Send where the file is."),
    games: poor("Through a broker and a disk, for each frame."),
    iot: fair("Behind an MQTT broker, to work off what devices sent."),
    "background-jobs": best("Acknowledgement, prefetch, priorities, dead letters: built for work queues."),
  },
};
