import type { IncomingMessage } from "node:http";
import { findError } from "../gateway-error.ts";
import type { HeaderList } from "../http/headers.ts";

const UNITS_MS: Readonly<Record<string, number>> = {
  H: 3_600_000,
  M: 60_000,
  S: 1000,
  m: 1,
  u: 1e-3,
  n: 1e-6,
};
/** A timer holds no more. */
const MAX_TIMER_MS = 2 ** 31 - 1;
const MAX_BODY_BYTES = 16 * 1024;

const UNKNOWN = 2;
/** grpc/grpc http-grpc-status-mapping.md, for answers of which no gRPC server knows. */
const BY_HTTP_STATUS: Readonly<Record<number, number>> = {
  400: 13,
  401: 16,
  403: 7,
  404: 12,
  413: 8,
  415: 13,
  429: 14,
  502: 14,
  503: 14,
  504: 14,
};

/** `grpc-timeout` (PROTOCOL-HTTP2.md) in milliseconds; undefined where there is none that can be read or waited for. */
export function parseTimeout(text: string | undefined): number | undefined {
  const [, digits, unit] = /^(\d{1,8})([HMSmun])$/.exec(text ?? "") ?? [];
  if (digits === undefined || unit === undefined) return undefined;
  const timeoutMs = Number(digits) * (UNITS_MS[unit] ?? 0);
  return timeoutMs > MAX_TIMER_MS / 2 ? undefined : timeoutMs;
}

/** What an answer that is no gRPC-Web means: the whole of a gRPC answer. */
export async function readRefusal(response: IncomingMessage): Promise<HeaderList> {
  const status = response.statusCode ?? 502;
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of response) {
    length += (chunk as Uint8Array).byteLength;
    // Read to its end all the same, so that the connection can be used again.
    if (length <= MAX_BODY_BYTES) chunks.push(chunk as Uint8Array);
  }
  const message =
    findError(Buffer.concat(chunks).toString()).message ?? `The server answered with HTTP status ${status}.`;
  return [
    ["grpc-status", String(BY_HTTP_STATUS[status] ?? UNKNOWN)],
    ["grpc-message", encodeURIComponent(message)],
  ];
}
