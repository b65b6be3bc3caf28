import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { experimental_readRawConfig } from "wrangler";
import { DEFAULT_LIMITS } from "../../core/limits.ts";
import { doors } from "../../functions/routes.ts";
import { createSubset } from "../../scripts/door-subset.ts";
import { WRANGLER_CONFIG } from "../../scripts/paths.ts";
import { toSubsetConfig } from "../../scripts/subset-config.ts";

/** What has to be the same in each environment. */
interface Section {
  readonly name?: string;
  readonly durable_objects?: {
    readonly bindings: readonly { readonly name: string; readonly class_name: string }[];
  };
  readonly ratelimits?: readonly {
    readonly name: string;
    readonly namespace_id: string;
    readonly simple: { readonly limit: number; readonly period: number };
  }[];
  readonly vars?: object;
  readonly services?: object;
  readonly kv_namespaces?: object;
  readonly queues?: object;
}

interface Config extends Section {
  readonly env: Readonly<Record<string, Section>>;
  readonly migrations: readonly { readonly tag: string; readonly new_sqlite_classes: readonly string[] }[];
}

const rawConfig = experimental_readRawConfig({ config: WRANGLER_CONFIG }).rawConfig as unknown as Config;
const environments = Object.entries(rawConfig.env);

/** What wrangler does not hand down to an environment, and this project uses. */
const NOT_INHERITED = [
  "durable_objects",
  "ratelimits",
  "vars",
  "services",
  "kv_namespaces",
  "queues",
] as const;

describe("wrangler.toml", () => {
  it("has staging and production, each a Worker of its own", () => {
    expect(environments.map(([name, { name: worker }]) => [name, worker])).toEqual([
      ["staging", "everywire-staging"],
      ["production", "everywire"],
    ]);
  });

  it.each(environments)("gives %s every binding that there is without an environment", (_, section) => {
    for (const key of NOT_INHERITED) {
      if (key === "ratelimits" || key === "vars") continue;
      expect(section[key], key).toEqual(rawConfig[key]);
    }
    const plain = (limits: typeof rawConfig.ratelimits) =>
      limits?.map(({ namespace_id: _id, ...rest }) => rest);
    expect(plain(section.ratelimits)).toEqual(plain(rawConfig.ratelimits));
  });

  it("lets channels sleep in a deploy, where they are billed, and not here", () => {
    expect(rawConfig.vars).toBeUndefined();
    for (const [, { vars }] of environments) expect(vars).toEqual({ FEED_STREAMS: "hibernating" });
  });

  it("counts the requests of each environment by itself, at the rate of core/limits.ts", () => {
    const limits = [rawConfig, ...environments.map(([, section]) => section)].flatMap(
      ({ ratelimits = [] }) => ratelimits,
    );
    expect(new Set(limits.map(({ namespace_id }) => namespace_id)).size).toBe(limits.length);
    for (const { simple } of limits)
      expect(simple.limit / simple.period).toBe(DEFAULT_LIMITS.REQUESTS_PER_SECOND);
  });

  it("migrates to every class that it binds, and each is exported", () => {
    const bound = rawConfig.durable_objects?.bindings.map(({ class_name }) => class_name) ?? [];
    const migrated = rawConfig.migrations.flatMap(({ new_sqlite_classes }) => new_sqlite_classes);
    expect([...migrated].sort()).toEqual([...bound].sort());
    expect(new Set(rawConfig.migrations.map(({ tag }) => tag)).size).toBe(rawConfig.migrations.length);
    expect([...createSubset(doors.map(({ name }) => name)).classes].sort()).toEqual([...bound].sort());
  });

  it("hands its environments on to a Worker of some doors", async () => {
    const subset = (await toSubsetConfig(createSubset(["sse"]), join("dist", "doors", "sse"))) as Config;
    const sections = Object.entries(subset.env);
    expect(sections.map(([name, section]) => [name, section.name])).toEqual([
      ["staging", "everywire-staging-sse"],
      ["production", "everywire-sse"],
    ]);
    for (const [, section] of sections) {
      expect(section.durable_objects).toEqual(subset.durable_objects);
      expect(section.ratelimits).toHaveLength(1);
      expect(section.vars).toEqual({ FEED_STREAMS: "hibernating" });
    }
  });
});
