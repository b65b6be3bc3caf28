/** What keeps something from starting and is for its user to mend. Its message says how; a stack would hide it. */
export class StartError extends Error {}

/** Prints why a script failed, and ends it. */
export function exitWith(error: unknown): never {
  console.error(error instanceof StartError ? error.message : error);
  process.exit(1);
}
