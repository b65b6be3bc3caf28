import { EverywireError } from "../../core/error.ts";

/** Brackets within brackets of any kind: more than any query or any event's data needs. */
const MAX_NESTING = 500;
/** What opens and closes, and what brackets mean nothing in: block strings, strings and comments (GraphQL §2.1). */
const MARKS = /"""(?:[^"\\]|\\"""|\\|"(?!""))*"""|"(?:[^"\\\n]|\\.)*"|#[^\n\r]*|[{[(]|[}\])]/g;

/**
 * Refuses a document whose brackets are nested deeper than the parser's recursion bears: that is how deep the stack is, and
 * 2000 tokens can be too much for it while the code is still being interpreted.
 *
 * @throws EverywireError `invalid_argument`
 */
export function assertShallow(text: string): void {
  let depth = 0;
  for (const [mark] of text.matchAll(MARKS)) {
    if (mark === "{" || mark === "[" || mark === "(") depth += 1;
    else if (mark === "}" || mark === "]" || mark === ")") depth -= 1;
    if (depth > MAX_NESTING) {
      throw new EverywireError(
        "invalid_argument",
        `The document has more than ${MAX_NESTING} levels of brackets.`,
      );
    }
  }
}
