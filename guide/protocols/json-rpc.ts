import type { Protocol } from "../protocol.ts";
import { CLIENT_SERVER_LOG, fair, good, guaranteesWithout, poor, step } from "../protocol.ts";

export const jsonRpc: Protocol = {
  id: "json-rpc",
  name: "JSON-RPC 2.0",
  summary: "A method's name, its parameters, an answer with the same id: the smallest remote call there is.",
  door: "json-rpc",
  needsGateway: false,
  specifications: [
    { name: "JSON-RPC 2.0", url: "https://www.jsonrpc.org/specification" },
    { name: "OpenRPC", url: "https://spec.open-rpc.org" },
  ],
  flow: {
    participants: CLIENT_SERVER_LOG,
    steps: [
      step("client", "server", "open", "GET /rpc, Upgrade: websocket"),
      step("client", "server", "request", '{"id":1,"method":"channel.subscribe","params":["demo/hello"]}'),
      step("server", "client", "answer", '{"id":1,"result":{"subscription":...,"cursor":...}}'),
      step("log", "server", "event", "an event"),
      step("server", "client", "event", '{"method":"channel.event","params":{...}}: a notification'),
    ],
  },
  advantages: [
    "Implemented in an afternoon in any language, or taken from a small library.",
    "Calls, batches and notifications, on any carrier: HTTP, WebSocket, a pipe.",
    "What editors (LSP), wallets and AI tools (MCP) already speak.",
  ],
  limits: [
    "No types unless OpenRPC is added, and no standard for streams: subscriptions are a convention.",
    "Over HTTP everything is a 200 at one address, so caches and monitors see nothing.",
    "Text: bytes travel in base64.",
  ],
  chooseWhen: [
    "your callers already speak it: editors, agents, blockchain tools;",
    "you want calls and notifications on one WebSocket without a framework.",
  ],
  avoidWhen: ["it is about resources (REST);", "a typed contract is worth a build step (Connect, gRPC)."],
  guarantees: guaranteesWithout(),
  delivery:
    "An answered channel.publish is on disk, and a repeated id is stored once. Subscriptions deliver in order from the cursor.",
  resume: "channel.subscribe with `after`: the last event's `sequence`, or the `cursor` of the first answer.",
  cost: {
    connection: "None over HTTP; one WebSocket for subscriptions.",
    event: "The event and an envelope of some eighty bytes.",
    operation: "As HTTP or WebSocket.",
  },
  tooling: [
    "curl, wscat",
    "json-rpc-2.0 and its like in every language",
    "OpenRPC playground (rpc.discover)",
  ],
  proxies: { passes: "mostly", why: "As HTTP always, as WebSocket mostly." },
  browser: { support: "native", why: "fetch and WebSocket with JSON; a library only saves matching ids." },
  vias: ["json-rpc"],
  example: `curl {url}/rpc -H 'content-type: application/json' -d '{"jsonrpc":"2.0","id":1,"method":"channel.publish","params":["demo/hello","greeting","hi"]}'`,
  fits: {
    crud: fair("Every resource is here as methods, but without caches, statuses and addresses."),
    chat: good("Calls, answers and notifications on one WebSocket, presence by a method."),
    "live-updates": good("Many subscriptions on one socket."),
    mobile: fair("Batches save round trips; nothing else is made for it."),
    microservices: fair("Simple and quick to add; gRPC has the types, deadlines and balancing."),
    "public-api": fair("Easy for those who know it; REST is expected."),
    "file-upload": poor("Base64 in a JSON text, whole in memory."),
    games: poor("Text and ids on TCP."),
    iot: fair("Small to implement; MQTT is smaller on the wire and keeps sessions."),
    "background-jobs": poor("Nothing waits, retries or shares out."),
  },
};
