import { GatewayError } from "../gateway-error.ts";

const OPERATIONS = ["publish", "subscribe", "resend", "unsubscribe", "ping"] as const;
type OperationName = (typeof OPERATIONS)[number];

/** What one datagram asks for. */
export interface Request {
  readonly op: OperationName;
  /** Ties the answer to it; undefined where there is none to carry back. */
  readonly ref: string | number | undefined;
  readonly token: string | undefined;
  readonly proof: unknown;
  /** Everything else: for `publish`, the channel and the attributes of the event. */
  readonly fields: Readonly<Record<string, unknown>>;
}

/** A datagram that cannot be carried out; `ref` is known also where the rest could not be read. */
interface Refused {
  readonly ref: Request["ref"];
  readonly error: GatewayError;
}

/** What only a server says. To answer it would keep two servers talking to each other for ever. */
const OF_SERVERS = new Set([
  "ack",
  "challenge",
  "error",
  "expired",
  "pong",
  "position",
  "subscribed",
  "unsubscribed",
]);
const MAX_REF_LENGTH = 200;
const MAX_TOKEN_LENGTH = 8192;
const UTF8 = new TextDecoder("utf-8", { fatal: true });

/** Reads a datagram; undefined for one that must not be answered. */
export function decodeDatagram(bytes: Uint8Array): Request | Refused | undefined {
  let value: unknown;
  try {
    value = JSON.parse(UTF8.decode(bytes));
  } catch {
    return refused(undefined, "A datagram is one JSON object in UTF-8.");
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    return refused(undefined, "A datagram is one JSON object.");
  }
  const { op, ref: given, token, proof, ...fields } = value as Readonly<Record<string, unknown>>;
  // An event that was sent back to us, too, has no `op`.
  if (OF_SERVERS.has(String(op)) || (op === undefined && "specversion" in fields)) return undefined;
  const ref = toRef(given);
  if (!isOperation(op)) return refused(ref, `'op' is ${OPERATIONS.join(", ")}.`);
  if (token !== undefined && (typeof token !== "string" || token === "" || token.length > MAX_TOKEN_LENGTH)) {
    return refused(ref, "'token' is a bearer token.");
  }
  return { op, ref, token, proof, fields };
}

function isOperation(op: unknown): op is OperationName {
  return OPERATIONS.some((name) => name === op);
}

function toRef(value: unknown): Request["ref"] {
  if (typeof value === "number") return value;
  return typeof value === "string" && value.length <= MAX_REF_LENGTH ? value : undefined;
}

function refused(ref: Request["ref"], message: string): Refused {
  return { ref, error: new GatewayError("invalid_argument", message) };
}
