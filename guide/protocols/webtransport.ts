import type { Protocol } from "../protocol.ts";
import { best, good, guaranteesWithout, poor, step } from "../protocol.ts";

export const webtransport: Protocol = {
  id: "webtransport",
  name: "WebTransport",
  summary: "Many independent streams and unreliable datagrams over one QUIC connection, in a browser.",
  door: "webtransport",
  needsGateway: true,
  specifications: [
    { name: "W3C WebTransport", url: "https://www.w3.org/TR/webtransport/" },
    { name: "WebTransport over HTTP/3", url: "https://datatracker.ietf.org/doc/draft-ietf-webtrans-http3/" },
  ],
  flow: {
    participants: [
      { id: "client", name: "Browser", kind: "client" },
      { id: "gateway", name: "Gateway", kind: "server" },
      { id: "server", name: "Everywire", kind: "server" },
    ],
    steps: [
      step("client", "gateway", "open", "CONNECT https://host:8443/wt over HTTP/3"),
      step("client", "gateway", "request", "bidirectional stream: subscribe, after=cursor"),
      step("gateway", "server", "open", "one WebSocket for the session"),
      step("gateway", "client", "event", "a stream of its own for each subscription"),
      step("client", "gateway", "event", "datagram: a position; may be lost, holds up nothing"),
    ],
  },
  advantages: [
    "No head-of-line blocking: a lost packet stalls one stream and not the others.",
    "Datagrams for what is only worth something now.",
    "Connections survive a change of network, and open in one round trip.",
  ],
  limits: [
    "Needs HTTP/3, so UDP, which some networks block: always have a fallback.",
    "Young: servers and proxies are few, and Cloudflare Workers cannot terminate it (our gateway does).",
    "Bytes and streams are all you get; messages, resuming and errors are yours (or ours).",
  ],
  chooseWhen: [
    "some data may be lost and some may not, on the same connection: games, live audio, cursors;",
    "many feeds share a connection and must not hold each other up.",
  ],
  avoidWhen: ["a WebSocket is fast enough;", "you cannot run an HTTP/3 server or a gateway."],
  guarantees: guaranteesWithout("presence"),
  delivery:
    "Streams are reliable and ordered, each for itself, and acknowledged when durable. Datagrams are neither, on purpose.",
  resume:
    "Open a new session and subscribe with `after`. The gateway itself resumes when the Worker restarts.",
  cost: {
    connection:
      "One QUIC connection: more CPU than TCP, since encryption and loss are handled in the process.",
    event: "The event and a line feed on a stream, or one datagram.",
    operation: "A UDP port, a certificate, and a gateway beside the edge.",
  },
  tooling: ["WebTransport in Chromium and Firefox", "chrome://net-export", "aioquic for Python"],
  proxies: {
    passes: "rarely",
    why: "UDP on 443 is open on most home networks and closed on many corporate ones; no proxy forwards it.",
  },
  browser: { support: "native", why: "The WebTransport API, where the browser is recent." },
  vias: ["webtransport"],
  example: 'new WebTransport("https://localhost:{TLS_PORT}/wt", { serverCertificateHashes })',
  fits: {
    crud: poor("Far more machinery than a request needs."),
    chat: good("Excellent where it connects; most rooms do not need more than a WebSocket."),
    "live-updates": good("Independent feeds on one connection; needs a fallback for networks without UDP."),
    mobile: good("Survives the walk from Wi-Fi to mobile data; needs a fallback too."),
    microservices: poor("Service meshes and balancers do not know it; gRPC is at home there."),
    "public-api": poor("Few strangers have a client for it."),
    "file-upload": good("Several streams in parallel without stalling each other."),
    games: best("Datagrams for positions, streams for what must arrive: the only browser wire with both."),
    iot: poor("Too large a stack for a small device; UDP or MQTT are lighter."),
    "background-jobs": poor("Nothing about it is for work that waits."),
  },
};
