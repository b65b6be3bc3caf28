/**
 * `ok`; `missing`: it is not there, and something can be done about it; `failed`: it is there, and not as it should be;
 * `off`: it is not there, and needs not be; `unknown`: nobody could be asked.
 */
export type CheckStatus = "ok" | "missing" | "failed" | "off" | "unknown";

/** What was found of one thing. */
export interface Check {
  readonly group: "server" | "gateway" | "services" | "tools" | "deploy";
  readonly name: string;
  readonly status: CheckStatus;
  /** What was seen. */
  readonly detail: string;
  /** What to do about it, where something is to be done. */
  readonly remedy?: string;
  /** Whether nothing works without it. */
  readonly isRequired?: boolean;
}

/** What went wrong, in few words. */
export function reasonOf(thrown: unknown): string {
  const error = thrown as {
    readonly code?: unknown;
    readonly cause?: { readonly code?: unknown };
    readonly message?: string;
  };
  const code = error.cause?.code ?? error.code;
  return typeof code === "string" ? code : (error.message ?? String(thrown));
}
