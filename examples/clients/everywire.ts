import { connect } from "../../clients/typescript/index.ts";
import type { Event, Publish, Read } from "./client.ts";

export const publish: Publish = async (url, channel, data) => {
  const client = connect(url);
  await client.publish(channel, { type: "note", data });
  client.close();
};

export const read: Read = async (url, channel, after, onEvent) => {
  for await (const event of connect(url).subscribe(channel, { after })) onEvent(event as Event);
};
