import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { PARTS } from "../composition/parts.ts";
import type { Door, PartName } from "../functions/door.ts";
import { doors as table } from "../functions/routes.ts";
import { ROOT } from "./paths.ts";
import { StartError } from "./start-error.ts";

/** Health, readiness and `/capabilities`: whoever runs a Worker of any door needs them. */
const ALWAYS = "system";
/** Where the Worker's own sources are. */
const ROUTES = join(ROOT, "functions", "routes.ts");
/** DNS has labels of at most 63 characters, and an environment adds its own name. */
const MAX_NAME_CHARS = 50;

/** Some of the doors, and what they rest on. */
export interface DoorSubset {
  /** In the order of `functions/routes.ts`, with the door that is always there. */
  readonly doors: readonly Door[];
  /** In alphabetical order. */
  readonly parts: readonly PartName[];
  /** The classes of Durable Objects that it exports. */
  readonly classes: readonly string[];
  /** For names of folders and Workers: the doors that were asked for. */
  readonly id: string;
  /** What those who asked for it should know: a door that does less without another. */
  readonly notes: readonly string[];
}

/**
 * Reads a list of doors, as `DOORS=rest,sse` has it. Undefined where all of them are meant.
 *
 * @throws StartError naming what it does not know, and what it knows
 */
export function parseDoors(text: string | undefined): readonly string[] | undefined {
  const names = (text ?? "")
    .split(",")
    .map((name) => name.trim())
    .filter((name) => name !== "");
  return names.length === 0 || names.includes("all") ? undefined : chooseDoors(names).map(({ name }) => name);
}

/**
 * What a Worker of some doors is made of.
 *
 * @throws StartError
 */
export function createSubset(names: readonly string[]): DoorSubset {
  const doors = chooseDoors(names);
  const parts = collectParts(doors.flatMap(({ needs }) => needs));
  const own = doors.filter(({ name }) => name !== ALWAYS);
  const made = parts.flatMap((part) => [...PARTS[part].classes, ...PARTS[part].createdClasses]);
  return {
    doors,
    parts,
    classes: ["Channel", "Directory", "Relay", ...made],
    id: own.map(({ name }) => name).join("+") || ALWAYS,
    notes: own.flatMap(({ name, wants = {} }) =>
      Object.entries(wants)
        .filter(([other]) => !doors.some((door) => door.name === other))
        .map(([other, without]) => `${name} without ${other}: ${without}.`),
    ),
  };
}

function chooseDoors(names: readonly string[]): readonly Door[] {
  const known = table.map(({ name }) => name);
  const unknown = names.filter((name) => !known.includes(name));
  if (unknown.length > 0) {
    const said = unknown.map((name) => JSON.stringify(name)).join(", ");
    throw new StartError(`DOORS: there is no door ${said}. There are ${known.join(", ")}.`);
  }
  return table.filter(({ name }) => name === ALWAYS || names.includes(name));
}

function collectParts(needed: readonly PartName[]): readonly PartName[] {
  const found = new Set<PartName>();
  const add = (part: PartName): void => {
    if (found.has(part)) return;
    found.add(part);
    PARTS[part].needs.forEach(add);
  };
  needed.forEach(add);
  return [...found].sort();
}

/**
 * `functions/routes.ts` with some of its lines: that stays the one table, its order and how each door is made.
 *
 * @param folder the way from the written file to `functions/`
 */
export function toRoutesSource({ doors }: DoorSubset, folder: string): string {
  const kept = new Set(doors.map(({ name }) => name));
  const dropped: string[] = [];
  const lines = readFileSync(ROUTES, "utf8").split("\n");
  const imports = lines.filter((line) => {
    const [, names = "", door] = /^import \{ (.+) \} from "\.\/([a-z-]+)\/index\.ts";$/.exec(line) ?? [];
    if (door === undefined || kept.has(door)) return true;
    dropped.push(names.split(" ").at(-1) ?? "");
    return false;
  });
  return imports
    .filter((line) => !dropped.some((name) => new RegExp(`^ {2}${name}[,(]`).test(line)))
    .join("\n")
    .replaceAll(' from "./', ` from "${folder}/`);
}

/**
 * The entry of a Worker: `worker.ts` is what this gives for all doors.
 *
 * @param folder the way from the written file to the repository's root
 * @param routes the way from there to its table of doors
 */
export function toWorkerSource({ parts }: DoorSubset, folder: string, routes: string): string {
  const imports = parts.map((part) => {
    const names = [...PARTS[part].createdClasses.map(toFactory), toVariable(part)].sort();
    return `import { ${names.join(", ")} } from "${folder}/composition/${part}.ts";`;
  });
  const exported = parts
    .filter((part) => PARTS[part].classes.length > 0)
    .map((part) => `export { ${PARTS[part].classes.join(", ")} } from "${folder}/composition/${part}.ts";`);
  const created = parts
    .flatMap((part) => PARTS[part].createdClasses)
    .sort()
    .map((name) => `export const ${name} = ${toFactory(name)}(compose);`);
  return [
    `import { createCompose, toHandlers } from "${folder}/composition/compose.ts";`,
    ...imports,
    `import { doors } from "${routes}";`,
    "",
    ...exported,
    `export { Channel } from "${folder}/durable-objects/channel.ts";`,
    `export { Directory } from "${folder}/durable-objects/directory.ts";`,
    `export { Relay } from "${folder}/durable-objects/relay.ts";`,
    "",
    `const compose = createCompose(doors, [${parts.map(toVariable).join(", ")}]);`,
    "",
    ...created,
    ...(created.length > 0 ? [""] : []),
    "export default toHandlers(doors, compose);",
    "",
  ].join("\n");
}

/** What a Worker of some doors is called where the whole is called `name`, so that neither is deployed over the other. */
export function toSubsetName(name: string, { id }: DoorSubset): string {
  const full = `${name}-${id.replaceAll("+", "-")}`;
  if (full.length <= MAX_NAME_CHARS) return full;
  return `${name}-${createHash("sha256").update(id).digest("hex").slice(0, 8)}`;
}

function toFactory(className: string): string {
  return `create${className}`;
}

function toVariable(part: PartName): string {
  return part.replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());
}
