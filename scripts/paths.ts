import { join, resolve } from "node:path";

/** The repository. */
export const ROOT = resolve(import.meta.dirname, "..");

/** The Worker, bundled: what `npm start` serves and the tests run against. */
export const BUNDLE = join(ROOT, "dist", "worker.js");

/** Where Workers of some doors are built, each in a folder of its own. */
export const SUBSETS = join(ROOT, "dist", "doors");

/** The page, built: what a deploy uploads as assets. */
export const PAGE = join(ROOT, "dist", "web");

export const WRANGLER_CONFIG = join(ROOT, "wrangler.toml");

/** Beside each bundle: how the runtime is to be set up for it (see `build.ts`). */
export const OPTIONS_FILE = "options.json";

/** The stand-in for QStash: a Worker of its own, for development only. */
export const QSTASH_BUNDLE = join(ROOT, "dist", "qstash", "worker.js");

export const QSTASH_CONFIG = join(ROOT, "local", "qstash", "wrangler.toml");

/** The TypeScript client, as a package (see `build-client.ts`). */
export const CLIENT = join(ROOT, "dist", "client");

/** The Worker for `workerd serve` (see `build-workerd.ts`). */
export const WORKERD = join(ROOT, "dist", "workerd");

/** Where state is kept, unless the caller says otherwise. */
export function toStateDirectory(environment: NodeJS.ProcessEnv): string {
  return resolve(ROOT, environment.EVERYWIRE_STATE || ".everywire");
}

/** The gateway. It starts the part of it that runs under Deno. */
export const GATEWAY = join(ROOT, "gateway", "main.ts");

/** One of the installed commands. */
export function toBinary(name: string): string {
  return join(ROOT, "node_modules", ".bin", name);
}
