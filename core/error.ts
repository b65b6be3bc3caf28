/**
 * The closed set of error codes (CONTRACT §6) and its translation to every wire.
 *
 * A door never invents a code: it throws an {@link EverywireError}, or lets one pass, and translates it with
 * {@link ERROR_TABLE}. What is not an EverywireError is `internal`, and its text never leaves the process.
 */

/** How one code reads on each wire. `grpc` is the numeric status code, shared by gRPC, gRPC-Web and Connect. */
export interface ErrorTranslation {
  readonly http: number;
  readonly connect: string;
  readonly grpc: number;
  readonly jsonRpc: number;
  /** WebSocket close code, for an error that ends the connection (RFC 6455 §7.4, 4000-4999 are private use). */
  readonly webSocketClose: number;
  readonly title: string;
}

export const ERROR_TABLE = {
  invalid_argument: {
    http: 400,
    connect: "invalid_argument",
    grpc: 3,
    jsonRpc: -32602,
    webSocketClose: 4400,
    title: "Malformed request",
  },
  unauthenticated: {
    http: 401,
    connect: "unauthenticated",
    grpc: 16,
    jsonRpc: -32001,
    webSocketClose: 4401,
    title: "Sign in first",
  },
  permission_denied: {
    http: 403,
    connect: "permission_denied",
    grpc: 7,
    jsonRpc: -32003,
    webSocketClose: 4403,
    title: "Not allowed",
  },
  not_found: {
    http: 404,
    connect: "not_found",
    grpc: 5,
    jsonRpc: -32004,
    webSocketClose: 4404,
    title: "Not found",
  },
  method_not_allowed: {
    http: 405,
    connect: "unimplemented",
    grpc: 12,
    jsonRpc: -32601,
    webSocketClose: 4405,
    title: "Method not allowed",
  },
  not_acceptable: {
    http: 406,
    connect: "invalid_argument",
    grpc: 3,
    jsonRpc: -32006,
    webSocketClose: 4406,
    title: "No such representation",
  },
  already_exists: {
    http: 409,
    connect: "already_exists",
    grpc: 6,
    jsonRpc: -32009,
    webSocketClose: 4409,
    title: "Already exists",
  },
  gone: { http: 410, connect: "not_found", grpc: 5, jsonRpc: -32010, webSocketClose: 4410, title: "Gone" },
  precondition_failed: {
    http: 412,
    connect: "failed_precondition",
    grpc: 9,
    jsonRpc: -32012,
    webSocketClose: 4412,
    title: "Precondition failed",
  },
  payload_too_large: {
    http: 413,
    connect: "resource_exhausted",
    grpc: 8,
    jsonRpc: -32013,
    webSocketClose: 1009,
    title: "Too large",
  },
  unsupported_media_type: {
    http: 415,
    connect: "invalid_argument",
    grpc: 3,
    jsonRpc: -32015,
    webSocketClose: 1003,
    title: "Unsupported media type",
  },
  validation_failed: {
    http: 422,
    connect: "invalid_argument",
    grpc: 3,
    jsonRpc: -32602,
    webSocketClose: 4422,
    title: "Validation failed",
  },
  rate_limited: {
    http: 429,
    connect: "resource_exhausted",
    grpc: 8,
    jsonRpc: -32029,
    webSocketClose: 4429,
    title: "Too many requests",
  },
  unavailable: {
    http: 503,
    connect: "unavailable",
    grpc: 14,
    jsonRpc: -32050,
    webSocketClose: 1013,
    title: "Unavailable",
  },
  deadline_exceeded: {
    http: 504,
    connect: "deadline_exceeded",
    grpc: 4,
    jsonRpc: -32054,
    webSocketClose: 4504,
    title: "Deadline exceeded",
  },
  internal: {
    http: 500,
    connect: "internal",
    grpc: 13,
    jsonRpc: -32603,
    webSocketClose: 1011,
    title: "Internal error",
  },
} as const satisfies Record<string, ErrorTranslation>;

export type ErrorCode = keyof typeof ERROR_TABLE;

export const ERROR_CODES = Object.keys(ERROR_TABLE) as readonly ErrorCode[];

/** Field name -> messages, as REST's `details` and Connect's `BadRequest` carry it. */
export type FieldErrors = Readonly<Record<string, readonly string[]>>;

/** What an error says of itself on every wire; plain data, so that it survives a Durable Object RPC. */
export interface ErrorData {
  readonly code: ErrorCode;
  readonly message: string;
  readonly details?: FieldErrors | undefined;
  /** For `rate_limited` and `unavailable`: when a retry can succeed. */
  readonly retryAfterMs?: number | undefined;
}

/** An error that a client may see. Its message is written for the client; a `cause` is for the log only. */
export class EverywireError extends Error implements ErrorData {
  override readonly name = "EverywireError";
  readonly code: ErrorCode;
  readonly details: FieldErrors | undefined;
  readonly retryAfterMs: number | undefined;

  constructor(
    code: ErrorCode,
    message: string,
    options: { details?: FieldErrors | undefined; retryAfterMs?: number | undefined; cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.details = options.details;
    this.retryAfterMs = options.retryAfterMs;
  }

  /** The part that may leave the process. */
  toData(): ErrorData {
    return {
      code: this.code,
      message: this.message,
      ...(this.details === undefined ? {} : { details: this.details }),
      ...(this.retryAfterMs === undefined ? {} : { retryAfterMs: this.retryAfterMs }),
    };
  }

  static fromData(data: ErrorData): EverywireError {
    return new EverywireError(data.code, data.message, data);
  }

  /** Normalises whatever was thrown, once, at a boundary. What we did not throw ourselves is `internal`. */
  static from(thrown: unknown): EverywireError {
    if (thrown instanceof EverywireError) return thrown;
    return new EverywireError("internal", "Something went wrong on our side.", { cause: thrown });
  }
}
