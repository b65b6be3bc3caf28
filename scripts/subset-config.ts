import { relative } from "node:path";
import type { DoorSubset } from "./door-subset.ts";
import { toSubsetName } from "./door-subset.ts";
import { PAGE, WRANGLER_CONFIG } from "./paths.ts";

/** What wrangler.toml says, as far as the doors make a difference; the rest is taken over as it is. */
interface RawSection {
  readonly durable_objects?: { readonly bindings?: readonly { readonly class_name: string }[] };
  readonly triggers?: unknown;
  readonly assets?: { readonly directory: string };
}

interface RawConfig extends RawSection {
  readonly name: string;
  readonly main: string;
  readonly migrations?: unknown;
  readonly env?: Readonly<Record<string, RawSection & { readonly name?: string }>>;
}

/** Doors that serve files of `dist/web`. */
const WITH_FILES = new Set(["page", "graphql"]);

/**
 * wrangler's configuration for a Worker of some doors: wrangler.toml with only the bindings that they need, in each of its
 * environments. Its classes are declared (`exports`) rather than migrated to: such a Worker may get more doors later, in
 * any order, and a list of migrations can only grow at its end.
 *
 * @param directory where the configuration will be, with the Worker's entry beside it
 */
export async function toSubsetConfig(subset: DoorSubset, directory: string): Promise<object> {
  const { experimental_readRawConfig } = await import("wrangler");
  const { rawConfig } = experimental_readRawConfig({ config: WRANGLER_CONFIG });
  const { migrations: _, env = {}, ...top } = rawConfig as RawConfig;
  const sections = Object.entries(env).map(([name, section]) => [
    name,
    {
      ...toSection(section, subset, directory),
      ...(section.name === undefined ? {} : { name: toSubsetName(section.name, subset) }),
    },
  ]);
  return {
    ...toSection(top, subset, directory),
    name: toSubsetName(top.name, subset),
    main: "worker.ts",
    exports: Object.fromEntries(
      subset.classes.map((name) => [name, { type: "durable-object", storage: "sqlite" }]),
    ),
    ...(sections.length === 0 ? {} : { env: Object.fromEntries(sections) }),
  };
}

function toSection(section: RawSection, { doors, classes, parts }: DoorSubset, directory: string): object {
  const { durable_objects, triggers, assets, ...rest } = section;
  const bindings = durable_objects?.bindings?.filter(({ class_name }) => classes.includes(class_name));
  const hasFiles = doors.some(({ name }) => WITH_FILES.has(name));
  return {
    ...rest,
    ...(bindings === undefined ? {} : { durable_objects: { bindings } }),
    // What is done every minute is for records in Redis.
    ...(triggers === undefined || !parts.includes("records") ? {} : { triggers }),
    ...(assets === undefined || !hasFiles
      ? {}
      : { assets: { ...assets, directory: relative(directory, PAGE) } }),
  };
}
