import type { Protocol } from "../protocol.ts";
import { CLIENT_SERVER_LOG, fair, good, guaranteesWithout, poor, step } from "../protocol.ts";

export const longPoll: Protocol = {
  id: "long-poll",
  name: "Long polling",
  summary: "A read that the server holds back until there is something to say.",
  door: "long-poll",
  needsGateway: false,
  specifications: [
    { name: "RFC 6202, known issues and best practices", url: "https://www.rfc-editor.org/rfc/rfc6202" },
  ],
  flow: {
    participants: CLIENT_SERVER_LOG,
    steps: [
      step("client", "server", "request", "GET /poll/demo/hello?after=cursor"),
      step("server", "log", "wait", "nothing yet: wait up to 25 s"),
      step("log", "server", "event", "an event"),
      step("server", "client", "answer", "{events, next}"),
      step("client", "server", "request", "at once again, with after=next"),
      step("server", "client", "answer", "or, when the time is up: {events: [], timeout: true}"),
    ],
  },
  advantages: [
    "Works wherever HTTP works: proxies that buffer, old browsers, corporate networks.",
    "Each answer is an ordinary, complete response, so nothing special is needed on either side.",
    "Fast when little happens: an event leaves as soon as it is there.",
  ],
  limits: [
    "A request and its headers for each answer; under load it becomes polling with batches.",
    "Between two polls an event waits for one round trip.",
    "One direction: publishing is a request of its own.",
  ],
  chooseWhen: [
    "it must work behind a proxy that buffers streams or kills WebSockets;",
    "the client can do nothing but request and answer.",
  ],
  avoidWhen: [
    "events come many times a second;",
    "thousands of clients wait and most hear nothing: SSE idles cheaper.",
  ],
  guarantees: guaranteesWithout("publish", "dedupe", "presence"),
  delivery:
    "Every event once and in order: each poll begins where the one before ended, and none falls between two.",
  resume: "Send the last `next` as `after`. A poll that failed is simply made again.",
  cost: {
    connection: "A request that is under way all the time, renewed at least once a minute.",
    event: "A request and an answer with headers; several events that are there together share one.",
    operation: "Stateless for the function; the channel holds one waiter each.",
  },
  tooling: ["curl", "every HTTP library"],
  proxies: {
    passes: "always",
    why: "Complete answers within 25 seconds, under the usual limit of 30 or 60.",
  },
  browser: { support: "native", why: "fetch in a loop." },
  vias: ["long-poll"],
  example: "curl '{url}/poll/demo/hello?timeout=30'",
  fits: {
    crud: poor("It is a way to wait for news, not to change records."),
    chat: fair("It works everywhere, which makes it the fallback; each message costs a request both ways."),
    "live-updates": good("As quick as a stream when events are rare, and no proxy stands in its way."),
    mobile: fair("Survives any network, but keeps waking the radio."),
    microservices: fair("Simple and robust for a consumer in any language; a stream is cheaper."),
    "public-api": good("Strangers can follow changes with nothing but an HTTP library, from a cursor."),
    "file-upload": poor("It only reads."),
    games: poor("A round trip between any two events is too much."),
    iot: fair("For a device that has HTTP and nothing else, to hear commands."),
    "background-jobs": good(
      "Leasing work with a wait is how pull workers behave well; the queue does it with acknowledgement.",
    ),
  },
};
