import type { Identity } from "./identity.ts";
import type { Limits } from "./limits.ts";

/**
 * What an MQTT session is told of a connection that was opened for it, checked by the door: plain data, since it crosses
 * to another isolate.
 */
export interface MqttOpening {
  readonly identity: Identity;
  /** 3, 4 (MQTT 3.1.1) or 5. */
  readonly version: number;
  readonly clientId: string;
  /** Whether the id was given by us, so that the client has to be told. */
  readonly isIdAssigned: boolean;
  readonly isCleanStart: boolean;
  /** Seconds that the session is to outlive its connection. */
  readonly expirySeconds: number;
  readonly receiveMaximum: number;
  readonly maximumPacketBytes: number | undefined;
  readonly topicAliasMaximum: number;
  /** The keep-alive that holds in place of the client's; undefined where its own does (MQTT 5 §3.2.2.3.14). */
  readonly serverKeepAliveSeconds: number | undefined;
  /** Whether reasons may be given in texts (MQTT 5 §3.1.2.11.7). */
  readonly wantsReasons: boolean;
  readonly will: MqttWill | undefined;
}

export interface MqttWill {
  readonly topic: string;
  readonly qos: 0 | 1 | 2;
  readonly isRetained: boolean;
  /** Base64. */
  readonly payload: string;
  readonly delaySeconds: number;
  readonly isText: boolean | undefined;
  readonly expirySeconds: number | undefined;
  readonly contentType: string | undefined;
  readonly responseTopic: string | undefined;
  /** Base64. */
  readonly correlationData: string | undefined;
  readonly userProperties: readonly (readonly [name: string, value: string])[] | undefined;
}

/**
 * The sessions of MQTT clients, each in a place of its own. On the socket, frames of bytes are whole packets, one or
 * several; texts are between us ({@link encodeConsumed}, {@link SETTLE}, {@link STOP}): the first of all is the opening, as JSON.
 */
export interface MqttSessions {
  open(session: string, opening: MqttOpening): Promise<WebSocket>;
}

/**
 * The name of a session. A client id is its user's own: nobody takes over the session of another by its name. Clients
 * without a token share one space, as they share everything else.
 */
export function toSessionName(identity: Identity, clientId: string): string {
  // A user's id comes escaped, so that it cannot reach into another one's names.
  return identity.kind === "user"
    ? `user/${encodeURIComponent(identity.subject)}/${clientId}`
    : `anonymous/${clientId}`;
}

const CONSUMED = /^consumed (\d{1,15})$/;

/**
 * Each end of the socket tells the other how many bytes it has dealt with, so that neither holds more for a slow one than
 * {@link MAX_UNCONSUMED_BYTES}.
 */
export function encodeConsumed(bytes: number): string {
  return `consumed ${bytes}`;
}

export function decodeConsumed(text: string): number | undefined {
  const digits = CONSUMED.exec(text)?.[1];
  return digits === undefined ? undefined : Number(digits);
}

/**
 * The function asks the session whether all that it was sent is dealt with, so that what the function publishes itself
 * overtakes nothing.
 */
export const SETTLE = "settle";
const SETTLED = /^settled ?(.*)$/;

/** What holds for the events that the function publishes until it sends the session something other than acknowledgements. */
export interface PublishTerms {
  /** What they say of their publisher, where a subscription of the session has to know its own. */
  readonly publisher: string | undefined;
}

export function encodeSettled({ publisher = "" }: PublishTerms): string {
  return `settled ${publisher}`;
}

export function decodeSettled(text: string): PublishTerms | undefined {
  const publisher = SETTLED.exec(text)?.[1];
  return publisher === undefined ? undefined : { publisher: publisher || undefined };
}

/** Another connection takes over: the session asks for an end to publishing, and the function says when there is one. */
export const STOP = "stop";
export const STOPPED = "stopped";

export const MAX_UNCONSUMED_BYTES = 1024 * 1024;
/** Bytes that are dealt with before the other end is told: it need not know of each packet. */
export const CONSUMED_STEP_BYTES = 64 * 1024;

/** However low the rate is, so many messages may be on their way: a window of a few would be slow without need. */
const MIN_PACED_WINDOW = 30;

/**
 * The QoS 1 and 2 messages that a client may have on their way: where publishing has a rate, no more than half a second's
 * worth, so that a client is paced by its answers rather than refused.
 */
export function toReceiveMaximum(limits: Limits, hasRateLimits: boolean): number {
  const { MAX_MQTT_INFLIGHT, PUBLISHES_PER_SECOND } = limits;
  if (!hasRateLimits) return MAX_MQTT_INFLIGHT;
  return Math.min(MAX_MQTT_INFLIGHT, Math.max(MIN_PACED_WINDOW, Math.floor(PUBLISHES_PER_SECOND / 2)));
}
