import { EverywireError } from "../core/error.ts";
import type { UserIdentity } from "../core/identity.ts";
import type {
  DeliveryStart,
  EndpointChange,
  EndpointSettings,
  IssuedSecret,
  NewEndpoint,
  WebhookEndpoint,
} from "../core/webhooks.ts";

interface Secret {
  readonly secret: string;
  /** When it stops signing; undefined for the one that is current. */
  readonly untilMs: number | undefined;
}

/** Why an endpoint was disabled, as its owner has still to be told. */
export interface DisabledNotice {
  readonly reason: string;
  readonly atMs: number;
}

/** What an endpoint is, beside where it stands in its channels. Every change gives a new one. */
export interface EndpointState extends EndpointSettings {
  readonly id: string;
  readonly owner: UserIdentity;
  readonly isEnabled: boolean;
  readonly disabledReason: string | undefined;
  readonly createdMs: number;
  /** The current one first. */
  readonly secrets: readonly Secret[];
  readonly deadLettersInRow: number;
  readonly notice: DisabledNotice | undefined;
  /** Set until it is known which channels there are; nothing is delivered before. */
  readonly start: DeliveryStart | undefined;
  /** Whether the directory knows the patterns. */
  readonly isSubscribed: boolean;
  readonly isRemoved: boolean;
}

const SECRET_BYTES = 32;
const OLD_SECRET_MS = 24 * 3600 * 1000;
/** Each signs every delivery, and all signatures go into one header. */
const MAX_OLD_SECRETS = 5;

export function createState(endpoint: NewEndpoint, nowMs: number): EndpointState {
  const { start, ...settings } = endpoint;
  return {
    ...settings,
    isEnabled: true,
    disabledReason: undefined,
    createdMs: nowMs,
    secrets: [{ secret: createSecret(), untilMs: undefined }],
    deadLettersInRow: 0,
    notice: undefined,
    start,
    isSubscribed: false,
    isRemoved: false,
  };
}

export function changeState(state: EndpointState, change: EndpointChange): EndpointState {
  const { enabled, owner, ...settings } = change;
  const changed: EndpointState = {
    ...state,
    ...settings,
    owner: owner ?? state.owner,
    isSubscribed: state.isSubscribed && settings.channels === undefined,
  };
  if (enabled === undefined) return changed;
  return { ...changed, isEnabled: enabled, disabledReason: undefined, deadLettersInRow: 0 };
}

/** @param reason for the owner to read */
export function disableState(state: EndpointState, reason: string, nowMs: number): EndpointState {
  return { ...state, isEnabled: false, disabledReason: reason, notice: { reason, atMs: nowMs } };
}

/** Counts what was settled, and disables where too many in a row were dead letters. The same state where nothing changes. */
export function countSettled(
  state: EndpointState,
  outcome: { readonly isDeadLetter: boolean; readonly error: string | null },
  maxInRow: number,
  nowMs: number,
): EndpointState {
  if (!outcome.isDeadLetter) return state.deadLettersInRow === 0 ? state : { ...state, deadLettersInRow: 0 };
  const deadLettersInRow = state.deadLettersInRow + 1;
  const counted = { ...state, deadLettersInRow };
  if (deadLettersInRow < maxInRow || !state.isEnabled) return counted;
  const reason = `${deadLettersInRow} events in a row could not be delivered; the last: ${outcome.error ?? ""}`;
  return disableState(counted, reason, nowMs);
}

/** @throws EverywireError `rate_limited` where too many secrets are good at once */
export function rotateState(state: EndpointState, nowMs: number): EndpointState {
  const untilMs = nowMs + OLD_SECRET_MS;
  const old = state.secrets
    .map((secret) => ({ ...secret, untilMs: secret.untilMs ?? untilMs }))
    .filter((secret) => secret.untilMs > nowMs);
  const [, ...older] = old;
  if (older.length >= MAX_OLD_SECRETS) {
    throw new EverywireError(
      "rate_limited",
      "Too many old secrets are still good; wait until one has ended.",
      {
        retryAfterMs: Math.min(...old.map((secret) => secret.untilMs)) - nowMs,
      },
    );
  }
  return { ...state, secrets: [{ secret: createSecret(), untilMs: undefined }, ...old] };
}

/** The secrets that sign now, the current one first. */
export function activeSecrets(state: EndpointState, nowMs: number): readonly string[] {
  return state.secrets
    .filter(({ untilMs }) => untilMs === undefined || untilMs > nowMs)
    .map(({ secret }) => secret);
}

export function toIssuedSecret(state: EndpointState): IssuedSecret {
  const [current, previous] = state.secrets;
  if (current === undefined) throw new Error("An endpoint has a secret.");
  const untilMs = previous?.untilMs;
  return {
    secret: current.secret,
    previousValidUntil: untilMs === undefined ? null : new Date(untilMs).toISOString(),
  };
}

/** What may be shown: all but the secrets. */
export function toEndpoint(state: EndpointState): WebhookEndpoint {
  const { id, owner, url, channels, types, description, isEnabled, disabledReason, createdMs } = state;
  return {
    id,
    owner: owner.subject,
    url,
    channels,
    types,
    description,
    enabled: isEnabled,
    disabledReason: disabledReason ?? null,
    createdAt: new Date(createdMs).toISOString(),
  };
}

/** `whsec_` and base64, as Standard Webhooks has it ("Signature scheme"). */
function createSecret(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(SECRET_BYTES));
  return `whsec_${btoa(String.fromCharCode(...bytes))}`;
}
