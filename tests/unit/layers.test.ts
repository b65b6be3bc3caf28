import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { findViolations } from "../../scripts/check-layers.ts";

let tree: string | undefined;

afterEach(() => {
  if (tree !== undefined) rmSync(tree, { recursive: true });
  tree = undefined;
});

/** Writes a tree of sources, and gives the rules that it breaks. */
async function brokenRules(files: Readonly<Record<string, string>>): Promise<readonly string[]> {
  tree = mkdtempSync(join(tmpdir(), "everywire-layers-"));
  for (const [path, source] of Object.entries(files)) {
    mkdirSync(dirname(join(tree, path)), { recursive: true });
    writeFileSync(join(tree, path), source);
  }
  const violations = await findViolations(tree);
  for (const { why } of violations) expect(why).not.toBe("");
  return [...new Set(violations.map(({ rule }) => rule))];
}

const value = "export const value = 1;";
const type = "export interface Thing {}";

describe("the layer check", () => {
  it("lets a door use core, wire, the boundary and its own files", async () => {
    const files = {
      "core/a.ts": value,
      "wire/a.ts": value,
      "functions/boundary/a.ts": `export { value } from "../../core/a.ts";`,
      "functions/sse/encode.ts": `export { value } from "../../wire/a.ts";`,
      "functions/sse/index.ts": `import "./encode.ts"; import "../boundary/a.ts"; import "hono"; import "node:fs";`,
      "functions/routes.ts": `import "./sse/index.ts";`,
    };
    expect(await brokenRules(files)).toEqual([]);
  });

  it.each([
    ["a door that imports another door", "door", "functions/sse/index.ts", "functions/rest/encode.ts"],
    ["a door that imports a service", "door", "functions/sse/index.ts", "services/tokens.ts"],
    ["a door that imports a Durable Object", "door", "functions/sse/index.ts", "durable-objects/channel.ts"],
    ["a boundary that knows a door", "boundary", "functions/boundary/app.ts", "functions/sse/index.ts"],
    ["a route table that sees past index.ts", "routes", "functions/routes.ts", "functions/sse/handler.ts"],
    ["core that imports a door", "core", "core/a.ts", "functions/door.ts"],
    ["a codec that imports core", "wire", "wire/sse.ts", "core/event.ts"],
    ["a guide that imports a codec", "guide", "guide/choose.ts", "wire/sse.ts"],
    ["a Durable Object that imports a service", "durable-objects", "durable-objects/a.ts", "services/a.ts"],
    ["a service that imports a door", "services", "services/a.ts", "functions/sse/index.ts"],
    ["a gateway that imports the Worker's inside", "gateway", "gateway/main.ts", "core/a.ts"],
    ["a client that imports the server", "clients", "clients/a.ts", "core/a.ts"],
    ["a page that imports the server", "web", "web/a.ts", "functions/sse/index.ts"],
    ["a stand-in that imports a door", "local", "local/qstash.ts", "functions/queue/index.ts"],
    ["a Worker that imports the gateway", "worker", "worker.ts", "gateway/main.ts"],
    ["a part that imports a door", "composition-doors", "composition/a.ts", "functions/sse/index.ts"],
    ["a part that imports the gateway", "worker", "composition/a.ts", "gateway/main.ts"],
    ["a table of parts that runs one", "parts-are-data", "composition/parts.ts", "composition/compose.ts"],
    ["a script that imports a part", "scripts", "scripts/a.ts", "composition/compose.ts"],
    ["what starts workerd and imports the Worker", "self-host", "self-host/a.ts", "core/a.ts"],
    [
      "a program beside the Worker that imports a command",
      "self-host-workers",
      "self-host/workers/a.ts",
      "scripts/a.ts",
    ],
    ["a Deno edge that imports a Durable Object", "deno", "deno.ts", "durable-objects/channel.ts"],
    ["a script that imports a service", "scripts", "scripts/a.ts", "services/a.ts"],
    ["source that imports a test", "core", "core/a.ts", "tests/unit/a.ts"],
  ])("names %s, also where it imports only a type", async (_name, rule, from, to) => {
    const path = `${"../".repeat(from.split("/").length - 1) || "./"}${to}`;
    expect(await brokenRules({ [from]: `import { value } from "${path}"; value;`, [to]: value })).toContain(
      rule,
    );
    rmSync(tree ?? "", { recursive: true });
    expect(await brokenRules({ [from]: `import type { Thing } from "${path}";`, [to]: type })).toContain(
      rule,
    );
    rmSync(tree ?? "", { recursive: true });
    expect(await brokenRules({ [from]: `export type A = import("${path}").Thing;`, [to]: type })).toContain(
      rule,
    );
  });

  it("names a package in core that is not the schema library", async () => {
    expect(await brokenRules({ "core/a.ts": `import "hono";` })).toEqual(["core-packages"]);
    rmSync(tree ?? "", { recursive: true });
    expect(await brokenRules({ "core/a.ts": `import "zod";` })).toEqual([]);
  });

  it("lets a service import a Durable Object's type, and not its code", async () => {
    const object = "export class Channel {}";
    const asType = `import type { Channel } from "../durable-objects/channel.ts"; export type A = Channel;`;
    const asCode = `import { Channel } from "../durable-objects/channel.ts"; new Channel();`;
    expect(await brokenRules({ "services/a.ts": asType, "durable-objects/channel.ts": object })).toEqual([]);
    rmSync(tree ?? "", { recursive: true });
    expect(await brokenRules({ "services/a.ts": asCode, "durable-objects/channel.ts": object })).toEqual([
      "services-objects-by-type",
    ]);
  });

  it("names a cycle, also one of types alone", async () => {
    const files = {
      "core/a.ts": `import type { B } from "./b.ts"; export interface A { b: B }`,
      "core/b.ts": `import type { A } from "./a.ts"; export interface B { a: A }`,
    };
    expect(await brokenRules(files)).toEqual(["no-cycles"]);
  });
});
