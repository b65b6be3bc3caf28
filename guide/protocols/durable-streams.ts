import type { Protocol } from "../protocol.ts";
import { best, fair, good, guaranteesWithout, poor, step } from "../protocol.ts";

export const durableStreams: Protocol = {
  id: "durable-streams",
  name: "Durable Streams",
  summary:
    "Append-only streams of bytes or JSON with an address, read from any offset and tailed live, made for caches.",
  door: "durable-streams",
  needsGateway: false,
  specifications: [
    {
      name: "Durable Streams protocol",
      url: "https://github.com/durable-streams/durable-streams/blob/main/PROTOCOL.md",
    },
  ],
  flow: {
    participants: [
      { id: "client", name: "Client", kind: "client" },
      { id: "cache", name: "Cache or CDN", kind: "broker" },
      { id: "server", name: "Everywire", kind: "server" },
      { id: "log", name: "Channel's log", kind: "log" },
    ],
    steps: [
      step("client", "server", "request", "PUT /v1/stream/demo/notes: create"),
      step("client", "server", "request", "POST with Producer-Id, -Epoch, -Seq: append"),
      step("server", "log", "request", "append, once for each producer's number"),
      step("server", "client", "ack", "Stream-Next-Offset"),
      step("client", "cache", "request", "GET ?offset=-1: catch up"),
      step("cache", "client", "answer", "the past, shared by all who ask"),
      step("client", "server", "open", "GET ?offset=...&live=sse: tail"),
      step("server", "client", "event", "data, then the offset to go on from"),
    ],
  },
  advantages: [
    "Catching up is plain GETs that a CDN can answer, so a thousand late readers cost as much as one.",
    "Any content type, bytes included; streams can be closed, expire, and be forked.",
    "Exactly-once appends: a producer's epoch and number make repeats harmless and fence off a zombie.",
  ],
  limits: [
    "Young: few clients, and a specification that still moves.",
    "One writer's order is one stream; there are no wildcards and no groups of consumers.",
    "Tailing is long polling or SSE underneath, with their limits.",
  ],
  chooseWhen: [
    "a reader must be able to come late, or come back, and get the whole story: an AI answer, a session, a document's edits;",
    "you append bytes, such as a log or a recording.",
  ],
  avoidWhen: ["clients talk back on the same connection;", "you need filters or competing consumers."],
  guarantees: guaranteesWithout("presence"),
  delivery:
    "An answered append is on disk. Producers with epoch and sequence get exactly-once; readers get everything in order.",
  resume:
    "Every answer carries Stream-Next-Offset: ask from there. It is the same cursor as on every other door.",
  cost: {
    connection: "None while catching up; a long poll or an SSE response while tailing.",
    event: "The bytes themselves; live over SSE also a control event each time.",
    operation: "HTTP, and a cache in front makes it cheaper the more readers there are.",
  },
  tooling: ["curl", "@durable-streams/client", "any CDN"],
  proxies: {
    passes: "always",
    why: "Catching up and long polls are complete answers; only live=sse can be buffered.",
  },
  browser: {
    support: "native",
    why: "fetch, or EventSource for live=sse; the client library adds resuming.",
  },
  vias: ["durable-streams"],
  example: "curl '{url}/v1/stream/demo/hello?offset=-1'",
  fits: {
    crud: poor("A stream only grows; records want to be changed."),
    chat: fair("The history is excellent; presence and typing are missing."),
    "live-updates": good("Late joiners catch up from a cache before they tail."),
    mobile: best(
      "Catch up in a request that a CDN answers, tail while the app is open, and go on from the offset ever after.",
    ),
    microservices: fair(
      "A replayable feed between teams; a broker or gRPC gives more once both ends are yours.",
    ),
    "public-api": good("Plain HTTP from any offset, and cacheable: kind to strangers and to the bill."),
    "file-upload": best("Append chunk by chunk, exactly once, and go on at Stream-Next-Offset after a cut."),
    games: poor("Built to keep everything; a game wants only the newest. Good for replays."),
    iot: fair("Good for a device that uploads its log in chunks; no commands back."),
    "background-jobs": fair("A job's output as a stream is ideal; sharing out jobs needs the queue."),
  },
};
