import { execFile } from "node:child_process";
import { randomUUID } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { build } from "esbuild";
import { convertV4MiniflareOptions, Miniflare } from "miniflare";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { buildClientIfStale, bundledBytes } from "../../scripts/build-client.ts";
import { CLIENT, toBinary } from "../../scripts/paths.ts";
import { orSkipped, whyMissing } from "./missing.ts";
import type { ServedTarget } from "./serve-target.ts";
import { serveTarget } from "./serve-target.ts";

const execute = promisify(execFile);
const PROGRAM = join(import.meta.dirname, "client-program.mjs");
/** Debian's: the oldest that is promised. */
const OLD_NODE = "/usr/bin/node";
const whyNoOldNode = whyMissing(OLD_NODE);
/** Gzipped. The README says so: who makes it larger has a reason to give there. */
const MAX_BASE_BYTES = 11 * 1024;

let target: ServedTarget;
let directory: string;
let main: string;
beforeAll(async () => {
  await buildClientIfStale();
  target = await serveTarget();
  directory = await mkdtemp(join(tmpdir(), "everywire-client-"));
  main = join(directory, "main.mjs");
  await writeFile(
    main,
    `import * as everywire from ${JSON.stringify(pathToFileURL(join(CLIENT, "index.js")).href)};
import { runClientProgram } from ${JSON.stringify(pathToFileURL(PROGRAM).href)};
const [url, channel] = (globalThis.Deno?.args ?? process.argv.slice(2));
console.log(JSON.stringify(await runClientProgram(everywire, url, channel)));`,
  );
});
afterAll(async () => {
  await target.stop();
  await rm(directory, { recursive: true, force: true });
});

const newChannel = () => `demo/${randomUUID()}`;

const whole = (first: string) => ({
  first,
  data: Array.from({ length: 40 }, (_, n) => n),
  sequences: 40,
  wires: { sse: 40, ndjson: 40, "long-poll": 40 },
  duplicate: true,
});

/** A process that ends by itself also shows that nothing is left behind which keeps it alive. */
async function run(command: string, options: readonly string[]): Promise<unknown> {
  const { stdout } = await execute(command, [...options, main, target.url, newChannel()], {
    timeout: 25_000,
  });
  return JSON.parse(stdout);
}

describe("the client, as a package", () => {
  const onOldNode = orSkipped(
    "runs on the Node of the machine: 20 has no WebSocket of its own",
    whyNoOldNode,
  );
  it.skipIf(whyNoOldNode)(onOldNode, async () => {
    const { stdout } = await execute(OLD_NODE, ["-p", "typeof WebSocket"]);
    expect(await run(OLD_NODE, [])).toEqual(whole(stdout.trim() === "function" ? "websocket" : "sse"));
  });

  it("runs on Node 24", async () => {
    expect(await run(process.execPath, [])).toEqual(whole("websocket"));
  });

  it("runs on Deno", async () => {
    expect(await run(toBinary("deno"), ["run", "--quiet", "--allow-net"])).toEqual(whole("websocket"));
  });

  it("runs in a Worker", async () => {
    const source = `import * as everywire from ${JSON.stringify(join(CLIENT, "index.js"))};
      import { runClientProgram } from ${JSON.stringify(PROGRAM)};
      export default { async fetch(request) {
        const { searchParams } = new URL(request.url);
        return Response.json(await runClientProgram(everywire, searchParams.get("url"), searchParams.get("channel")));
      } };`;
    const bundled = await build({
      stdin: { contents: source, resolveDir: directory },
      bundle: true,
      format: "esm",
      write: false,
      logLevel: "silent",
    });
    const miniflare = new Miniflare(
      convertV4MiniflareOptions({
        modules: true,
        script: bundled.outputFiles[0]?.text ?? "",
        compatibilityDate: "2026-10-01",
        cf: false,
      }),
    );
    const query = new URLSearchParams({ url: target.url, channel: newChannel() });
    const response = await miniflare.dispatchFetch(`http://localhost/?${query}`);
    expect(await response.json()).toEqual(whole("websocket"));
    await miniflare.dispose();
  });

  it("has types that a project resolves without any of ours", async () => {
    await writeFile(
      join(directory, "use.mts"),
      `import { connect } from "@everywire/client";
import { joinRoom } from "@everywire/client/chat";
const client = connect("http://localhost");
const id: Promise<string> = client.publish("demo/a", { type: "t", data: 1 }).then((published) => published.id);
const wrong: number = client.subscribe("demo/a").cursor;
export const text = [joinRoom(client, "lobby").members.map(({ name }) => name), id, wrong];`,
    );
    await writeFile(
      join(directory, "tsconfig.json"),
      JSON.stringify({
        compilerOptions: {
          module: "nodenext",
          target: "es2022",
          lib: ["ES2022", "DOM"],
          strict: true,
          noEmit: true,
          types: [],
          skipLibCheck: true,
          paths: {
            "@everywire/client": [join(CLIENT, "types/clients/typescript/index.d.ts")],
            "@everywire/client/chat": [join(CLIENT, "types/clients/typescript/chat.d.ts")],
          },
        },
        files: ["use.mts"],
      }),
    );
    const failed = await execute(toBinary("tsc"), ["-p", directory]).catch(
      (error: { stdout: string }) => error,
    );
    // The one mistake that is in it, and nothing else.
    expect(failed.stdout.match(/error TS\d+/g)).toEqual(["error TS2322"]);
  });

  it("stays small", () => {
    expect(bundledBytes()).toBeLessThan(MAX_BASE_BYTES);
  });
});
