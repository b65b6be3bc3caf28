import { EverywireError } from "../../core/error.ts";
import type { NewEvent, PublishDefaults } from "../../core/event.ts";
import { parseCloudEvent, parsePlainEvent } from "../../core/event.ts";
import { STRUCTURED_MEDIA_TYPE } from "../../core/media-type.ts";
import type { EnqueueOptions } from "../../core/operations/enqueue-event.ts";
import { parseGroupName } from "../../core/operations/lease-messages.ts";
import { mediaType, readJson } from "../boundary/body.ts";
import { parseIdempotencyKey } from "../boundary/idempotency-key.ts";
import { queryOf } from "../boundary/request-target.ts";
import { parseDuration, parseInstant } from "./time.ts";

const OPTION_NAMES = [
  "delay",
  "notBefore",
  "retries",
  "retryDelay",
  "deduplicationId",
  "callback",
  "failureCallback",
  "queue",
  "url",
] as const;
type OptionName = (typeof OPTION_NAMES)[number];

const MAX_RETRIES = 100;
const MAX_LEASES = 100;
const FIFO_NAME = /^[A-Za-z0-9_.-]{1,64}$/;
const LEASE_ID = /^[a-z0-9_]{1,64}$/;
const MAX_PARALLELISM = 1000;

export interface EnqueueRequest {
  readonly event: NewEvent;
  readonly options: EnqueueOptions;
}

/**
 * Reads `POST /queue/{channel}`: the plain form with the options beside the event's own members, or a CloudEvent in
 * structured mode with the options in the query, since every other member of it is an attribute.
 *
 * @throws EverywireError `unsupported_media_type`, `invalid_argument`, `payload_too_large`
 */
export async function decodeEnqueue(
  request: Request,
  defaults: PublishDefaults & { readonly maxBytes: number },
): Promise<EnqueueRequest> {
  const type = mediaType(request);
  if (type !== "application/json" && type !== STRUCTURED_MEDIA_TYPE) {
    throw new EverywireError("unsupported_media_type", `Send application/json or ${STRUCTURED_MEDIA_TYPE}.`);
  }
  const body = await readJson(request, defaults.maxBytes);
  const isStructured = type === STRUCTURED_MEDIA_TYPE;
  const given = isStructured ? fromQuery(queryOf(request.url)) : pickOptions(body);
  const options = parseOptions(given, parseIdempotencyKey(request.headers.get("idempotency-key")));
  const event = isStructured
    ? parseCloudEvent(body, defaults)
    : parsePlainEvent(withoutOptions(body), defaults);
  const { deduplicationId } = options;
  // The same key, so the same event, also where the queue has forgotten it and the log has not.
  const isKeyed = deduplicationId !== undefined && !event.hasOwnId;
  return { event: isKeyed ? { ...event, id: deduplicationId, hasOwnId: true } : event, options };
}

type Given = Readonly<Partial<Record<OptionName, unknown>>>;

function pickOptions(body: unknown): Given {
  if (typeof body !== "object" || body === null) return {};
  return Object.fromEntries(
    Object.entries(body).filter(([name]) => OPTION_NAMES.includes(name as OptionName)),
  );
}

function withoutOptions(body: unknown): unknown {
  if (typeof body !== "object" || body === null || Array.isArray(body)) return body;
  return Object.fromEntries(
    Object.entries(body).filter(([name]) => !OPTION_NAMES.includes(name as OptionName)),
  );
}

/** Numbers are texts there. */
function fromQuery(query: URLSearchParams): Given {
  const given: Partial<Record<OptionName, unknown>> = {};
  for (const name of OPTION_NAMES) {
    const text = query.get(name);
    if (text !== null)
      given[name] = /^\d{1,15}$/.test(text) && name !== "deduplicationId" ? Number(text) : text;
  }
  return given;
}

function parseOptions(given: Given, idempotencyKey: string | undefined): EnqueueOptions {
  const fifo = parseFifoName(given.queue);
  const delaySeconds = parseDuration(given.delay, "delay");
  const notBeforeSeconds = parseInstant(given.notBefore, "notBefore");
  if (delaySeconds !== undefined && notBeforeSeconds !== undefined) {
    throw invalid("Give 'delay' or 'notBefore', not both.");
  }
  if (fifo !== undefined && (delaySeconds ?? notBeforeSeconds) !== undefined) {
    throw invalid("A FIFO queue delivers in order: no 'delay' and no 'notBefore' with 'queue'.");
  }
  return {
    delaySeconds,
    notBeforeSeconds,
    retries: parseWhole(given.retries, "retries", 0, MAX_RETRIES),
    retryDelay: parseExpression(given.retryDelay),
    deduplicationId:
      idempotencyKey ??
      parseIdempotencyKey(parseText(given.deduplicationId, "deduplicationId") ?? null, "deduplicationId"),
    callback: parseText(given.callback, "callback"),
    failureCallback: parseText(given.failureCallback, "failureCallback"),
    fifo,
    url: parseText(given.url, "url"),
  };
}

