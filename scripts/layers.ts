import type { IForbiddenRuleType } from "dependency-cruiser";

/** A file of ours, against a package or a module of the runtime. */
const OURS =
  "^((worker|deno)\\.ts$|(composition|core|wire|guide|functions|durable-objects|services|proto|local|gateway|clients|web|bench|scripts|self-host|tests)/)";

/**
 * Who may import whom: the table of docs/architecture.md, as rules. Each says why it is there, since that is what
 * whoever meets it wants to know.
 */
export const LAYERS: readonly IForbiddenRuleType[] = [
  {
    name: "no-cycles",
    comment:
      "Files that import each other can only be understood, tested and moved together. Take what both need out into a file of its own. Imports of types count: they tie the reader's head just the same.",
    severity: "error",
    from: {},
    to: { circular: true },
  },
  layer(
    "core",
    "^core/",
    ["^core/"],
    "Operations know no wire, no store and no runtime, so that every door and every edge can share them. What core needs of the outside is an interface in core/ports.ts, which services/ implements.",
  ),
  {
    name: "core-packages",
    comment:
      "core/ uses the schema library and nothing else from npm: a package there is one that every door and every runtime has to carry.",
    severity: "error",
    from: { path: "^core/" },
    to: { pathNot: ["^core/", "^(node_modules/)?zod(-openapi)?(/|$)"] },
  },
  {
    name: "wire",
    comment:
      "Codecs are pure functions between bytes and values, used by the Worker, the gateway and the clients alike: they import nothing but each other.",
    severity: "error",
    from: { path: "^wire/" },
    to: { pathNot: ["^wire/"] },
  },
  {
    name: "guide",
    comment:
      "The guide is data and pure functions that the Worker, the page and the command all carry: it imports nothing but itself, or each of them would carry that too.",
    severity: "error",
    from: { path: "^guide/" },
    to: { pathNot: ["^guide/"] },
  },
  layer(
    "door",
    "^functions/([^/]+)/",
    [
      "^core/",
      "^wire/",
      "^guide/",
      "^proto/gen/",
      "^functions/boundary/",
      "^functions/door\\.ts$",
      "^functions/$1/",
    ],
    "A door decodes, calls an operation and encodes. It knows no other door (or neither could be removed), no service and no Durable Object (they are reached through the ports of core/). What doors share is in functions/boundary/.",
    "^functions/boundary/",
  ),
  layer(
    "boundary",
    "^functions/boundary/",
    ["^core/", "^wire/", "^functions/boundary/", "^functions/door\\.ts$"],
    "functions/boundary/ is what all HTTP doors share, so it may know none of them, and reaches services only through the ports of core/.",
  ),
  layer(
    "routes",
    "^functions/routes(-deno)?\\.ts$",
    ["^functions/[^/]+/index\\.ts$", "^functions/door\\.ts$"],
    "The table of doors sees each door's index.ts and no more, so that removing a protocol is removing a line and a folder.",
  ),
  layer(
    "durable-objects",
    "^durable-objects/",
    ["^durable-objects/", "^core/", "^wire/"],
    "A Durable Object is a shell around a state machine. It answers whoever calls it, and must not depend on which doors or services there are.",
  ),
  layer(
    "services",
    "^services/",
    ["^services/", "^core/", "^wire/", "^durable-objects/"],
    "Services implement the ports of core/ with what a vendor or a Durable Object offers, and know no door.",
  ),
  {
    name: "services-objects-by-type",
    comment:
      "A service talks to a Durable Object over RPC: it needs the object's type (`import type`), never its code, or the object would be bundled into every edge that has none.",
    severity: "error",
    from: { path: "^services/" },
    to: { path: "^durable-objects/", dependencyTypesNot: ["type-only"] },
  },
  layer(
    "worker",
    "^(worker\\.ts$|composition/)",
    ["^(composition|core|wire|guide|functions|durable-objects|services|proto)/"],
    "worker.ts and composition/ are bundled and deployed: what serves development, the gateway and the tests stays out of them.",
  ),
  layer(
    "composition-doors",
    "^composition/",
    [
      "^(composition|core|wire|durable-objects|services)/",
      "^functions/boundary/",
      "^functions/door\\.ts$",
      "^functions/graphql/socket\\.ts$",
    ],
    "A part is put together with whichever doors a build names, so it may know none of them; only the object that holds GraphQL's connections has to know what is spoken on them.",
  ),
  layer(
    "parts-are-data",
    "^composition/parts\\.ts$",
    ["^functions/door\\.ts$"],
    "composition/parts.ts is read by the build, where no runtime is: it must not bring the runtime's modules with it.",
  ),
  layer(
    "deno",
    "^deno\\.ts$",
    ["^(core|wire|guide|functions|services|proto)/"],
    "deno.ts is the same composition for an edge without Durable Objects: what it reaches must load there, and cloudflare:workers does not.",
  ),
  layer(
    "proto",
    "^proto/",
    ["^proto/"],
    "Generated code depends on what it was generated from, and on nothing here.",
  ),
  layer(
    "local",
    "^local/",
    ["^local/", "^core/"],
    "What stands in for a cloud service must not know who calls it, or it would prove nothing about the real one.",
  ),
  layer(
    "gateway",
    "^gateway/",
    ["^gateway/", "^wire/", "^proto/gen/"],
    "The gateway reaches the Worker through its public doors only, so that it can stand on another machine.",
  ),
  layer(
    "clients",
    "^clients/",
    ["^clients/", "^wire/", "^guide/", "^proto/gen/"],
    "A client is shipped to others: it must not carry the server with it.",
  ),
  layer(
    "web",
    "^web/",
    ["^web/", "^clients/", "^wire/", "^guide/", "^proto/gen/"],
    "The page is a client like any other: it speaks each wire as anybody could, with what is published of it, and carries nothing of the server.",
  ),
  layer(
    "bench",
    "^bench/",
    ["^bench/", "^clients/", "^wire/", "^scripts/"],
    "What is measured is what a client sees, so the lab starts the server by scripts/, goes through clients/, and not into the server. The codecs of wire/ are the clients' too: readers on bare sockets, which are charged for no library, frame by them.",
  ),
  layer(
    "scripts",
    "^scripts/",
    ["^scripts/", "^core/", "^functions/(routes|door)\\.ts$", "^composition/parts\\.ts$", "^local/"],
    "The commands start the built Worker from outside. They read the tables of doors and of parts, and the names of the limits, and nothing else of it.",
  ),
  layer(
    "self-host",
    "^self-host/",
    ["^self-host/", "^scripts/"],
    "What stands around the Worker on a machine of one's own is put beside the built Worker (scripts/build-workerd.ts), and must serve any: it shares the commands' settings and ports, and imports nothing of the Worker.",
    "^self-host/workers/",
  ),
  layer(
    "self-host-workers",
    "^self-host/workers/",
    ["^self-host/workers/"],
    "These run in workerd beside the built Worker, as modules of their own: an import of its sources would be a second copy of them, and one of the commands needs Node.",
  ),
];

/** A rule for our own folders: files in `from` may import only what `may` lists. Packages are not its business. */
function layer(
  name: string,
  from: string,
  may: readonly string[],
  why: string,
  exceptFrom?: string,
): IForbiddenRuleType {
  return {
    name,
    comment: why,
    severity: "error",
    from: exceptFrom === undefined ? { path: from } : { path: from, pathNot: exceptFrom },
    to: { path: OURS, pathNot: [...may] },
  };
}
