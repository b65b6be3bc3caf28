import type { z } from "zod";
import { EverywireError } from "../error.ts";

const MAX_REPORTED = 50;

/** What `details` calls the body as a whole, where the fault is in no field of it. */
const WHOLE_BODY = "body";

/**
 * Validates what came in.
 *
 * @throws EverywireError `validation_failed` with `details`: field, such as `address.city`, -> messages (CONTRACT §3)
 */
export function parseInput<S extends z.ZodType>(schema: S, value: unknown): z.output<S> {
  const result = schema.safeParse(value, { error: describeIssue });
  if (result.success) return result.data;
  // A null prototype, because a field's name is the client's to choose.
  const details: Record<string, string[]> = Object.create(null);
  for (const issue of result.error.issues.slice(0, MAX_REPORTED)) {
    const field = issue.path.length === 0 ? WHOLE_BODY : issue.path.map(String).join(".");
    const messages = details[field] ?? [];
    messages.push(issue.message);
    details[field] = messages;
  }
  throw new EverywireError("validation_failed", "Some fields are not valid; see details.", {
    details: { ...details },
  });
}

/** "Required" says more to a client than "expected string, received undefined"; the rest of zod's texts are good. */
function describeIssue(issue: { readonly code?: string; readonly input?: unknown }): string | undefined {
  return issue.code === "invalid_type" && issue.input === undefined ? "Required" : undefined;
}
