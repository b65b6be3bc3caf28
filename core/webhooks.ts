import type { ChannelGlob, ChannelName } from "./channel-name.ts";
import type { After } from "./cursor.ts";
import type { UserIdentity } from "./identity.ts";

/** A subscription of somebody's HTTP server to channels (CONTRACT §5). */
export interface WebhookEndpoint {
  readonly id: string;
  /** The subject of whoever made it: what they may read is delivered, and no more. */
  readonly owner: string;
  readonly url: string;
  readonly channels: readonly ChannelGlob[];
  /** Patterns of event types, in which `*` is any text; empty means all. */
  readonly types: readonly string[];
  readonly description: string;
  readonly enabled: boolean;
  /** Why it is not enabled, where it was not the owner's wish; null otherwise. */
  readonly disabledReason: string | null;
  readonly createdAt: string;
}

/** What can be said of an endpoint, and changed later. */
export interface EndpointSettings {
  readonly url: string;
  readonly channels: readonly ChannelGlob[];
  readonly types: readonly string[];
  readonly description: string;
}

/** Where delivery begins: for all channels alike, or one at a cursor and the others with what comes next. */
export type DeliveryStart = "earliest" | "latest" | { readonly channel: ChannelName; readonly after: After };

export interface NewEndpoint extends EndpointSettings {
  readonly id: string;
  readonly owner: UserIdentity;
  readonly start: DeliveryStart;
}

export interface EndpointChange extends Partial<EndpointSettings> {
  readonly enabled?: boolean | undefined;
  /** The owner as the newest token has it; left out where somebody else makes the change. */
  readonly owner?: UserIdentity | undefined;
}

/** A secret is told once, when it is made. */
export interface IssuedSecret {
  readonly secret: string;
  /** Until when secrets that came before sign too; null where there are none. */
  readonly previousValidUntil: string | null;
}

export const DELIVERY_STATES = ["pending", "delivered", "dead-lettered"] as const;
export type DeliveryState = (typeof DELIVERY_STATES)[number];

/** What became of one event at one endpoint. The fields of an attempt are those of the newest one. */
export interface WebhookDelivery {
  /** The `webhook-id`: the same for every attempt at the same event. */
  readonly id: string;
  readonly endpointId: string;
  readonly kind: "event" | "gap" | "test";
  readonly channel: string | null;
  readonly sequence: string | null;
  readonly eventId: string;
  readonly type: string;
  readonly state: DeliveryState;
  /** How many attempts there were. */
  readonly attempt: number;
  /** The status that the receiver answered; null where it did not. */
  readonly status: number | null;
  /** Why the newest attempt failed; null where it did not. */
  readonly error: string | null;
  readonly durationMs: number;
  /** The beginning of what the receiver answered. */
  readonly response: string | null;
  readonly nextAttemptAt: string | null;
  readonly createdAt: string;
  readonly updatedAt: string;
}

export interface ListDeliveriesQuery {
  readonly state: DeliveryState | undefined;
  /** The place to go on from, as the page before gave it. */
  readonly before: number | undefined;
  readonly limit: number;
}

export interface DeliveryPage {
  /** The newest first. */
  readonly deliveries: readonly WebhookDelivery[];
  /** The place to go on from; undefined at the end. */
  readonly next: number | undefined;
}

export interface ListEndpointsQuery {
  /** Undefined for everybody's. */
  readonly owner: string | undefined;
  readonly afterId: string | undefined;
  readonly limit: number;
}

export interface EndpointPage {
  readonly endpoints: readonly WebhookEndpoint[];
  /** The id to go on after; undefined at the end. */
  readonly next: string | undefined;
}

/**
 * Webhooks out. Every call on an endpoint that is not there rejects with `not_found`; who may make it is decided by the
 * operations.
 */
export interface Webhooks {
  /** @throws EverywireError `rate_limited` where this owner has as many as there may be */
  create(endpoint: NewEndpoint): Promise<WebhookEndpoint & IssuedSecret>;
  list(query: ListEndpointsQuery): Promise<EndpointPage>;
  get(id: string): Promise<WebhookEndpoint>;
  update(id: string, change: EndpointChange): Promise<WebhookEndpoint>;
  remove(id: string): Promise<void>;
  rotateSecret(id: string): Promise<IssuedSecret>;
  /** Sends a test event now. */
  sendTest(id: string): Promise<WebhookDelivery>;
  listDeliveries(id: string, query: ListDeliveriesQuery): Promise<DeliveryPage>;
  /** @throws EverywireError `gone` where the event is no longer kept, `precondition_failed` while it is disabled */
  replayDelivery(id: string, deliveryId: string): Promise<WebhookDelivery>;
  /** Goes back to a cursor. Gives the channels that are delivered again. */
  replayFrom(id: string, start: DeliveryStart): Promise<readonly string[]>;
}

const ENDPOINT_PREFIX = "whe_";
const DELIVERY_ID = /^whd_([a-z0-9]{21})_[0-9a-z]+$/;
const HASH_BYTES = 12;

/** Whether a text is the id of an endpoint: asked before an object of that name is. */
export function isEndpointId(text: string): boolean {
  return /^whe_[a-z0-9]{21}$/.test(text);
}

/**
 * The `webhook-id` of an event at an endpoint. It is made of what it is about and of nothing else, so that a retry, a
 * replay and an attempt after a crash all have the same, and a receiver can tell that it has seen it.
 *
 * @param position the event's sequence, or for a gap where reading goes on
 */
export async function toDeliveryId(endpointId: string, channel: string, position: string): Promise<string> {
  const bytes = new TextEncoder().encode(`${channel}\n${position}`);
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).subarray(0, HASH_BYTES);
  const text = Array.from(hash, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return `whd_${endpointId.slice(ENDPOINT_PREFIX.length)}_${text}`;
}

/** The endpoint that a delivery belongs to; undefined where that is no delivery's id. */
export function endpointOfDelivery(deliveryId: string): string | undefined {
  const match = DELIVERY_ID.exec(deliveryId);
  return match === null ? undefined : `${ENDPOINT_PREFIX}${match[1]}`;
}

/** Whether an event's type is wanted. No pattern at all means every type. */
export function matchesTypes(type: string, patterns: readonly string[]): boolean {
  return patterns.length === 0 || patterns.some((pattern) => matchesPattern(type, pattern));
}

/** Each part between two stars is taken where it comes first, which is never worse than later: linear, whatever is sent. */
function matchesPattern(type: string, pattern: string): boolean {
  const [first = "", ...rest] = pattern.split("*");
  const last = rest.pop();
  if (last === undefined) return type === pattern;
  if (type.length < first.length + last.length) return false;
  if (!type.startsWith(first) || !type.endsWith(last)) return false;
  let from = first.length;
  for (const part of rest) {
    const at = type.indexOf(part, from);
    if (at === -1) return false;
    from = at + part.length;
  }
  return from <= type.length - last.length;
}
