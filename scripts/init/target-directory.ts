import { lstatSync, readdirSync } from "node:fs";
import { basename, resolve } from "node:path";
import { StartError } from "../start-error.ts";

/** A name that npm, wrangler and DNS all take. */
const NAME = /^[a-z]([a-z0-9-]{0,38}[a-z0-9])?$/;

export interface TargetDirectory {
  readonly path: string;
  /** What the project is called: the folder's own name. */
  readonly name: string;
}

/**
 * Where a project may be made: a folder which is not there yet, or empty. Whoever calls the command may write wherever they
 * name, as with any that makes a folder.
 *
 * @param text a path, from `from` where it is not absolute
 * @throws StartError saying which of that does not hold
 */
export function chooseTargetDirectory(text: string, from: string): TargetDirectory {
  const name = basename(text);
  if (!NAME.test(name)) {
    throw new StartError(
      `'${name.replace(/[^ -~]/g, "?")}' cannot be the name of a project: it has 1-40 of a-z, 0-9 and -, and begins with a letter.`,
    );
  }
  const path = resolve(from, text);
  const status = lstatSync(path, { throwIfNoEntry: false });
  if (status === undefined) return { path, name };
  if (!status.isDirectory()) throw new StartError(`'${text}' is there, and is no folder.`);
  if (readdirSync(path).length > 0) throw new StartError(`'${text}' is not empty: nothing was written.`);
  return { path, name };
}
