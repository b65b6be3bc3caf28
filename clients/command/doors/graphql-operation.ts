import type { CloudEvent } from "../../typescript/event.ts";
import { lost } from "./door.ts";
import { toTold } from "./json-line.ts";

/** What both carriers of GraphQL subscribe to. */
export const SUBSCRIPTION = `subscription ($channel: String!, $after: String) {
  events(channel: $channel, after: $after) {
    specversion id source type time subject sequence datacontenttype data data_base64
  }
}`;

/** One result of the subscription. @throws EverywireError where it has errors */
export function toEvent(result: unknown): CloudEvent {
  const { data, errors } = result as {
    readonly data?: { readonly events?: Readonly<Record<string, unknown>> } | null;
    readonly errors?: readonly { readonly message: string; readonly extensions?: object }[];
  };
  const [error] = errors ?? [];
  if (error !== undefined) throw toTold({ message: error.message, ...error.extensions });
  if (data?.events === undefined) throw lost("A result of the subscription has no event.");
  // What was asked for and is not there comes as null.
  const known = Object.entries(data.events).filter(([name, value]) => value !== null || name === "data");
  const event = Object.fromEntries(known) as unknown as CloudEvent;
  if (event.data === null && event.data_base64 !== undefined) {
    const { data: _, ...bytes } = event;
    return bytes as CloudEvent;
  }
  return event;
}
