import type { Protocol } from "../protocol.ts";
import { best, fair, good, guaranteesWithout, poor, step } from "../protocol.ts";

export const mqtt: Protocol = {
  id: "mqtt",
  name: "MQTT",
  summary: "Publish and subscribe for small devices: two bytes of header, sessions that last, a last will.",
  door: "mqtt",
  needsGateway: false,
  specifications: [
    { name: "MQTT 5", url: "https://docs.oasis-open.org/mqtt/mqtt/v5.0/mqtt-v5.0.html" },
    { name: "MQTT 3.1.1", url: "https://docs.oasis-open.org/mqtt/mqtt/v3.1.1/mqtt-v3.1.1.html" },
  ],
  flow: {
    participants: [
      { id: "device", name: "Device", kind: "client" },
      { id: "server", name: "Everywire", kind: "broker" },
      { id: "log", name: "Channel's log", kind: "log" },
      { id: "app", name: "App", kind: "client" },
    ],
    steps: [
      step("device", "server", "open", "CONNECT, with a will and a session that lasts"),
      step("app", "server", "request", "SUBSCRIBE sensors/+/temperature, QoS 1"),
      step("device", "server", "event", "PUBLISH sensors/7/temperature, QoS 1"),
      step("server", "log", "request", "append"),
      step("server", "device", "ack", "PUBACK, when it is on disk"),
      step("server", "app", "event", "PUBLISH, with its sequence"),
      step("app", "server", "ack", "PUBACK"),
      step("device", "server", "cut", "the battery dies"),
      step("server", "app", "event", "the device's will"),
    ],
  },
  advantages: [
    "Tiny: a device with 32 KB of memory speaks it, and a reading costs a few dozen bytes.",
    "Wildcards, retained values, wills, and three qualities of service.",
    "A session outlives its connection: what came meanwhile is delivered on return.",
  ],
  limits: [
    "Only messages: no requests, no resources (though MQTT 5 has a convention for answers).",
    "Its own port, or a WebSocket in a browser with a library.",
    "Topics and rights want planning; anyone with # hears everything.",
  ],
  chooseWhen: [
    "devices are many and small, and networks are poor;",
    "subscribers want whole families of topics by wildcard;",
    "the last known value should be there at once for whoever comes.",
  ],
  avoidWhen: ["it is request and answer;", "a browser is the only client: SSE or WebSocket need no library."],
  guarantees: guaranteesWithout("presence"),
  delivery:
    "QoS 0 at most once, QoS 1 at least once, QoS 2 exactly once. PUBACK and PUBREC mean it is on disk; QoS 2 stays exactly once across doors and crashes.",
  resume:
    "A session that lasts (clean start off) goes on by itself; MQTT 5 may also say `after` with a cursor of any other door.",
  cost: {
    connection: "One TCP connection and a 2-byte ping a minute.",
    event:
      "2 to 5 bytes of header, the topic (or a 2-byte alias) and the payload; an acknowledgement of 4 bytes.",
    operation: "A broker; here it is part of the same log. TLS and many connections at a gateway.",
  },
  tooling: [
    "mosquitto_pub, mosquitto_sub, MQTT Explorer",
    "Paho, mqtt.js, every IoT platform and microcontroller SDK",
  ],
  proxies: {
    passes: "sometimes",
    why: "Port 1883 is closed in most offices; over WebSocket on 443 it passes as that does.",
  },
  browser: { support: "library", why: "mqtt.js over a WebSocket." },
  vias: ["mqtt"],
  example: "mosquitto_sub -h {host} -p {MQTT_PORT} -V 5 -t 'demo/#' -q 1",
  fits: {
    crud: poor("No requests and no records, only messages."),
    chat: good("Light and lasting sessions, as Messenger once showed; presence by wills, history by cursor."),
    "live-updates": good("Wildcards and retained values: a dashboard is full the moment it opens."),
    mobile: good("Small messages and sessions that survive a tunnel; needs a library."),
    microservices: fair(
      "Shared subscriptions spread load, but brokers for services (AMQP, queues) offer more.",
    ),
    "public-api": poor("Few strangers expect it, outside of devices."),
    "file-upload": poor("Messages are small; send an address instead."),
    games: fair("QoS 0 is quick, but it is TCP: a lost packet stalls."),
    iot: best("Made for it: tiny, lasting sessions, wills, wildcards, commands both ways."),
    "background-jobs": fair(
      "A shared subscription at QoS 1 shares out work; no delays, retries or dead letters.",
    ),
  },
};
