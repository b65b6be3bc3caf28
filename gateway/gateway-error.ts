/**
 * The codes of the closed set (CONTRACT §6) that the gateway itself answers with. Whatever else a client is told, the
 * Worker has said, and is passed on as it is.
 */
const CODES = {
  invalid_argument: { http: 400, grpc: 3, close: 4400 },
  unauthenticated: { http: 401, grpc: 16, close: 4401 },
  permission_denied: { http: 403, grpc: 7, close: 4403 },
  not_found: { http: 404, grpc: 5, close: 4404 },
  already_exists: { http: 409, grpc: 6, close: 4409 },
  payload_too_large: { http: 413, grpc: 8, close: 1009 },
  rate_limited: { http: 429, grpc: 8, close: 4429 },
  unavailable: { http: 503, grpc: 14, close: 1013 },
  deadline_exceeded: { http: 504, grpc: 4, close: 4504 },
  internal: { http: 500, grpc: 13, close: 1011 },
} as const;

type GatewayErrorCode = keyof typeof CODES;

/** What went wrong between a client and the Worker. Its message is written for the client. */
export class GatewayError extends Error {
  override readonly name = "GatewayError";
  readonly code: GatewayErrorCode;
  /** Undefined for the code's own. */
  readonly #status: number | undefined;

  constructor(
    code: GatewayErrorCode,
    message: string,
    options: { readonly status?: number; readonly cause?: unknown } = {},
  ) {
    super(message, { cause: options.cause });
    this.code = code;
    this.#status = options.status;
  }

  get httpStatus(): number {
    return this.#status ?? CODES[this.code].http;
  }

  get grpcStatus(): number {
    return CODES[this.code].grpc;
  }

  /** As WebSocket close codes are: the same numbers for the end of a WebTransport session. */
  get closeCode(): number {
    return CODES[this.code].close;
  }

  /** The body of every HTTP error (CONTRACT §3). */
  toBody(nowMs: number): string {
    const { code, message } = this;
    return JSON.stringify({
      error: { message, code, details: {}, timestamp: new Date(nowMs).toISOString() },
    });
  }

  /** What the Worker refused with, told on. */
  static fromAnswer(status: number, body: string): GatewayError {
    const { code, message } = findError(body);
    const known = Object.entries(CODES).find(([name, { http }]) => name === code || http === status)?.[0];
    const own = (known ?? "unavailable") as GatewayErrorCode;
    return new GatewayError(own, message ?? `The server answered with HTTP status ${status}.`, { status });
  }

  static from(thrown: unknown): GatewayError {
    if (thrown instanceof GatewayError) return thrown;
    return new GatewayError("internal", "Something went wrong in the gateway.", { cause: thrown });
  }
}

/** Code and message of an error's body (CONTRACT §3), as far as it is one. */
export function findError(body: string): { readonly code?: string; readonly message?: string } {
  try {
    const { code, message } =
      (JSON.parse(body) as { error?: { code?: unknown; message?: unknown } }).error ?? {};
    return {
      ...(typeof code === "string" ? { code } : {}),
      ...(typeof message === "string" ? { message } : {}),
    };
  } catch {
    return {};
  }
}
