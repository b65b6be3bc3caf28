import { parseChannelName } from "../channel-name.ts";
import { attempt } from "../result.ts";
import type { GroupKey } from "../work-queue.ts";
import { parseGroupName } from "./lease-messages.ts";

/** Which dead letter, and where it rests. */
export type DeadLetterId =
  | { readonly origin: "queue"; readonly deadLetterId: string }
  | ({ readonly origin: "group"; readonly sequence: string } & GroupKey)
  | { readonly origin: "outbox"; readonly position: number };

/**
 * One text for the three, which stands in a path: `queue.{id}`, `outbox.{position}`, and for a group
 * `group.{sequence}.{group}.{channel}` with `!` for the slashes of the channel, which no name can have.
 */
export function formatDeadLetterId(id: DeadLetterId): string {
  switch (id.origin) {
    case "queue":
      return `queue.${id.deadLetterId}`;
    case "group":
      return `group.${id.sequence}.${id.group}.${id.channel.replaceAll("/", "!")}`;
    case "outbox":
      return `outbox.${id.position}`;
  }
}

/** Undefined where it is none of ours. */
export function parseDeadLetterId(text: string): DeadLetterId | undefined {
  const [, origin, rest = ""] = /^(queue|group|outbox)\.(.+)$/.exec(text) ?? [];
  switch (origin) {
    case "queue":
      return { origin, deadLetterId: rest };
    case "outbox":
      return /^\d{1,15}$/.test(rest) ? { origin, position: Number(rest) } : undefined;
    case "group": {
      // The group has no dot in its name, the channel may have some.
      const [, sequence = "", group, channel = ""] = /^([^.]+)\.([^.]+)\.(.+)$/.exec(rest) ?? [];
      const key = attempt(() => ({
        group: parseGroupName(group),
        channel: parseChannelName(channel.replaceAll("!", "/")),
      }));
      return key.ok ? { origin, sequence, ...key.value } : undefined;
    }
    default:
      return undefined;
  }
}
