import type { Protocol } from "../protocol.ts";
import { best, CLIENT_SERVER_LOG, fair, good, guaranteesWithout, poor, step } from "../protocol.ts";

export const ndjson: Protocol = {
  id: "ndjson",
  name: "Streamable HTTP (NDJSON)",
  summary:
    "One JSON text a line over plain HTTP, down as it happens and up with an acknowledgement for each line.",
  door: "stream",
  needsGateway: false,
  specifications: [
    { name: "NDJSON", url: "https://github.com/ndjson/ndjson-spec" },
    { name: "JSON Lines", url: "https://jsonlines.org" },
  ],
  flow: {
    participants: CLIENT_SERVER_LOG,
    steps: [
      step("client", "server", "open", "POST /stream/demo/hello, the body stays open"),
      step("client", "server", "event", '{"type":"row","data":...} and a line feed'),
      step("server", "log", "request", "append what arrived together"),
      step("server", "client", "ack", '{"line":1,"sequence":...}, while the upload goes on'),
      step("client", "server", "open", "GET /stream/demo/hello?after=cursor"),
      step("server", "client", "event", "a CloudEvent a line"),
    ],
  },
  advantages: [
    "Nothing to parse but lines of JSON: a shell script does it.",
    "Streams up as well as down, with back-pressure from the connection itself.",
    "Each line is acknowledged or refused on its own, so an import of a million rows has no all-or-nothing.",
  ],
  limits: [
    "No reconnecting by itself: the client has to remember the cursor.",
    "Browsers cannot stream a request's body over HTTP/1.1; Chromium can over HTTP/2.",
    "Proxies that buffer hold it back, as with SSE.",
  ],
  chooseWhen: [
    "you import or export a lot of records and want to see each arrive;",
    "both ends are programs, and the simplest possible stream is enough.",
  ],
  avoidWhen: ["a browser publishes (WebSocket);", "you want reconnecting for nothing (SSE)."],
  guarantees: guaranteesWithout("presence"),
  delivery:
    "A line that was answered is on disk. Of lines that were not, nothing is known: send them again with the same id, and they are stored once.",
  resume:
    "`GET ?after=` with the last line's `sequence`; an upload goes on with the lines that had no answer.",
  cost: {
    connection: "One open response; an empty line as heartbeat.",
    event: "The event and a line feed: the smallest of the text formats.",
    operation: "Any HTTP server and proxy that does not buffer, in both directions for uploads.",
  },
  tooling: ["curl -N, curl -T -", "jq, DuckDB, pandas and most log tools read the format"],
  proxies: {
    passes: "mostly",
    why: "Plain HTTP, but a proxy that buffers holds lines back, above all uploads.",
  },
  browser: {
    support: "native",
    why: "fetch and a stream reader for reading; streaming uploads in Chromium over HTTP/2 only.",
  },
  vias: ["ndjson"],
  example: "curl -N '{url}/stream/demo/hello?after=earliest'",
  fits: {
    crud: fair("For bulk: a thousand records in one request, each answered on its own."),
    chat: fair("Works between programs; browsers want a WebSocket."),
    "live-updates": good("As light as SSE, though reconnecting is yours to write."),
    mobile: fair("Light, but resuming is yours to write, and few mobile libraries stream uploads well."),
    microservices: good("A stream in any language without generated code; no types and no deadlines."),
    "public-api": good("Easy to consume in anything that reads lines; good for exports and firehoses."),
    "file-upload": best(
      "Records rather than bytes: each row is acknowledged, and a cut costs only what had no answer.",
    ),
    games: poor("Text over TCP: one lost packet holds up all that follow."),
    iot: fair("A gateway that uploads many readings does well with it; a tiny device does better with MQTT."),
    "background-jobs": good("Hands in work in bulk and shows progress on the same connection."),
  },
};
