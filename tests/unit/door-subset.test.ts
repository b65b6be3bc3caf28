import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import type { Ports } from "../../core/ports.ts";
import type { Door, PartName } from "../../functions/door.ts";
import { doors } from "../../functions/routes.ts";
import { createSubset, toRoutesSource, toSubsetName, toWorkerSource } from "../../scripts/door-subset.ts";
import { ROOT } from "../../scripts/paths.ts";
import { toSubsetConfig } from "../../scripts/subset-config.ts";

const all = createSubset(doors.map(({ name }) => name));

describe("a subset of the doors", () => {
  it("is worker.ts and functions/routes.ts, to the letter, where it is all of them", () => {
    const own = (path: string) => readFileSync(join(ROOT, path), "utf8");
    expect(toWorkerSource(all, ".", "./functions/routes.ts")).toBe(own("worker.ts"));
    expect(toRoutesSource(all, ".")).toBe(own("functions/routes.ts"));
  });

  it("takes the parts that its doors need, and what those need, and the system's door", () => {
    const { doors: chosen, parts, classes, id } = createSubset(["stream", "sse"]);
    expect(chosen.map(({ name }) => name)).toEqual(["sse", "stream", "system"]);
    expect(parts).toEqual(["jobs", "records"]);
    expect(classes).toEqual(["Channel", "Directory", "Relay", "Job", "Records"]);
    expect(id).toBe("sse+stream");
  });

  it("says what a door is without another", () => {
    expect(createSubset(["rest"]).notes).toEqual([
      expect.stringMatching(/^rest without queue: orders stay pending/),
    ]);
    expect(createSubset(["rest", "queue"]).notes).toEqual([]);
  });

  it("wants only doors that there are", () => {
    const names = doors.map(({ name }) => name);
    for (const { wants = {} } of doors) expect(names).toEqual(expect.arrayContaining(Object.keys(wants)));
  });

  it("has names that fit into a host's name", () => {
    expect(toSubsetName("everywire", createSubset(["rest", "sse"]))).toBe("everywire-sse-rest");
    expect(toSubsetName("everywire", all)).toMatch(/^everywire-[0-9a-f]{8}$/);
  });

  it("binds only the objects that it exports, declared so that more can come", async () => {
    const directory = join(ROOT, "dist", "doors", "any");
    const sse = (await toSubsetConfig(createSubset(["sse"]), directory)) as Record<string, unknown>;
    expect(sse).toMatchObject({
      name: "everywire-sse",
      durable_objects: {
        bindings: [
          { name: "CHANNEL", class_name: "Channel" },
          { name: "RELAY", class_name: "Relay" },
          { name: "DIRECTORY", class_name: "Directory" },
        ],
      },
      exports: {
        Channel: { type: "durable-object", storage: "sqlite" },
        Relay: { type: "durable-object", storage: "sqlite" },
        Directory: { type: "durable-object", storage: "sqlite" },
      },
    });
    expect(Object.keys(sse)).not.toEqual(expect.arrayContaining(["migrations"]));
    expect(sse.assets).toBeUndefined();
    expect(sse.triggers).toBeUndefined();
    const page = await toSubsetConfig(createSubset(["page", "rest"]), directory);
    expect(page).toMatchObject({ assets: { directory: "../../web" }, triggers: { crons: ["* * * * *"] } });
  });
});

/** The part that each port comes with; undefined for what every Worker has. */
const PART_OF: Readonly<Record<keyof Ports, PartName | undefined>> = {
  channels: undefined,
  directory: undefined,
  sockets: undefined,
  tokens: undefined,
  gateway: undefined,
  records: "records",
  outbox: "records",
  queue: "queue",
  workQueues: "queue",
  jobs: "jobs",
  socketHosts: "graphql-sockets",
  mqttSessions: "mqtt",
  webhooks: "webhooks",
  webhookSources: "webhooks",
  names: "webhooks",
};

/** It asks each part whether it is there. */
const ASKS_OF_ALL = "core/operations/check-readiness.ts";

/** The names of ports in the sources that a door reaches; what all doors share reaches none that may be absent. */
function portsOf({ name }: Door): ReadonlySet<string> {
  const found = new Set<string>();
  const seen = new Set<string>();
  const visit = (path: string): void => {
    if (seen.has(path) || path === ASKS_OF_ALL || !/^(functions\/(?!boundary)|core\/operations)/.test(path))
      return;
    seen.add(path);
    const source = readFileSync(join(ROOT, path), "utf8");
    for (const [, port = ""] of source.matchAll(/\bports\.([a-zA-Z]+)/g)) found.add(port);
    for (const [, ports = ""] of source.matchAll(/\{ ([a-zA-Z, ]+) \} = [^;]*\.ports;/g)) {
      for (const port of ports.split(", ")) found.add(port);
    }
    for (const [, imported = ""] of source.matchAll(
      /^(?:import|export) (?!type\b)[^;]*? from "(\.[^"]+)";/gms,
    )) {
      visit(join(dirname(path), imported));
    }
  };
  visit(`functions/${name}/index.ts`);
  return found;
}

describe("what a door needs", () => {
  it.each(doors.map((door) => [door.name, door] as const))(
    "%s names every part whose ports it reaches",
    (_, door) => {
      const { parts } = createSubset([door.name]);
      const reached = [...portsOf(door)].map((port) => PART_OF[port as keyof Ports]);
      const needed = new Set(reached.filter((part) => part !== undefined));
      expect(parts).toEqual(expect.arrayContaining([...needed]));
      // And what it names, it uses: or its Worker would carry it for nothing.
      expect([...needed]).toEqual(expect.arrayContaining([...door.needs]));
    },
  );
});
