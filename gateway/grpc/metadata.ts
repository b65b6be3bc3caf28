import type { HeaderList } from "../http/headers.ts";
import { toClientHeaders } from "../http/headers.ts";

/** What the Worker says to browsers, and what describes a body of gRPC-Web: no metadata of a call. */
const NOT_METADATA = new Set([
  "content-type",
  "content-length",
  "content-security-policy",
  "cache-control",
  "date",
  "referrer-policy",
  "vary",
  "x-content-type-options",
  "x-frame-options",
]);

/** The headers of the Worker's answer as a gRPC client gets them. */
export function toGrpcHeaders(headers: HeaderList): HeaderList {
  return toClientHeaders(headers).filter(
    ([name]) => !NOT_METADATA.has(name) && !name.startsWith("access-control-"),
  );
}
