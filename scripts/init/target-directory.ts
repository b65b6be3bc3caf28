import { lstatSync, readdirSync, realpathSync } from "node:fs";
import { basename, dirname, isAbsolute, relative, resolve, sep } from "node:path";
import { StartError } from "../start-error.ts";

/** A name that npm, wrangler and DNS all take. */
const NAME = /^[a-z]([a-z0-9-]{0,38}[a-z0-9])?$/;

export interface TargetDirectory {
  readonly path: string;
  /** What the project is called: the folder's own name. */
  readonly name: string;
}

/**
 * Where a project may be made: a folder within the one that the command is called in, which is not there yet, or empty.
 *
 * @throws StartError saying which of that does not hold
 */
export function chooseTargetDirectory(text: string, from: string): TargetDirectory {
  const name = basename(text);
  if (!NAME.test(name)) {
    throw new StartError(
      `'${name.replace(/[^ -~]/g, "?")}' cannot be the name of a project: it has 1-40 of a-z, 0-9 and -, and begins with a letter.`,
    );
  }
  if (isAbsolute(text) || text.split(/[\\/]/).includes("..")) {
    throw new StartError(
      `'${text}' leads out of this folder: go where the project is to be, and name it there.`,
    );
  }
  const path = resolve(from, text);
  // A link in between would lead out as well.
  const inside = relative(realpathSync(from), realpathSync(nearestFolder(dirname(path))));
  if (inside === ".." || inside.startsWith(`..${sep}`) || isAbsolute(inside)) {
    throw new StartError(`'${text}' leads out of this folder by a link.`);
  }
  const status = lstatSync(path, { throwIfNoEntry: false });
  if (status === undefined) return { path, name };
  if (!status.isDirectory()) throw new StartError(`'${text}' is there, and is no folder.`);
  if (readdirSync(path).length > 0) throw new StartError(`'${text}' is not empty: nothing was written.`);
  return { path, name };
}

function nearestFolder(path: string): string {
  return lstatSync(path, { throwIfNoEntry: false }) === undefined ? nearestFolder(dirname(path)) : path;
}
