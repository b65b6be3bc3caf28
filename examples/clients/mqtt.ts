import mqtt from "mqtt";
import type { Publish, Read } from "./client.ts";

/** The address is `ws://127.0.0.1:8787/mqtt`, or `mqtt://127.0.0.1:7183` where there is TCP. */
export const publish: Publish = async (url, channel, data) => {
  const client = await mqtt.connectAsync(url, { protocolVersion: 5 });
  const event = { specversion: "1.0", id: crypto.randomUUID(), source: "/example", type: "note", data };
  const properties = { contentType: "application/cloudevents+json" };
  await client.publishAsync(channel, JSON.stringify(event), { qos: 1, properties });
  await client.endAsync();
};

/** The broker keeps the session of a client that comes back, and sends what was missed. */
export const open: Read = (url, channel, after, onEvent) =>
  new Promise((_, reject) => {
    const client = mqtt.connect(url, {
      protocolVersion: 5,
      clientId: crypto.randomUUID(),
      clean: false,
      properties: { sessionExpiryInterval: 3600 },
    });
    client.on("message", (_topic, payload, { properties }) => {
      const said = (properties?.userProperties ?? {}) as { type: string; sequence?: string };
      onEvent({ ...said, data: JSON.parse(String(payload)) });
    });
    client.subscribe(channel, { qos: 1, properties: { userProperties: { after } } }, (error) => {
      if (error) reject(error);
    });
  });

/** QoS 1 is at least once: what comes again is left out. */
export const read: Read = (url, channel, after, onEvent) => {
  let last = "";
  return open(url, channel, after, (event) => {
    if (event.sequence !== undefined && event.sequence <= last) return;
    last = event.sequence ?? last;
    onEvent(event);
  });
};