/** What it means is the queue's to say; it travels in a header, so it has only what one can have. */
function parseExpression(value: unknown): string | undefined {
  const text = typeof value === "number" ? String(value) : parseText(value, "retryDelay");
  if (text === undefined || /^[\u0020-\u007e]{1,256}$/.test(text)) return text;
  throw invalid("'retryDelay' is milliseconds, or an expression such as \"1000 * pow(2, retried)\".");
}

/** @throws EverywireError `invalid_argument` */
export function parseFifoName(value: unknown): string | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value === "string" && FIFO_NAME.test(value) && !/^\.+$/.test(value)) return value;
  throw invalid("The name of a queue is 1-64 of A-Z a-z 0-9 _ . -");
}

/** `PUT /queue/queues/{name}`: `{parallelism}`. @throws EverywireError `invalid_argument` */
export function parseParallelism(body: unknown): number {
  const { parallelism } = parseObject(body);
  return parseWhole(parallelism, "parallelism", 1, MAX_PARALLELISM) ?? 1;
}

export interface LeaseBody {
  readonly group: string;
  readonly max: number | undefined;
  readonly visibilitySeconds: number | undefined;
  readonly waitSeconds: number | undefined;
}

/** `POST /queue/{channel}/lease`: `{max?, visibilityTimeout?, wait?, group?}`, all of it optional. */
export function parseLease(body: unknown): LeaseBody {
  const { group, max, visibilityTimeout, wait } = parseObject(body);
  return {
    group: parseGroupName(group),
    max: parseWhole(max, "max", 1, Number.MAX_SAFE_INTEGER),
    visibilitySeconds: parseDuration(visibilityTimeout, "visibilityTimeout"),
    waitSeconds: parseDuration(wait, "wait"),
  };
}

export interface SettleBody {
  readonly group: string;
  readonly leaseIds: readonly string[];
  readonly delaySeconds: number | undefined;
  readonly visibilitySeconds: number | undefined;
}

/** `POST /queue/{channel}/ack`, `/nack` and `/extend`: `{leaseIds, group?, delay?, visibilityTimeout?}`. */
export function parseSettle(body: unknown): SettleBody {
  const { group, leaseIds, delay, visibilityTimeout } = parseObject(body);
  const isList =
    Array.isArray(leaseIds) &&
    leaseIds.length >= 1 &&
    leaseIds.length <= MAX_LEASES &&
    leaseIds.every((id) => typeof id === "string" && LEASE_ID.test(id));
  if (!isList) throw invalid(`'leaseIds' is a list of 1-${MAX_LEASES} ids that a lease gave.`);
  return {
    group: parseGroupName(group),
    leaseIds: leaseIds as readonly string[],
    delaySeconds: parseDuration(delay, "delay"),
    visibilitySeconds: parseDuration(visibilityTimeout, "visibilityTimeout"),
  };
}

/** The body of a request that may have none. @throws EverywireError */
export async function readOptionalJson(request: Request, maxBytes: number): Promise<unknown> {
  if (request.body === null || request.headers.get("content-length") === "0") return {};
  if (mediaType(request) !== "application/json") {
    throw new EverywireError("unsupported_media_type", "Send application/json.");
  }
  return readJson(request, maxBytes);
}

function parseObject(value: unknown): Readonly<Record<string, unknown>> {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) {
    return value as Readonly<Record<string, unknown>>;
  }
  throw invalid("The body is a JSON object.");
}

function parseText(value: unknown, name: string): string | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value === "string" && value !== "") return value;
  throw invalid(`'${name}' must be a non-empty string.`);
}

function parseWhole(value: unknown, name: string, min: number, max: number): number | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value === "number" && Number.isSafeInteger(value) && value >= min && value <= max) return value;
  throw invalid(
    `'${name}' is a whole number from ${min}${max === Number.MAX_SAFE_INTEGER ? "" : ` to ${max}`}.`,
  );
}

function invalid(message: string): EverywireError {
  return new EverywireError("invalid_argument", message);
}
