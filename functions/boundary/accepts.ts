import { EverywireError } from "../../core/error.ts";

/**
 * Checks `Accept` (RFC 9110 §12.5.1) for a path that answers in one form.
 *
 * @param types the media types that the answer may be called by, in lower case; the first is its own
 * @throws EverywireError `not_acceptable` where the client names what it takes and none of them is in it
 */
export function assertAccepts(accept: string | null, types: readonly [string, ...string[]]): void {
  if (accept === null || accept.trim() === "") return;
  const wildcards = ["*/*", ...types.map((type) => `${type.slice(0, type.indexOf("/"))}/*`)];
  for (const range of accept.toLowerCase().split(",")) {
    const [type = "", ...parameters] = range.split(";").map((part) => part.trim());
    const isRefused = parameters.some((parameter) => /^q=0(\.0*)?$/.test(parameter));
    if (!isRefused && (types.includes(type) || wildcards.includes(type))) return;
  }
  throw new EverywireError("not_acceptable", `This answers ${types[0]}.`);
}
