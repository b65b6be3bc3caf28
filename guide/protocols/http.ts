import type { Protocol } from "../protocol.ts";
import { CLIENT_SERVER_LOG, fair, good, guaranteesWithout, poor, step } from "../protocol.ts";

export const http: Protocol = {
  id: "http",
  name: "HTTP events and polling",
  summary: "Publish an event with one POST, and read a channel page by page whenever it suits you.",
  door: "http",
  needsGateway: false,
  specifications: [
    {
      name: "CloudEvents 1.0, HTTP binding",
      url: "https://github.com/cloudevents/spec/blob/main/cloudevents/bindings/http-protocol-binding.md",
    },
  ],
  flow: {
    participants: CLIENT_SERVER_LOG,
    steps: [
      step("client", "server", "request", "POST /channels/demo/hello"),
      step("server", "log", "request", "append"),
      step("log", "server", "ack", "sequence, on disk"),
      step("server", "client", "answer", "201 {id, sequence, duplicate}"),
      step("client", "server", "request", "GET ?after=sequence, every few seconds"),
      step("server", "client", "answer", "{events, next, upToDate}, often empty"),
    ],
  },
  advantages: [
    "Nothing to keep open, nothing to reconnect: a script, a cron job, a serverless function can do it.",
    "The reader decides when and how much: pages with a limit, at its own pace.",
    "Publishing takes CloudEvents as they are: structured, batch or binary.",
  ],
  limits: [
    "News is as late as the interval between two polls.",
    "Most polls come back empty and cost as much as one that does not.",
  ],
  chooseWhen: [
    "you publish: this is the simplest way in, whatever your readers use;",
    "you process a channel in batches, every minute or every night.",
  ],
  avoidWhen: ["somebody is waiting for the event: take long polling or SSE, which cost less and are faster."],
  guarantees: guaranteesWithout("subscribe"),
  delivery: "Each publish is answered when it is on disk. A reader sees every event, in order, once.",
  resume: "Keep `next` and send it as `after`; it stays good for as long as the log keeps the events.",
  cost: {
    connection: "None.",
    event: "Reading costs per poll, not per event: dear when little happens, cheap in bulk.",
    operation: "As REST: stateless requests.",
  },
  tooling: ["curl", "CloudEvents SDKs", "any scheduler"],
  proxies: { passes: "always", why: "Short requests and answers." },
  browser: { support: "native", why: "fetch." },
  vias: ["http"],
  example: `curl {url}/channels/demo/hello -H 'content-type: application/json' -d '{"type":"greeting","data":"hi"}'`,
  fits: {
    crud: fair("Events can carry changes, but records want addresses, validation and ETags: that is REST."),
    chat: poor("A message is seen at the next poll, and everyone polls all the time."),
    "live-updates": fair("Enough where half a minute late is fine; else the polls cost more than a stream."),
    mobile: good("A sync on opening the app costs one request and no battery in between."),
    microservices: fair("A batch reader with a cursor is robust, if nobody minds the delay."),
    "public-api": good("Strangers publish and read events with curl; pair it with webhooks to tell them."),
    "file-upload": poor("An event has at most 256 KiB; put the file elsewhere and publish where it is."),
    games: poor("Polling cannot keep up with frames."),
    iot: fair("One POST a reading is simple; there is no way back to the device but its own polls."),
    "background-jobs": fair(
      "A cursor makes a safe batch worker, but two of them would do the same work twice.",
    ),
  },
};
