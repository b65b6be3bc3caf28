import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { DoorSubset } from "../door-subset.ts";
import { ROOT } from "../paths.ts";

/** A driver of a door: what a test reads and writes with. */
interface Driver {
  /** The variable, and the file that it is in. */
  readonly name: string;
  readonly file: string;
}

/** Stand before the Worker, and not in it. */
const GATEWAY_DRIVERS = new Set(["grpc", "udp", "webtransport"]);
/** The door of each file of drivers, where their names differ. */
const DOOR_OF_FILE: Readonly<Record<string, string>> = {
  "grpc-web": "connect",
  "graphql-socket": "graphql",
  "lines-socket": "tcp",
};
/** It delivers later, and to endpoints that it makes itself. */
const NO_PUBLISHER = new Set(["queue"]);

/** The drivers of this repository's suite (tests/conformance/doors.ts) for the doors of a project. */
export function listDrivers({ doors }: DoorSubset): readonly Driver[] {
  const names = new Set(doors.map(({ name }) => name));
  const table = readFileSync(join(ROOT, "tests", "conformance", "doors.ts"), "utf8");
  return Array.from(table.matchAll(/^import \{ (.+) \} from "\.\/doors\/([a-z-]+)\.ts";$/gm)).flatMap(
    ([, variables = "", file = ""]) =>
      !GATEWAY_DRIVERS.has(file) && !NO_PUBLISHER.has(file) && names.has(DOOR_OF_FILE[file] ?? file)
        ? variables.split(", ").map((name) => ({ name, file }))
        : [],
  );
}

/** The project's own table of drivers. */
export function toDriversSource({ doors }: DoorSubset, drivers: readonly Driver[]): string {
  const files = [...new Set(drivers.map(({ file }) => file))];
  const promising = doors.filter(({ guarantees }) => guarantees !== undefined);
  const toList = (list: DoorSubset["doors"]) => JSON.stringify(list.map(({ name }) => name));
  return [
    'import type { DoorDriver } from "./door-driver.ts";',
    ...files.map((file) => {
      const names = drivers.filter((driver) => driver.file === file).map(({ name }) => name);
      return `import { ${names.join(", ")} } from "./doors/${file}.ts";`;
    }),
    "",
    "/** In the order of functions/routes.ts. */",
    `export const DOORS: readonly string[] = ${toList(doors)};`,
    "",
    "/** Those that carry channels, and whose guarantees `/capabilities` names. */",
    `export const CHANNEL_DOORS: readonly string[] = ${toList(promising)};`,
    "",
    `const drivers: readonly DoorDriver[] = [${drivers.map(({ name }) => name).join(", ")}];`,
    "",
    'type Publisher = DoorDriver & Required<Pick<DoorDriver, "publish">>;',
    'type ReadingDoor = DoorDriver & Required<Pick<DoorDriver, "read">>;',
    "",
    "export const publishers = drivers.filter((door): door is Publisher => door.publish !== undefined);",
    "export const readers = drivers.filter((door): door is ReadingDoor => door.read !== undefined);",
    "",
  ].join("\n");
}
