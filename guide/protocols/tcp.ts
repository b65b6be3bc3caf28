import type { Protocol } from "../protocol.ts";
import { CLIENT_SERVER_LOG, fair, good, guaranteesWithout, poor, step } from "../protocol.ts";

export const tcp: Protocol = {
  id: "tcp",
  name: "TCP lines",
  summary: "JSON lines on a socket: for whatever can open one and nothing more.",
  door: "tcp",
  needsGateway: false,
  specifications: [{ name: "RFC 9293, TCP", url: "https://www.rfc-editor.org/rfc/rfc9293" }],
  flow: {
    participants: CLIENT_SERVER_LOG,
    steps: [
      step("client", "server", "open", "connect to port 7101"),
      step("client", "server", "request", '{"op":"publish","channel":...,"type":...}'),
      step("server", "log", "request", "append"),
      step("server", "client", "ack", '{"op":"ack","sequence":...}'),
      step("client", "server", "request", '{"op":"subscribe","channel":...,"after":...}'),
      step("server", "client", "event", "a CloudEvent a line"),
    ],
  },
  advantages: [
    "Nothing between you and the bytes: no headers, no handshake beyond TCP's own.",
    "Many channels, both directions, on one connection; a shell with nc is a client.",
    "Back-pressure is TCP's: a slow reader slows its own feed and nobody else's.",
  ],
  limits: [
    "A protocol of our own on a port of its own: firewalls, and no standard client.",
    "No TLS of its own: put it behind a gateway.",
    "Not reachable in a browser; on Cloudflare not from outside yet.",
  ],
  chooseWhen: [
    "a script, a legacy system or an embedded program has a socket and no HTTP;",
    "it is inside your own network.",
  ],
  avoidWhen: ["anybody outside your network is to use it;", "a browser is involved."],
  guarantees: guaranteesWithout("presence"),
  delivery:
    "An acknowledged line is on disk. Events come in order from the cursor; a slow reader is served from the log.",
  resume: "subscribe again with `after`: the last event's `sequence`.",
  cost: {
    connection: "One TCP connection and a heartbeat line.",
    event: "The event and a line feed.",
    operation: "A port to open and guard.",
  },
  tooling: ["nc, socat, telnet", "the socket library of any language"],
  proxies: {
    passes: "rarely",
    why: "Its own port and no HTTP: only where the network is yours. The same lines go over a WebSocket at /tcp.",
  },
  browser: { support: "none", why: "Browsers open no sockets; the same lines go over a WebSocket at /tcp." },
  vias: ["tcp"],
  example: `echo '{"op":"publish","channel":"demo/hello","type":"greeting","data":"hi"}' | nc -N {host} {TCP_PORT}`,
  fits: {
    crud: poor("No records, only events."),
    chat: fair("A terminal chat in an evening; browsers are left out."),
    "live-updates": fair("Light and quick for programs on your own network."),
    mobile: poor("Own port, no TLS: not on a phone."),
    microservices: fair("The least overhead, and the least tooling."),
    "public-api": poor("Strangers need a client you would have to write."),
    "file-upload": poor("Lines of JSON, 256 KiB an event."),
    games: fair("Quick, until a packet is lost and the rest waits."),
    iot: good("For a device with a socket and no MQTT library."),
    "background-jobs": poor("No leases, no retries."),
  },
};
