import { connect } from "node:net";
import { createInterface } from "node:readline";
import { MqttPublisher } from "../../mqtt-publisher.ts";
import type { CountedServer } from "./counted-server.ts";

/** A way to publish: opens what it needs, and then publishes one event after the other. */
export interface Publisher {
  readonly name: string;
  /** Events of one publish; one where this is left out. */
  readonly eventsEach?: number;
  /** Whether the event comes to its channel after the answer, so that its row has to be waited for. */
  readonly isLater?: boolean;
  open(server: CountedServer, channel: string): Promise<OpenPublisher>;
}

export interface OpenPublisher {
  /** Publishes one, and resolves when it was acknowledged. */
  publish(): Promise<void>;
  close(): void;
}

const EVENT = { type: "note", data: { text: "x".repeat(90) } };
const JSON_TYPE = "application/json";
const BATCH = 100;
/** Whose id the log remembers, so that it can tell a repeat: a row more. A batch cannot be without. */
export const WITH_ID = "HTTP, with an id of its own";
export const IN_BATCHES = `HTTP, a batch of ${BATCH} with ids`;

/** One request for each event. */
function byRequest(
  name: string,
  toRequest: (channel: string) => { path: string; body: string; contentType?: string },
): Publisher {
  return {
    name,
    async open({ url }, channel) {
      return {
        async publish() {
          const { path, body, contentType = JSON_TYPE } = toRequest(channel);
          const headers = { "content-type": contentType };
          const response = await fetch(`${url}${path}`, { method: "POST", headers, body });
          const text = await response.text();
          if (!response.ok || text.includes('"errors"') || text.includes('"error"'))
            throw new Error(`${path} was answered ${response.status}: ${text.slice(0, 200)}`);
        },
        close: () => undefined,
      };
    },
  };
}

const MUTATION =
  'mutation ($c: String!, $d: JSON) { publish(channel: $c, type: "note", data: $d) { sequence } }';

export const PUBLISHERS: readonly Publisher[] = [
  byRequest("HTTP", (channel) => ({ path: `/channels/${channel}`, body: JSON.stringify(EVENT) })),
  byRequest(WITH_ID, (channel) => ({
    path: `/channels/${channel}`,
    body: JSON.stringify({ id: crypto.randomUUID(), source: "/bench", ...EVENT }),
  })),
  {
    eventsEach: BATCH,
    ...byRequest(IN_BATCHES, (channel) => ({
      path: `/channels/${channel}`,
      contentType: "application/cloudevents-batch+json",
      body: JSON.stringify(
        Array.from({ length: BATCH }, () => ({
          specversion: "1.0",
          id: crypto.randomUUID(),
          source: "/bench",
          ...EVENT,
        })),
      ),
    })),
  },
  byRequest("NDJSON stream, a request each", (channel) => ({
    path: `/stream/${channel}`,
    contentType: "application/x-ndjson",
    body: `${JSON.stringify(EVENT)}\n`,
  })),
  byRequest("Durable Streams", (channel) => ({
    path: `/v1/stream/${channel}`,
    body: JSON.stringify(EVENT),
  })),
  byRequest("GraphQL", (channel) => ({
    path: "/graphql",
    body: JSON.stringify({ query: MUTATION, variables: { c: channel, d: EVENT.data } }),
  })),
  byRequest("Connect", (channel) => ({
    path: "/everywire.v1.ChannelService/Publish",
    body: JSON.stringify({ channel, ...EVENT }),
  })),
  byRequest("JSON-RPC", (channel) => ({
    path: "/rpc",
    body: JSON.stringify({ jsonrpc: "2.0", id: 1, method: "channel.publish", params: { channel, ...EVENT } }),
  })),
  {
    isLater: true,
    ...byRequest("Queue, with its delivery", (channel) => ({
      path: `/queue/${channel}`,
      body: JSON.stringify(EVENT),
    })),
  },
  {
    name: "WebSocket",
    open: ({ url }, channel) => openSocketPublisher(`${url.replace(/^http/, "ws")}/ws/${channel}`),
  },
  {
    name: "MQTT over WebSocket, QoS 1",
    open: ({ url }, channel) => openMqttPublisher(`${url.replace(/^http/, "ws")}/mqtt`, channel),
  },
  {
    name: "MQTT over TCP, QoS 1",
    open: ({ mqttPort }, channel) => openMqttPublisher(mqttPort, channel),
  },
  { name: "TCP lines", open: ({ tcpPort }, channel) => openLinePublisher(tcpPort, channel) },
];

async function openSocketPublisher(url: string): Promise<OpenPublisher> {
  const socket = new WebSocket(url);
  let answered = Promise.withResolvers<void>();
  const opened = Promise.withResolvers<void>();
  socket.onopen = () => opened.resolve();
  socket.onclose = () => opened.reject(new Error("The socket was closed."));
  socket.onmessage = ({ data }) => {
    const { op, message } = JSON.parse(String(data)) as { op?: string; message?: string };
    if (op === "ack") answered.resolve();
    else if (op === "error") answered.reject(new Error(message));
  };
  await opened.promise;
  return {
    publish() {
      answered = Promise.withResolvers<void>();
      socket.send(JSON.stringify({ ...EVENT, ack: true }));
      return answered.promise;
    },
    close: () => socket.close(),
  };
}

async function openMqttPublisher(address: number | string, channel: string): Promise<OpenPublisher> {
  const publisher = await MqttPublisher.open(address, channel);
  return { publish: () => publisher.publishOne(), close: () => publisher.close() };
}

async function openLinePublisher(port: number, channel: string): Promise<OpenPublisher> {
  const socket = connect(port, "127.0.0.1");
  socket.setNoDelay(true);
  let answered = Promise.withResolvers<void>();
  createInterface(socket).on("line", (line) => {
    if (line === "") return;
    const { op, message } = JSON.parse(line) as { op?: string; message?: string };
    if (op === "ack") answered.resolve();
    else if (op === "error") answered.reject(new Error(message));
  });
  await new Promise<void>((resolve, reject) => socket.once("connect", resolve).once("error", reject));
  return {
    publish() {
      answered = Promise.withResolvers<void>();
      socket.write(`${JSON.stringify({ op: "publish", channel, ...EVENT })}\n`);
      return answered.promise;
    },
    close: () => socket.destroy(),
  };
}
