import { decodeFlowControl } from "./decode-flow-control.ts";
import { parseDuration } from "./duration.ts";
import { decodeCount, splitList } from "./header-values.ts";
import type { CallbackOptions, DeliveryOptions, MessageOptions, Method, Redaction } from "./message.ts";
import { METHODS } from "./message.ts";
import { badRequest, notServed, QstashProblem } from "./problem.ts";
import { parseRetryDelay } from "./retry-delay.ts";
import { DEFAULT_RETRIES, MAX_DELAY_MS, MAX_HEADER_BYTES, MAX_RETRIES, MAX_TIMEOUT_MS } from "./settings.ts";

/** What a publish says of when, and of whether it is one that was published before. */
export interface PublishOptions extends MessageOptions {
  readonly delayMs: number;
  /** A unix time in milliseconds; comes before `delayMs`. */
  readonly notBeforeMs: number | undefined;
  readonly deduplication: Deduplication | undefined;
}

export type Deduplication = { readonly by: "content" } | { readonly by: "id"; readonly id: string };

/** These are the connection's, and are made anew for every delivery. */
const NOT_FORWARDED = new Set([
  "connection",
  "content-length",
  "expect",
  "host",
  "keep-alive",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

/**
 * Reads the headers of a publish, an enqueue or a schedule.
 *
 * @param base what holds where a header is left out; that of a message that is sent again from the dead letters
 * @throws QstashProblem 400 for a malformed one, 412 beyond a limit, 501 for what is not served
 */
export function decodePublish(headers: Headers, base?: MessageOptions): PublishOptions {
  refuseNotServed(headers);
  const own = decodeDelivery(headers, "upstash-", {
    retries: base?.retries ?? DEFAULT_RETRIES,
    retryDelay: base?.retryDelay,
    timeoutMs: base?.timeoutMs ?? MAX_TIMEOUT_MS,
    method: base?.method ?? "POST",
  });
  const contentType = headers.get("content-type");
  const named = contentType === null ? own.headers : { "content-type": contentType, ...own.headers };
  const labels = headers.get("upstash-label");
  const options = {
    ...own,
    headers: base === undefined ? named : { ...base.headers, ...own.headers },
    callback: decodeCallback(headers, "upstash-callback", own) ?? base?.callback,
    failureCallback: decodeCallback(headers, "upstash-failure-callback", own) ?? base?.failureCallback,
    labels: labels === null ? (base?.labels ?? []) : splitList(labels),
    flowControl: decodeFlowControl(headers) ?? base?.flowControl,
    redaction: decodeRedaction(headers) ?? base?.redaction,
    callerIp: headers.get("cf-connecting-ip") ?? undefined,
    delayMs: decodeDelay(headers, "upstash-delay"),
    notBeforeMs: decodeNotBefore(headers),
    deduplication: decodeDeduplication(headers),
  };
  refuseLargeHeaders(options.headers);
  return options;
}

function refuseNotServed(headers: Headers): void {
  for (const name of headers.keys()) {
    if (name.startsWith("upstash-workflow-")) throw notServed(`workflows (header ${name})`);
  }
}

function decodeDelivery(
  headers: Headers,
  prefix: string,
  base: Omit<DeliveryOptions, "headers">,
): DeliveryOptions {
  const name = (option: string) => `${prefix}${option}`;
  const timeout = headers.get(name("timeout"));
  const retryDelay = headers.get(name("retry-delay"));
  return {
    method: decodeMethod(name("method"), headers.get(name("method"))) ?? base.method,
    headers: decodeForwarded(headers, name("forward-")),
    retries: decodeRetries(name("retries"), headers.get(name("retries"))) ?? base.retries,
    retryDelay: retryDelay === null ? base.retryDelay : parseRetryDelay(retryDelay).expression,
    timeoutMs: timeout === null ? base.timeoutMs : decodeTimeout(name("timeout"), timeout),
  };
}

function decodeCallback(
  headers: Headers,
  header: "upstash-callback" | "upstash-failure-callback",
  source: DeliveryOptions,
): CallbackOptions | undefined {
  const url = headers.get(header);
  if (url === null || url === "") return undefined;
  // Callbacks are tried as often as what they tell of; how it is asked and for how long is their own.
  const options = decodeDelivery(headers, `${header}-`, {
    method: "POST",
    retries: source.retries,
    retryDelay: source.retryDelay,
    timeoutMs: MAX_TIMEOUT_MS,
  });
  refuseLargeHeaders(options.headers);
  return { ...options, url: decodeUrl(header, url), delayMs: decodeDelay(headers, `${header}-delay`) };
}

/** @throws QstashProblem 400 where it is no URL of http or https; a name and password in it are refused too */
export function decodeUrl(name: string, text: string): string {
  const url = URL.parse(text);
  if (url === null || (url.protocol !== "http:" && url.protocol !== "https:")) {
    throw badRequest(`${name} must be a URL with http:// or https://, and is "${text.slice(0, 200)}"`);
  }
  // A request to it could not be made at all.
  if (url.username !== "" || url.password !== "")
    throw badRequest(`${name} must have no user and password in it`);
  return text;
}

function decodeForwarded(headers: Headers, prefix: string): Record<string, string> {
  const forwarded: Record<string, string> = {};
  for (const [name, value] of headers) {
    if (!name.startsWith(prefix) || name.length === prefix.length) continue;
    const own = name.slice(prefix.length);
    if (!NOT_FORWARDED.has(own)) forwarded[own] = value;
  }
  return forwarded;
}

function decodeMethod(name: string, text: string | null): Method | undefined {
  if (text === null) return undefined;
  const method = METHODS.find((known) => known === text.toUpperCase());
  if (method === undefined)
    throw badRequest(`${name} must be one of ${METHODS.join(", ")}, and is "${text.slice(0, 40)}"`);
  return method;
}

function decodeRetries(name: string, text: string | null): number | undefined {
  if (text === null) return undefined;
  const retries = decodeCount(name, text);
  if (retries > MAX_RETRIES)
    throw new QstashProblem(412, `${name} may be ${MAX_RETRIES} at most, and is ${text}`);
  return retries;
}

function decodeTimeout(name: string, text: string): number {
  const timeoutMs = parseDuration(name, text);
  if (timeoutMs === 0) throw badRequest(`${name} must be longer than nothing`);
  return Math.min(timeoutMs, MAX_TIMEOUT_MS);
}

function decodeDelay(headers: Headers, name: string): number {
  const text = headers.get(name);
  if (text === null) return 0;
  const delayMs = parseDuration(name, text);
  if (delayMs > MAX_DELAY_MS) throw new QstashProblem(412, `${name} may be a year at most, and is ${text}`);
  return delayMs;
}

function decodeNotBefore(headers: Headers): number | undefined {
  const text = headers.get("upstash-not-before");
  if (text === null) return undefined;
  const notBeforeMs = decodeCount("Upstash-Not-Before (a unix time in seconds)", text) * 1000;
  if (notBeforeMs > Date.now() + MAX_DELAY_MS) {
    throw new QstashProblem(412, `Upstash-Not-Before may be a year ahead at most, and is ${text}`);
  }
  return notBeforeMs;
}

function decodeDeduplication(headers: Headers): Deduplication | undefined {
  const id = headers.get("upstash-deduplication-id");
  if (id !== null) {
    if (id === "" || id.length > 1024)
      throw badRequest("Upstash-Deduplication-Id must have 1 to 1024 characters");
    return { by: "id", id };
  }
  return headers.get("upstash-content-based-deduplication")?.toLowerCase() === "true"
    ? { by: "content" }
    : undefined;
}

function decodeRedaction(headers: Headers): Redaction | undefined {
  const text = headers.get("upstash-redact-fields");
  if (text === null) return undefined;
  const fields = splitList(text).map((field) => field.toLowerCase());
  const names = fields.flatMap((field) => /^header\[([^\]]+)\]$/.exec(field)?.[1] ?? []);
  const isAll = fields.includes("header") || fields.includes("headers");
  const known = fields.filter((field) => ["body", "header", "headers"].includes(field)).length + names.length;
  if (known < fields.length) throw badRequest(`Upstash-Redact-Fields knows body, headers and header[Name]`);
  return { body: fields.includes("body"), headers: isAll ? true : names };
}

function refuseLargeHeaders(headers: Readonly<Record<string, string>>): void {
  const size = Object.entries(headers).reduce(
    (total, [name, value]) => total + name.length + value.length,
    0,
  );
  if (size > MAX_HEADER_BYTES)
    throw new QstashProblem(413, `the headers of a message may have ${MAX_HEADER_BYTES} bytes`);
}
