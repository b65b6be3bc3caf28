import { badRequest } from "./problem.ts";

/** @throws QstashProblem 400 where it is no whole number from 0; `name` says of what */
export function decodeCount(name: string, text: string): number {
  if (!/^\d{1,12}$/.test(text))
    throw badRequest(`${name} must be a whole number, and is "${text.slice(0, 40)}"`);
  return Number(text);
}

/** @throws QstashProblem 400 where it is no whole number from 1 */
export function decodeLimit(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const limit = decodeCount(name, text);
  if (limit < 1) throw badRequest(`${name} must be 1 or more`);
  return limit;
}

/** @example splitList("a, b,") // ["a", "b"] */
export function splitList(text: string): string[] {
  return text
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "");
}
