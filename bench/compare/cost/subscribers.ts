import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { setTimeout as delay } from "node:timers/promises";
import { COMPARED_DOORS } from "../../../clients/command/doors.ts";
import type { Target } from "../../../clients/command/target.ts";
import { PORTS } from "../../../clients/command/target.ts";
import { openReaders } from "../../readers.ts";
import type { CountedServer } from "./counted-server.ts";

/** A way to read: opens so many subscribers of a channel, and resolves when all of them are live. */
export interface Subscribing {
  readonly name: string;
  open(server: CountedServer, channel: string, subscription: Subscription): Promise<void>;
}

export interface Subscription {
  readonly count: number;
  readonly signal: AbortSignal;
  /** Called for each event that reached a subscriber. */
  onEvent(): void;
  onFailure(error: unknown): void;
}

/** Data of the events that are counted: what the readers of `bench/readers.ts` look for. */
export const MARKED_DATA = { text: "x".repeat(90) };
const MARK = `${MARKED_DATA.text}"`;
const POLL_INTERVAL_MS = 500;
/** These go through the gateway, which is a server of one's own: the Worker sees their subscriptions as WebSockets. */
const THROUGH_GATEWAY = ["grpc", "udp"];
/** Written here: the client of the command asks the server for more than the wire needs. */
const OWN = ["sse", "websocket", "ndjson", "long-poll", "http"];

export const SUBSCRIBINGS: readonly Subscribing[] = [
  {
    name: "sse",
    async open({ url }, channel, { count, signal, onEvent }) {
      const readers = await openReaders("SSE", `${url}/sse/${channel}`, count, onEvent);
      signal.addEventListener("abort", () => {
        for (const reader of readers) reader.leave();
      });
    },
  },
  {
    name: "websocket",
    async open({ url }, channel, { count, signal, onEvent }) {
      const readers = await openReaders("WebSocket", `${url}/ws/${channel}`, count, onEvent);
      signal.addEventListener("abort", () => {
        for (const reader of readers) reader.leave();
      });
    },
  },
  { name: "ndjson", open: openStreams },
  {
    name: "long-poll",
    open: (server, channel, subscription) =>
      openPolling(server, channel, subscription, (cursor) => `/poll/${channel}?after=${cursor}&timeout=30`),
  },
  {
    name: "http",
    open: (server, channel, subscription) =>
      openPolling(
        server,
        channel,
        subscription,
        (cursor) => `/channels/${channel}?after=${cursor}`,
        POLL_INTERVAL_MS,
      ),
  },
  { name: "webhooks", open: openWebhooks },
  ...COMPARED_DOORS.filter(({ name }) => !OWN.includes(name) && !THROUGH_GATEWAY.includes(name)).map(
    (door): Subscribing => ({
      name: door.name,
      async open(server, channel, { count, signal, onEvent, onFailure }) {
        const read = await door.load();
        const opening = Array.from({ length: count }, async () => {
          const live = Promise.withResolvers<void>();
          const take = async () => {
            const request = { channel, after: "latest", signal, onLive: () => live.resolve() };
            for await (const { sequence } of read(toTarget(server), request)) if (sequence) onEvent();
          };
          take().catch((error: unknown) => {
            live.reject(error);
            if (!signal.aborted) onFailure(error);
          });
          await live.promise;
        });
        await Promise.all(opening);
      },
    }),
  ),
];

async function openStreams(
  { url }: CountedServer,
  channel: string,
  { count, signal, onEvent, onFailure }: Subscription,
): Promise<void> {
  const opening = Array.from({ length: count }, async () => {
    const { body } = await fetch(`${url}/stream/${channel}`, { signal });
    if (body === null) throw new Error("A stream has no body.");
    const take = async () => {
      let rest = "";
      for await (const text of body.pipeThrough(new TextDecoderStream())) {
        const lines = (rest + text).split("\n");
        rest = lines.pop() ?? "";
        for (const line of lines) if (line.includes(MARK)) onEvent();
      }
    };
    take().catch((error: unknown) => !signal.aborted && onFailure(error));
  });
  await Promise.all(opening);
}

/** An endpoint for each subscriber, and one receiver that takes whatever comes. */
async function openWebhooks(
  { url }: CountedServer,
  channel: string,
  { count, signal, onEvent }: Subscription,
): Promise<void> {
  const receiver = createServer(async (request, response) => {
    const body = await text(request);
    response.writeHead(204).end();
    if (body.includes(MARK)) onEvent();
  });
  await new Promise<void>((resolve) => receiver.listen(0, "127.0.0.1", resolve));
  const post = async <T>(path: string, body: object, headers: object = {}): Promise<T> => {
    const response = await fetch(`${url}${path}`, {
      method: "POST",
      headers: { "content-type": "application/json", ...headers },
      body: JSON.stringify(body),
    });
    if (!response.ok) throw new Error(await response.text());
    return (await response.json()) as T;
  };
  const { token } = await post<{ token: string }>("/auth/token", { name: "receiver" });
  const headers = { authorization: `Bearer ${token}` };
  const { port } = receiver.address() as AddressInfo;
  const ids: string[] = [];
  for (let index = 0; index < count; index += 1) {
    const endpoint = { url: `http://127.0.0.1:${port}/${index}`, channels: [channel] };
    ids.push((await post<{ id: string }>("/webhooks/endpoints", endpoint, headers)).id);
  }
  signal.addEventListener("abort", () => {
    const remove = (id: string) => fetch(`${url}/webhooks/endpoints/${id}`, { method: "DELETE", headers });
    // Gone before the next door is counted, as far as may be; what is not is a few alarms.
    Promise.all(ids.map(remove))
      .catch(() => undefined)
      .finally(() => receiver.close());
  });
}

/** Asks again and again, from the cursor of the last answer. */
async function openPolling(
  { url }: CountedServer,
  channel: string,
  { count, signal, onEvent, onFailure }: Subscription,
  toPath: (cursor: string) => string,
  intervalMs = 0,
): Promise<void> {
  const page = (await (await fetch(`${url}/channels/${channel}?after=earliest`)).json()) as { next: string };
  const poll = async () => {
    for (let cursor = page.next; ; await delay(intervalMs, undefined, { signal })) {
      const answer = (await (await fetch(`${url}${toPath(cursor)}`, { signal })).json()) as {
        events: readonly unknown[];
        next: string;
      };
      answer.events.forEach(onEvent);
      cursor = answer.next;
    }
  };
  for (let index = 0; index < count; index += 1)
    poll().catch((error: unknown) => !signal.aborted && onFailure(error));
}

function toTarget({ url, tcpPort, mqttPort }: CountedServer): Target {
  return {
    url,
    hostname: new URL(url).hostname,
    token: undefined,
    givenPorts: ["TCP_PORT", "MQTT_PORT"],
    ports: { ...PORTS, TCP_PORT: tcpPort, MQTT_PORT: mqttPort },
  };
}
