import type { Protocol } from "../protocol.ts";
import { best, fair, good, guaranteesWithout, poor, step } from "../protocol.ts";

export const queue: Protocol = {
  id: "queue",
  name: "Queue",
  summary: "Hand it in now, have it done later, by one worker, again until it worked.",
  door: "queue",
  needsGateway: false,
  specifications: [{ name: "QStash API", url: "https://upstash.com/docs/qstash" }],
  flow: {
    participants: [
      { id: "client", name: "Producer", kind: "client" },
      { id: "queue", name: "Queue", kind: "broker" },
      { id: "log", name: "Channel's log", kind: "log" },
      { id: "worker", name: "Worker", kind: "client" },
    ],
    steps: [
      step("client", "queue", "request", "POST /queue/jobs/resize {type, data, delay}"),
      step("queue", "client", "ack", "202 {messageId}"),
      step("queue", "log", "event", "when its time has come; again until it is stored"),
      step("worker", "queue", "request", "POST .../lease: give me work, for 30 s"),
      step("queue", "worker", "answer", "messages that nobody else has"),
      step("worker", "queue", "ack", "POST .../ack: done"),
      step("queue", "worker", "answer", "not acknowledged in time? somebody else gets it"),
    ],
  },
  advantages: [
    "The producer goes on at once; the work waits, survives crashes, and is retried with growing pauses.",
    "Workers share the load: each message goes to one of them at a time.",
    "Delays, schedules, dead letters that can be looked at and sent again.",
  ],
  limits: [
    "At least once: work must be safe to do twice.",
    "Later than a direct call, and the answer comes by another way.",
    "Order holds within a FIFO only.",
  ],
  chooseWhen: [
    "it takes longer than a user waits: mail, images, reports, calls to a slow service;",
    "peaks should become a backlog instead of an outage.",
  ],
  avoidWhen: ["the caller needs the result to go on;", "everyone should hear it: that is a channel."],
  guarantees: guaranteesWithout("subscribe", "resume", "presence"),
  delivery: "At least once: what was answered 202 is delivered, or is a dead letter that says why.",
  resume: "There is no cursor to keep: what was not acknowledged is handed out again.",
  cost: {
    connection: "None; workers poll, or are called.",
    event: "Several requests a message: in, lease, acknowledgement.",
    operation:
      "A queue to watch: its length, its age, its dead letters. QStash in production, a stand-in here.",
  },
  tooling: ["curl", "@upstash/qstash", "dashboards of dead letters"],
  proxies: { passes: "always", why: "Short requests." },
  browser: { support: "native", why: "fetch hands work in; doing it is for servers." },
  vias: [],
  example: `curl {url}/queue/demo/hello -H 'content-type: application/json' -d '{"type":"greeting","data":"hi","delay":"2s"}'`,
  fits: {
    crud: poor("A record is wanted now, not later."),
    chat: poor("A conversation cannot wait in line; its notifications can."),
    "live-updates": poor("One worker gets each message, where everyone should."),
    mobile: fair("An app may hand work in; its results come by another wire."),
    microservices: good("Decouples services in time: one may be down while the other works."),
    "public-api": fair("For long operations: 202 now, a webhook when it is done."),
    "file-upload": fair("For what comes after: scan, convert, index."),
    games: poor("Nothing in play may wait; rewards and mails may."),
    iot: fair("Behind the devices, to work off what they sent."),
    "background-jobs": best("Delays, retries, dead letters, workers that share: the thing itself."),
  },
};
