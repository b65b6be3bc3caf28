import type { Protocol } from "../protocol.ts";
import { best, CLIENT_SERVER_LOG, fair, guaranteesWithout, poor, step } from "../protocol.ts";

export const udp: Protocol = {
  id: "udp",
  name: "UDP datagrams",
  summary: "One datagram, no connection: it arrives at once, or not at all.",
  door: "udp",
  needsGateway: true,
  specifications: [
    { name: "RFC 768, UDP", url: "https://www.rfc-editor.org/rfc/rfc768" },
    { name: "RFC 8085, UDP usage guidelines", url: "https://www.rfc-editor.org/rfc/rfc8085" },
  ],
  flow: {
    participants: CLIENT_SERVER_LOG,
    steps: [
      step("client", "server", "event", '{"op":"publish","id":...}: one datagram'),
      step("server", "log", "request", "append"),
      step("server", "client", "ack", '{"op":"ack","sequence":...}; lost? send it again, same id'),
      step("client", "server", "request", '{"op":"subscribe"}: answered by a challenge first'),
      step("server", "client", "answer", "a lease of 30 s"),
      step("server", "client", "event", "each event, with the cursor of the one before it"),
    ],
  },
  advantages: [
    "No handshake: a device wakes, sends one packet, sleeps.",
    "A lost packet holds up nothing behind it.",
    "The smallest overhead that IP has: 8 bytes.",
  ],
  limits: [
    "Lost, repeated and reordered packets are yours to deal with (the lease and `previous` here help).",
    "Anything over about 1,200 bytes is cut in pieces, and losing one loses all.",
    "No encryption of its own, and many networks block it.",
  ],
  chooseWhen: [
    "the newest reading replaces the one before it;",
    "a sleeping device must send with one packet.",
  ],
  avoidWhen: [
    "everything has to arrive and nobody wants to write retries;",
    "it crosses networks that are not yours without a tunnel.",
  ],
  guarantees: guaranteesWithout("presence"),
  delivery:
    "At most once as it is. With an `id` and repeating until the ack, exactly once; with `previous` and `resend`, a reader is whole and in order as well.",
  resume: "subscribe, or resend, with `after`: the last cursor that was taken in order.",
  cost: {
    connection: "None; a lease of 30 seconds is renewed by one datagram.",
    event: "8 bytes of UDP and the event.",
    operation: "A gateway and a port, with limits against forged addresses.",
  },
  tooling: ["nc -u, socat", "the socket library of any language", "tcpdump"],
  proxies: {
    passes: "rarely",
    why: "HTTP proxies know nothing of it; NAT forgets a mapping after about 30 seconds of silence.",
  },
  browser: { support: "none", why: "Not in browsers; WebTransport's datagrams are the way." },
  vias: ["udp"],
  example: `echo '{"op":"publish","channel":"demo/hello","type":"greeting","data":"hi"}' | nc -u -w1 {host} {UDP_PORT}`,
  fits: {
    crud: poor("A write that may be lost is no write."),
    chat: poor("People notice missing sentences."),
    "live-updates": fair("For values that are replaced every second, on your own network."),
    mobile: poor("Carriers and NAT drop it when idle; WebTransport wraps it properly."),
    microservices: poor("Metrics at most; calls need answers."),
    "public-api": poor("No encryption, forged senders, closed ports."),
    "file-upload": poor("A file in pieces that may vanish is a protocol you would have to write."),
    games: best("Newest first, nothing waits: what game engines are built on, outside of browsers."),
    iot: fair("One packet and back to sleep, where losing a reading is fine; MQTT where it is not."),
    "background-jobs": poor("Work must not get lost."),
  },
};
