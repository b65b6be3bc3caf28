import type { Protocol } from "../protocol.ts";
import { best, fair, good, guaranteesWithout, poor, step } from "../protocol.ts";

export const grpc: Protocol = {
  id: "grpc",
  name: "gRPC",
  summary: "Typed calls and streams in both directions over HTTP/2, in every backend language.",
  door: "grpc",
  needsGateway: true,
  specifications: [
    { name: "gRPC over HTTP/2", url: "https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md" },
    { name: "Protocol Buffers", url: "https://protobuf.dev" },
  ],
  flow: {
    participants: [
      { id: "client", name: "Service", kind: "client" },
      { id: "gateway", name: "Gateway", kind: "server" },
      { id: "server", name: "Everywire", kind: "server" },
      { id: "log", name: "Channel's log", kind: "log" },
    ],
    steps: [
      step("client", "gateway", "open", "one HTTP/2 connection, many calls"),
      step("client", "gateway", "request", "Chat: bidirectional, with a deadline"),
      step("gateway", "server", "request", "the same messages, byte for byte, as gRPC-Web"),
      step("server", "log", "request", "append"),
      step("server", "gateway", "event", "Event"),
      step("gateway", "client", "event", "Event; the status comes as a trailer"),
    ],
  },
  advantages: [
    "Streams in both directions, multiplexed, with flow control for each.",
    "Deadlines that travel along, cancellation, retries and balancing in the libraries.",
    "Generated clients and servers in a dozen languages; reflection and health are standard.",
  ],
  limits: [
    "Browsers cannot speak it (trailers and frames are hidden from them): use Connect or gRPC-Web.",
    "Needs HTTP/2 all the way, so balancers and proxies must know it.",
    "Not readable without tools.",
  ],
  chooseWhen: [
    "services of your own, in several languages, call each other a lot;",
    "you stream in both directions between programs.",
  ],
  avoidWhen: ["browsers or strangers are the callers;", "a proxy between speaks only HTTP/1.1."],
  guarantees: guaranteesWithout("presence"),
  delivery:
    "An answered Publish is on disk, and a repeated id is stored once. Streams are ordered; a broken call tells its status.",
  resume:
    "Metadata everywire-cursor, then each event's `sequence`: give it as `after` in the next Subscribe.",
  cost: {
    connection: "One HTTP/2 connection for any number of calls.",
    event: "5 bytes of gRPC frame, 9 of HTTP/2 frame, and protobuf: the smallest with types.",
    operation: "A build step for the schema, and HTTP/2-aware balancing; here, the gateway.",
  },
  tooling: ["grpcurl, buf curl (reflection is on)", "official libraries in a dozen languages", "Wireshark"],
  proxies: {
    passes: "sometimes",
    why: "Needs HTTP/2 with trailers end to end; Envoy and nginx do it, many others do not.",
  },
  browser: {
    support: "none",
    why: "fetch shows neither HTTP/2 frames nor trailers; Connect and gRPC-Web are the way.",
  },
  vias: ["grpc"],
  example: `npx buf curl --protocol grpc --http2-prior-knowledge -d '{"channel":"demo/hello"}' http://{host}:{GRPC_PORT}/everywire.v1.ChannelService/Subscribe`,
  fits: {
    crud: good("Typed and quick between services; browsers and caches are left out."),
    chat: fair("The Chat call is both directions at their best, but not in a browser."),
    "live-updates": fair("Between services, yes; pages cannot read it."),
    mobile: good("Compact, streaming, with deadlines; some mobile networks break HTTP/2 trailers."),
    microservices: best("Contract, streams, deadlines, balancing, every language: its home."),
    "public-api": fair("For customers who are engineers; offer REST beside it."),
    "file-upload": good("Client streaming with back-pressure, and an answer at the end."),
    games: fair("Backends of games, yes; players, no: TCP stalls on loss."),
    iot: fair("For gateways and strong devices; HTTP/2 and TLS are much for a small one."),
    "background-jobs": poor("A call lives as long as its connection; work that waits wants a queue."),
  },
};
