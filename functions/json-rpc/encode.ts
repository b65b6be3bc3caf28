import type { EverywireError } from "../../core/error.ts";
import { ERROR_TABLE } from "../../core/error.ts";
import type { Id } from "./decode.ts";

/** The errors of the protocol itself (JSON-RPC 2.0 §5.1), in the words of the specification. */
export const PARSE_ERROR = { code: -32700, message: "Parse error" } as const;
export const INVALID_REQUEST = { code: -32600, message: "Invalid Request" } as const;
export const METHOD_NOT_FOUND = { code: -32601, message: "Method not found" } as const;

export interface RpcError {
  readonly code: number;
  readonly message: string;
  readonly data?: unknown;
}

/** An error of ours: the code's number, and in `data` the code by name with whatever else helps the caller. */
export function toRpcError(error: EverywireError): RpcError {
  const { code, message, details, retryAfterMs } = error.toData();
  return { code: ERROR_TABLE[code].jsonRpc, message, data: { code, details, retryAfterMs } };
}

/** `result` is required, so what gives nothing gives null. */
export function encodeResult(id: Id, result: unknown): string {
  return JSON.stringify({ jsonrpc: "2.0", result: result ?? null, id });
}

export function encodeFailure(id: Id, error: RpcError): string {
  return JSON.stringify({ jsonrpc: "2.0", error, id });
}

export function encodeNotification(method: string, params: object): string {
  return JSON.stringify({ jsonrpc: "2.0", method, params });
}

/** An event for a subscription. The event is JSON already, and is not parsed on its way. */
export function encodeEventNotification(subscription: string, eventJson: string): string {
  return `{"jsonrpc":"2.0","method":"channel.event","params":{"subscription":"${subscription}","event":${eventJson}}}`;
}
