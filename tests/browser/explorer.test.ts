import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ROOT } from "../../scripts/paths.ts";
import type { PageServer } from "./open-page.ts";
import { orSkipped, PATIENCE_MS, servePage, whyNoChromium } from "./open-page.ts";

const execute = promisify(execFile);

/** What `npx everywire` runs. */
const COMMAND = join(ROOT, "clients", "command", "everywire.mjs");

/** What proves that a call through a door did what it says: in the bytes that are shown, decoded. */
const PROOFS: Readonly<Record<string, Readonly<Record<string, RegExp>>>> = {
  http: { publish: /"sequence": "/, read: /"upToDate"/, presence: /"readers"/ },
  sse: { subscribe: /event: greeting\ndata: / },
  "long-poll": { read: /"timeout": false/ },
  ndjson: { publish: /"line": 1/, subscribe: /"type":\s?"greeting"/ },
  "durable-streams": {
    publish: /everywire-sequence: /,
    read: /"type": "greeting"/,
    subscribe: /event: control/,
  },
  websocket: { publish: /"op": "ack"/, subscribe: /"type": "greeting"/, presence: /"op": "who"/ },
  "json-rpc": {
    publish: /"result": \{/,
    read: /"upToDate"/,
    subscribe: /"method": "channel.event"/,
    presence: /"readers"/,
  },
  "graphql-sse": { publish: /"publish": \{/, subscribe: /event: next/ },
  "graphql-ws": { publish: /"type": "complete"/, subscribe: /"type": "next"/ },
  connect: { publish: /"sequence": "/, read: /"events": \[/, subscribe: /"type":"greeting"/ },
  "grpc-web": {
    publish: /everywire\.v1\.PublishResponse[\s\S]*grpc-status: 0/,
    read: /everywire\.v1\.ReadResponse/,
    subscribe: /everywire\.v1\.Event/,
  },
  mqtt: { publish: /puback[\s\S]*"sequence": "/, subscribe: /publish \{[\s\S]*"topic": / },
  tcp: { publish: /"op": "ack"/, subscribe: /"type":"greeting"/ },
  queue: { publish: /"messageId": "msg_/ },
};

describe.skipIf(whyNoChromium)(orSkipped("the explorer", whyNoChromium), () => {
  let server: PageServer;
  let page: Page;
  beforeAll(async () => {
    server = await servePage();
    page = await server.open("explorer");
    await page.getByLabel("Channel").fill("demo/explored");
  });
  afterAll(() => server?.stop());

  const choose = async (door: string, operation: string) => {
    await page.locator("[name=door]").selectOption(door);
    await page.locator(`[data-operation=${operation}]`).click();
  };
  const send = async (proof: RegExp) => {
    await page.getByRole("button", { name: "Send" }).click();
    const entries = page.locator(".transcript .entry.in");
    await expect
      .poll(async () => (await entries.allInnerTexts()).join("\n"), { timeout: PATIENCE_MS, interval: 50 })
      .toMatch(proof);
  };
  const snippet = async (language: string, door: string, operation: string) => {
    await choose(door, operation);
    await page.getByRole("tab", { name: language, exact: true }).click();
    const name = language === "Shell" ? "curl" : language.toLowerCase();
    return page.locator(`#snippet[data-shown="${door} ${operation} ${name}"] code`).innerText();
  };

  it("offers every door and operation that is proved here", async () => {
    const doors = await page
      .locator("[name=door] option")
      .evaluateAll((options) => options.map((option) => option.getAttribute("value")));
    expect(doors).toEqual(Object.keys(PROOFS));
    for (const door of Object.keys(PROOFS)) {
      await page.locator("[name=door]").selectOption(door);
      const operations = await page
        .locator("[data-operation]")
        .evaluateAll((all) => all.map((one) => one.getAttribute("data-operation")));
      expect([door, operations]).toEqual([door, Object.keys(PROOFS[door] ?? {})]);
    }
  });

  it("makes each call, and shows what came back", async () => {
    for (const [door, operations] of Object.entries(PROOFS)) {
      for (const [operation, proof] of Object.entries(operations)) {
        await choose(door, operation);
        await send(proof);
      }
    }
    expect(server.complaints).toEqual([]);
  });

  it("shows the exact bytes of binary frames", async () => {
    await choose("mqtt", "publish");
    await send(/puback/);
    await page.getByLabel("Show bytes").check();
    const hex = await page.locator(".entry.out .hex").allInnerTexts();
    // CONNECT, a length, and the protocol's name and version (MQTT 5 §3.1.2).
    expect(hex[0]).toMatch(/^0000 {2}10 [0-9a-f]{2} 00 04 4d 51 54 54 {2}05 /);
    expect(hex[1]).toMatch(/^0000 {2}32 /);
    await page.getByLabel("Show bytes").uncheck();
  });

  it("gives commands of curl that run as they are, binary bodies too", async () => {
    const calls = [
      ["http", "publish", /"sequence":"/],
      ["ndjson", "publish", /"line":1/],
      ["graphql-sse", "publish", /"duplicate":false/],
      ["connect", "read", /"events":\[/],
      ["grpc-web", "publish", /grpc-status: 0/],
      ["json-rpc", "read", /"upToDate"/],
    ] as const;
    // What a shell would take for its own.
    await page.locator("[name=door]").selectOption("http");
    await page.locator("[data-operation=publish]").click();
    await page.getByLabel("Data (JSON)").fill(`{"text":"it's $HOME & \\"more\\" \`ls\`"}`);
    for (const [door, operation, proof] of calls) {
      const command = await snippet("Shell", door, operation);
      expect(command).toContain("curl");
      const { stdout } = await execute("bash", ["-c", command], { timeout: PATIENCE_MS });
      expect([door, stdout]).toEqual([door, expect.stringMatching(proof)]);
    }
    const log = await (await fetch(`${server.url}/channels/demo/explored?after=earliest&limit=1000`)).json();
    const stored = (log as { events: { data: unknown }[] }).events.map(
      ({ data }) => (data as { text?: string }).text,
    );
    expect(stored.filter((text) => text === 'it\'s $HOME & "more" `ls`')).toHaveLength(4);
  });

  it("gives JavaScript and Python that run as they are", async () => {
    await page.getByLabel("Channel").fill("demo/explored");
    for (const [door, operation, proof] of [
      ["http", "publish", /201 .*"sequence":"/],
      ["websocket", "publish", /"op":"ack"/],
      ["graphql-ws", "publish", /"complete"/],
      ["grpc-web", "read", /200 /],
    ] as const) {
      const code = await snippet("JavaScript", door, operation);
      const { stdout } = await execute(process.execPath, ["--input-type=module", "-e", code], {
        timeout: PATIENCE_MS,
      });
      expect([door, stdout]).toEqual([door, expect.stringMatching(proof)]);
    }
    // Debian's Python has the libraries; where it has not, the syntax is still checked.
    for (const [door, operation] of [
      ["http", "publish"],
      ["websocket", "publish"],
      ["graphql-ws", "subscribe"],
      ["mqtt", "publish"],
      ["sse", "subscribe"],
    ] as const) {
      const code = await snippet("Python", door, operation);
      await execute("/usr/bin/python3", ["-c", `import ast, sys; ast.parse(sys.argv[1])`, code], {
        timeout: PATIENCE_MS,
      });
    }
  });

  it("gives everywire commands that run as they are, with the door and the cursor", async () => {
    const run = async (command: string) => {
      const [npx = "", name = "", ...rest] = command.split(" ");
      expect([npx, name]).toEqual(["npx", "everywire"]);
      return (
        await execute("bash", ["-c", `${process.execPath} ${COMMAND} ${rest.join(" ")}`], {
          timeout: PATIENCE_MS,
        })
      ).stdout;
    };
    expect(await run(await snippet("everywire", "http", "publish"))).toMatch(/[0-9a-z]+-0+[0-9a-z]+/);
    const follow = await snippet("everywire", "sse", "subscribe");
    expect(follow).toBe(`npx everywire sub demo/explored --via sse --after earliest --url ${server.url}`);
    expect(await run(`${follow} --limit 1`)).toContain("greeting");
  });

  it("says what is wrong with what was typed, and what the server refuses", async () => {
    await choose("http", "publish");
    await page.getByLabel("Data (JSON)").fill("not JSON");
    await page.getByRole("button", { name: "Send" }).click();
    await page.getByRole("alert").getByText("The data is no JSON").waitFor();
    await page.getByLabel("Data (JSON)").fill("1");
    await page.getByLabel("Channel").fill("private/room");
    await send(/401 Unauthorized[\s\S]*"code": "unauthenticated"/);
  });
});
