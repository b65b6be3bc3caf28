import type { ErrorData } from "./error.ts";
import { EverywireError } from "./error.ts";

/**
 * An outcome as plain data. A thrown error loses its class on the way out of a Durable Object, and with it its code;
 * a Result keeps both.
 */
export type Result<T> = { readonly ok: true; readonly value: T } | Failure;

export interface Failure {
  readonly ok: false;
  readonly error: ErrorData;
}

/** Runs something that may throw an EverywireError. Any other fault is rethrown: it is the runtime's to report. */
export function attempt<T>(run: () => T): Result<T> {
  try {
    return { ok: true, value: run() };
  } catch (thrown) {
    return toFailure(thrown);
  }
}

/** {@link attempt} for something that takes time. */
export async function attemptAsync<T>(run: () => Promise<T>): Promise<Result<T>> {
  try {
    return { ok: true, value: await run() };
  } catch (thrown) {
    return toFailure(thrown);
  }
}

function toFailure(thrown: unknown): Failure {
  if (thrown instanceof EverywireError) return { ok: false, error: thrown.toData() };
  throw thrown;
}

/** The value, or the error thrown again with its code. */
export function unwrap<T>(result: Result<T>): T {
  if (result.ok) return result.value;
  throw EverywireError.fromData(result.error);
}
