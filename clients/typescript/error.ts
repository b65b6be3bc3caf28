/** The closed set of error codes, the same on every wire. */
export const ERROR_CODES = [
  "invalid_argument",
  "unauthenticated",
  "permission_denied",
  "not_found",
  "method_not_allowed",
  "not_acceptable",
  "already_exists",
  "gone",
  "precondition_failed",
  "payload_too_large",
  "unsupported_media_type",
  "validation_failed",
  "rate_limited",
  "unavailable",
  "deadline_exceeded",
  "internal",
] as const;

export type ErrorCode = (typeof ERROR_CODES)[number];

/** What may be otherwise the next time: everything else is refused again however often it is tried. */
const TRANSIENT: readonly ErrorCode[] = ["rate_limited", "unavailable", "deadline_exceeded", "internal"];

export interface ErrorOptions {
  /** Milliseconds after which a retry can succeed. */
  readonly retryAfterMs?: number | undefined;
  /** Field -> messages. */
  readonly details?: unknown;
  readonly cause?: unknown;
  /** See {@link EverywireError.isTold}. */
  readonly isTold?: boolean;
}

/** An error that the server told, or one of the client's own in the server's words. */
export class EverywireError extends Error {
  override readonly name = "EverywireError";
  readonly code: ErrorCode;
  readonly retryAfterMs: number | undefined;
  readonly details: unknown;
  /** Whether the server said so: else it is the client's own, or something on the way broke. */
  readonly isTold: boolean;

  constructor(
    code: ErrorCode,
    message: string,
    { retryAfterMs, details, cause, isTold = false }: ErrorOptions = {},
  ) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
    this.retryAfterMs = retryAfterMs;
    this.details = details;
    this.isTold = isTold;
  }

  /** Whether the same may succeed later. */
  get isTransient(): boolean {
    return TRANSIENT.includes(this.code);
  }

  /** Anything that was thrown: what is no error of ours is a network that does not work, `unavailable`. */
  static from(thrown: unknown): EverywireError {
    if (thrown instanceof EverywireError) return thrown;
    const message = thrown instanceof Error ? thrown.message : "The server cannot be reached.";
    return new EverywireError("unavailable", message, { cause: thrown });
  }

  /** What an HTTP answer refuses with; `unavailable` where it is not the server's own. */
  static async fromResponse(response: Response): Promise<EverywireError> {
    const body: unknown = await response.json().catch(() => undefined);
    const retryAfterMs = Number(response.headers.get("retry-after")) * 1000;
    const told = parseError((body as { readonly error?: unknown } | undefined)?.error, retryAfterMs);
    return told ?? new EverywireError("unavailable", `Something on the way answered ${response.status}.`);
  }
}

/**
 * Reads `{code, message, details?, retryAfterMs?}`, as every wire tells an error; undefined where it is nothing of
 * Everywire's, but of something on the way.
 */
export function parseError(value: unknown, givenRetryMs = 0): EverywireError | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const { code, message, details, retryAfterMs = givenRetryMs } = value as Readonly<Record<string, unknown>>;
  if (!ERROR_CODES.includes(code as ErrorCode)) return undefined;
  return new EverywireError(code as ErrorCode, typeof message === "string" ? message : String(code), {
    details,
    isTold: true,
    retryAfterMs: typeof retryAfterMs === "number" && retryAfterMs > 0 ? retryAfterMs : undefined,
  });
}
