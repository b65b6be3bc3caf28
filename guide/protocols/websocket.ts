import type { Protocol } from "../protocol.ts";
import { best, CLIENT_SERVER_LOG, fair, good, guaranteesWithout, poor, step } from "../protocol.ts";

export const websocket: Protocol = {
  id: "websocket",
  name: "WebSocket",
  summary: "One connection on which both sides may speak at any time.",
  door: "websocket",
  needsGateway: false,
  specifications: [{ name: "RFC 6455", url: "https://www.rfc-editor.org/rfc/rfc6455" }],
  flow: {
    participants: CLIENT_SERVER_LOG,
    steps: [
      step("client", "server", "open", "GET /ws/rooms/lobby, Upgrade: websocket"),
      step("client", "server", "event", '{"type":"chat.message","data":"hi","ack":"1"}'),
      step("server", "log", "request", "append"),
      step("server", "client", "ack", '{"op":"ack","ref":"1","sequence":...}'),
      step("log", "server", "event", "somebody else's message"),
      step("server", "client", "event", "a CloudEvent"),
      step("client", "server", "cut", "the connection is lost"),
      step("client", "server", "open", "again, with ?after=sequence"),
    ],
  },
  advantages: [
    "Both directions on one connection, with a few bytes of framing.",
    "Presence comes with it: a connection is somebody who is there.",
    "In every browser, and in every language.",
  ],
  limits: [
    "Nothing but frames: acknowledgement, resuming and errors are a protocol you define (ours is in functions/websocket).",
    "No reconnecting by itself, and no HTTP caches, statuses or compression by default.",
    "A proxy that does not know Upgrade, or that ends idle connections, kills it.",
    "A lost packet holds up everything behind it, since it is TCP.",
  ],
  chooseWhen: [
    "clients send about as much as they receive: chat, editing together, turn-based games;",
    "you want to see who is there.",
  ],
  avoidWhen: [
    "only the server speaks: SSE does it with less of everything;",
    "the network is strict: keep long polling as a fallback.",
  ],
  guarantees: guaranteesWithout(),
  delivery:
    "A publish with `ack` is answered when it is on disk, and a repeated id is stored once. Readers get every stored event in order; presence and typing are told to whoever is there.",
  resume: "Connect again with `?after=` and the last `sequence`. The Everywire client does it by itself.",
  cost: {
    connection:
      "One TCP connection. The channel's object hibernates while it is quiet, so idle sockets cost almost nothing.",
    event: "The event and 2 to 10 bytes.",
    operation:
      "Proxies must pass Upgrade and long-lived connections; deploys cut them, so clients must resume.",
  },
  tooling: ["WebSocket in every browser", "wscat, websocat", "the Network panel shows the frames"],
  proxies: {
    passes: "mostly",
    why: "Over TLS nearly always; some corporate proxies break the upgrade or end idle connections after a minute.",
  },
  browser: {
    support: "native",
    why: "WebSocket; it cannot set headers, so a token goes in the URL or as subprotocol.",
  },
  vias: ["websocket"],
  example: "npx wscat -c '{ws}/ws/demo/hello?after=earliest'",
  fits: {
    crud: poor("Requests and answers without statuses, caches or addresses."),
    chat: best("Both directions, presence, typing and acknowledgement on one connection."),
    "live-updates": good("Quick and light, though SSE gives one direction with less to run."),
    mobile: good("Light messages both ways; every change of network needs the resume that the client does."),
    microservices: fair("Works, but types, deadlines and balancing are yours to add: gRPC has them."),
    "public-api": fair("Strangers need your frame format and a library; offer SSE or webhooks beside it."),
    "file-upload": fair("Can be done in pieces with acks; HTTP does it better, with progress and caches."),
    games: good("Fine for turns and for a few dozen updates a second; a lost packet stalls it."),
    iot: fair("Mostly as the carrier of MQTT where only port 443 is open."),
    "background-jobs": poor("A connection that drops is no acknowledgement."),
  },
};
