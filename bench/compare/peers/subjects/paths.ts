import { join } from "node:path";
import { ROOT } from "../../../../scripts/paths.ts";
import type { Need } from "../peer.ts";

export const PEERS = join(ROOT, "bench", "compare", "peers");
export const PROTOS = join(ROOT, "proto");
/** Of the project's own packages. */
export const BUF = join(ROOT, "node_modules", ".bin", "buf");
/** Debian's own: what is first in PATH may have none of Debian's packages. */
export const PYTHON = "/usr/bin/python3";

/** A program of a peer. */
export function serverPath(name: string): string {
  return join(PEERS, "servers", name);
}

/** A package of the peers' own `package.json`. */
export function npmNeed(name: string): Need {
  return {
    file: join(PEERS, "node_modules", name, "package.json"),
    from: `npm's ${name}`,
    isFromPeersPackage: true,
  };
}

/** A module that Debian has packaged for its Python. */
export function pythonNeed(module: string, debianPackage: string): Need {
  return { file: join("/usr/lib/python3/dist-packages", module), from: `Debian's ${debianPackage}` };
}
