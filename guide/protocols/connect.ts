import type { Protocol } from "../protocol.ts";
import { best, CLIENT_SERVER_LOG, fair, good, guaranteesWithout, poor, step } from "../protocol.ts";

export const connect: Protocol = {
  id: "connect",
  name: "Connect and gRPC-Web",
  summary: "Typed remote calls from one .proto file, in a browser as well: gRPC's model over ordinary HTTP.",
  door: "connect",
  needsGateway: false,
  specifications: [
    { name: "Connect protocol", url: "https://connectrpc.com/docs/protocol/" },
    { name: "gRPC-Web", url: "https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-WEB.md" },
  ],
  flow: {
    participants: CLIENT_SERVER_LOG,
    steps: [
      step("client", "server", "request", "POST /everywire.v1.ChannelService/Publish"),
      step("server", "log", "request", "append"),
      step("server", "client", "answer", "PublishResponse {id, sequence}"),
      step("client", "server", "open", "Subscribe {channel, after}: server streaming"),
      step("log", "server", "event", "an event"),
      step("server", "client", "event", "a message: 5 bytes of frame, then protobuf or JSON"),
    ],
  },
  advantages: [
    "One contract, and generated code with types on both ends.",
    "JSON or compact protobuf, by the client's choice; a unary Connect call is a plain POST that curl can make.",
    "Deadlines, metadata, error details and four kinds of call.",
  ],
  limits: [
    "Generated code is a build step, and a schema that both sides follow.",
    "A browser cannot stream a request: client streaming and bidirectional calls need HTTP/2 from a program.",
    "Streams are bodies that a proxy may buffer.",
  ],
  chooseWhen: [
    "the frontend is yours and TypeScript, and types should reach from the database to the button;",
    "services and browsers should use the same API.",
  ],
  avoidWhen: ["strangers call it without your schema;", "a browser sends a stream: WebSocket."],
  guarantees: guaranteesWithout("presence"),
  delivery:
    "An answered Publish is on disk, and a repeated id is stored once. Subscribe delivers in order from the cursor.",
  resume:
    "The response header everywire-cursor, then each event's `sequence`: give it as `after` in the next Subscribe.",
  cost: {
    connection: "None for unary calls; an open response for a stream.",
    event: "5 bytes of frame and the message: in protobuf about half of its JSON.",
    operation: "Plain HTTP; no HTTP/2 needed for unary calls and server streams.",
  },
  tooling: [
    "buf, protoc, connect-es and connect clients in Go, Swift, Kotlin, Python",
    "buf curl, curl for unary JSON",
  ],
  proxies: {
    passes: "mostly",
    why: "It is HTTP/1.1 with POST; only streams can be held back by a proxy that buffers.",
  },
  browser: { support: "library", why: "connect-web or grpc-web with generated code, over fetch." },
  vias: ["connect", "grpc-web"],
  example: `curl {url}/everywire.v1.ChannelService/Publish -H 'content-type: application/json' -d '{"channel":"demo/hello","type":"greeting","data":"hi"}'`,
  fits: {
    crud: good("Typed from end to end, less cacheable and less guessable than REST."),
    chat: fair("Receive by stream, send by calls; in browsers not both on one connection."),
    "live-updates": good("A typed stream, with deadlines and details when it fails."),
    mobile: best("Small messages, generated Swift and Kotlin, and plain HTTP that survives mobile networks."),
    microservices: best("The contract and code of gRPC, and every proxy and browser can still call it."),
    "public-api": good("Publish the .proto and the JSON mapping; curl works, generated clients work better."),
    "file-upload": fair("Client streaming does it between programs; not from a browser."),
    games: poor("A stream over TCP and calls beside it: not for frames."),
    iot: fair("Compact, but a device needs HTTP and generated code."),
    "background-jobs": poor("A call is answered or it fails; nothing waits and retries."),
  },
};
