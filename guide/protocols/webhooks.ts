import type { Protocol } from "../protocol.ts";
import { best, fair, good, guaranteesWithout, poor, step } from "../protocol.ts";

export const webhooks: Protocol = {
  id: "webhooks",
  name: "Webhooks",
  summary: "The server calls you: a signed POST for each event, repeated until you have said yes.",
  door: "webhooks",
  needsGateway: false,
  specifications: [
    {
      name: "Standard Webhooks",
      url: "https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md",
    },
    { name: "CloudEvents 1.0", url: "https://cloudevents.io" },
  ],
  flow: {
    participants: [
      { id: "log", name: "Channel's log", kind: "log" },
      { id: "server", name: "Everywire", kind: "server" },
      { id: "receiver", name: "Your server", kind: "client" },
    ],
    steps: [
      step("log", "server", "event", "an event that an endpoint wants"),
      step("server", "receiver", "request", "POST, webhook-id, -timestamp, -signature"),
      step("receiver", "server", "answer", "500: something is wrong here"),
      step("server", "receiver", "request", "the same again, a little later"),
      step("receiver", "server", "ack", "204: verified and taken"),
      step("server", "receiver", "request", "the next event of this channel, not before"),
    ],
  },
  advantages: [
    "The receiver runs nothing but an HTTP endpoint, and is asleep in between.",
    "Signed: the receiver knows who sent it and that nobody changed it.",
    "Retried for days, then kept as a dead letter that can be sent again.",
  ],
  limits: [
    "The receiver needs an address that the internet can reach, and has to check signatures.",
    "At least once: the same delivery may come twice, so remember webhook-id.",
    "No answer goes back but yes and no.",
  ],
  chooseWhen: [
    "another company's server is to learn what happened in yours;",
    "the receiver is serverless, or must not hold connections.",
  ],
  avoidWhen: [
    "the receiver is a browser or a phone;",
    "it is your own service behind a firewall: let it pull.",
  ],
  guarantees: guaranteesWithout("publish", "dedupe", "presence"),
  delivery:
    "At least once, in the channel's order for each endpoint, with backoff, then a dead letter. Nothing is lost meanwhile: the endpoint has a cursor.",
  resume: "By itself. `POST /webhooks/endpoints/{id}/replay?after=` sends again from any cursor.",
  cost: {
    connection: "None for the receiver.",
    event: "A whole POST with headers and signature.",
    operation: "For the sender: retries, dead letters, and guarding against private addresses. All here.",
  },
  tooling: [
    "svix and Standard Webhooks libraries",
    "webhook.site, ngrok, smee for trying",
    "the delivery log here",
  ],
  proxies: {
    passes: "always",
    why: "Ordinary requests, but inwards: the receiver's firewall has to let them in.",
  },
  browser: { support: "none", why: "A browser has no address to call." },
  vias: [],
  example: `curl {url}/webhooks/endpoints -H "authorization: Bearer $TOKEN" -H 'content-type: application/json' -d '{"url":"https://example.com/hook","channels":["demo/**"]}'`,
  fits: {
    crud: poor("It tells of changes, and makes none."),
    chat: fair("For bots: each message is a POST to them."),
    "live-updates": fair("Server to server, yes; pages cannot receive them."),
    mobile: poor("A phone has no address; your server may turn them into push notifications."),
    microservices: good("Loose coupling without a broker; a queue is better behind one firewall."),
    "public-api": best("How every platform tells its customers: no polling, nothing to install."),
    "file-upload": poor("Tell that a file is there; do not send it."),
    games: poor("Far too slow for play; fine for results and purchases."),
    iot: fair("To tell your cloud of devices' events; not to reach devices."),
    "background-jobs": good("A delivery is a job with retries, done by whoever answers."),
  },
};
