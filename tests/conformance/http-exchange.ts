import type { ErrorCode } from "../../core/error.ts";
import type { Target } from "./door-driver.ts";
import { DoorError } from "./door-driver.ts";

/** A URL on the target; the channel is left as it is, since its alphabet needs no encoding. */
export function toUrl(
  target: Target,
  path: string,
  query: Readonly<Record<string, string | undefined>> = {},
): string {
  const url = new URL(target.url + path);
  for (const [name, value] of Object.entries(query))
    if (value !== undefined) url.searchParams.set(name, value);
  return url.href;
}

export function toHeaders(
  target: Target,
  more: Readonly<Record<string, string>> = {},
): Record<string, string> {
  return target.token === undefined ? { ...more } : { authorization: `Bearer ${target.token}`, ...more };
}

/** @throws DoorError where the answer is an error body of CONTRACT §3 */
export async function assertOk(response: Response): Promise<Response> {
  if (response.ok) return response;
  const { error } = (await response.json()) as { error: { code: ErrorCode; message: string } };
  throw new DoorError(error.code, error.message);
}
