import type { After } from "../../core/cursor.ts";
import { parseAfter } from "../../core/cursor.ts";
import type { Limits } from "../../core/limits.ts";
import { parseWholeNumber } from "../boundary/query.ts";

export interface PollRequest {
  readonly after: After;
  readonly limit: number | undefined;
  readonly timeoutMs: number;
}

/** Below the 30 s after which some proxies drop a silent request. */
const DEFAULT_TIMEOUT_SECONDS = 25;

/** @throws EverywireError `invalid_argument` */
export function decodePollRequest(query: Pick<URLSearchParams, "get">, limits: Limits): PollRequest {
  const maxSeconds = limits.MAX_POLL_SECONDS;
  const seconds = parseWholeNumber(query.get("timeout"), "timeout", { min: 0, max: maxSeconds });
  return {
    after: parseAfter(query.get("after")),
    limit: parseWholeNumber(query.get("limit"), "limit", { min: 1, max: Number.MAX_SAFE_INTEGER }),
    timeoutMs: (seconds ?? Math.min(DEFAULT_TIMEOUT_SECONDS, maxSeconds)) * 1000,
  };
}
