/** The words of the command are off; the message says how, and what was perhaps meant. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}
