import type { Protocol } from "../protocol.ts";
import { best, CLIENT_SERVER_LOG, fair, good, guaranteesWithout, poor, step } from "../protocol.ts";

export const sse: Protocol = {
  id: "sse",
  name: "Server-sent events",
  summary:
    "One response that never ends, on which the server writes events; the browser reconnects by itself.",
  door: "sse",
  needsGateway: false,
  specifications: [
    {
      name: "WHATWG HTML, Server-sent events",
      url: "https://html.spec.whatwg.org/multipage/server-sent-events.html",
    },
  ],
  flow: {
    participants: CLIENT_SERVER_LOG,
    steps: [
      step("client", "server", "open", "GET /sse/demo/hello"),
      step("log", "server", "event", "an event"),
      step("server", "client", "event", "id: sequence, event: type, data: CloudEvent"),
      step("client", "server", "cut", "the train enters a tunnel"),
      step("client", "server", "open", "again, with Last-Event-ID: sequence"),
      step("server", "client", "event", "what was missed, then what comes"),
    ],
  },
  advantages: [
    "`new EventSource(url)` is the whole client, with reconnecting and resuming built in.",
    "Plain HTTP: tokens, cookies, compression, logs and HTTP/2 multiplexing work as ever.",
    "Text that a person can read with curl.",
  ],
  limits: [
    "One direction; what the client has to say is a request of its own.",
    "Text only: bytes travel in base64.",
    "Some proxies buffer responses and deliver nothing until they are full.",
    "Over HTTP/1.1 a browser opens six connections a host, and each stream takes one; HTTP/2 lifts that.",
  ],
  chooseWhen: [
    "the server tells and the page shows: dashboards, feeds, notifications, progress, tokens of a language model;",
    "you want the least code that reconnects properly.",
  ],
  avoidWhen: [
    "clients send as much as they receive;",
    "a proxy in the way buffers: fall back to long polling (the Everywire client does that by itself).",
  ],
  guarantees: guaranteesWithout("publish", "dedupe", "presence"),
  delivery:
    "Every event once and in order, from the cursor. A reader that is too slow is cut with a reason and resumes.",
  resume:
    "The browser sends the last `id:` as Last-Event-ID when it reconnects. It is the same cursor as on every other door.",
  cost: {
    connection:
      "One open response; a comment every few seconds keeps it alive. The channel sleeps meanwhile where its operator wants that.",
    event: "The event and some twenty bytes of field names; no request.",
    operation: "Any HTTP server that does not buffer. Set the proxy's read timeout above the heartbeat.",
  },
  tooling: ["curl -N", "EventSource in every browser", "the Network panel shows the events"],
  proxies: {
    passes: "mostly",
    why: "It is a response like any other, unless a proxy buffers responses; `X-Accel-Buffering: no` helps with nginx.",
  },
  browser: {
    support: "native",
    why: "EventSource, in every browser; it cannot set headers, so tokens go in the URL.",
  },
  vias: ["sse"],
  example: "curl -N '{url}/sse/demo/hello?after=earliest'",
  fits: {
    crud: poor("It only tells; use REST to change, and this to learn of changes."),
    chat: good("Receive here, send by POST: simple, and good enough for most; no presence of its own."),
    "live-updates": best(
      "Exactly what it was made for: one direction, resumes by itself, nothing to install.",
    ),
    mobile: good("Resumes from a cursor after every tunnel; the open response keeps the radio half awake."),
    microservices: fair(
      "Easy to follow a feed; gRPC streams add types and deadlines, a queue adds sharing out.",
    ),
    "public-api": best("Strangers follow events with curl or three lines of JavaScript."),
    "file-upload": poor("It only comes down; good for showing an upload's progress."),
    games: poor("TCP and text in one direction: too slow for frames, fine for a lobby."),
    iot: fair("For devices with HTTP that take commands; MQTT keeps sessions and costs less."),
    "background-jobs": fair(
      "For watching a job's progress; every listener hears all of it, so not for sharing out.",
    ),
  },
};
