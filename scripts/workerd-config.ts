import type { TcpPortName } from "../core/settings.ts";
import type { CapnpStruct } from "./capnp-text.ts";
import { CapnpEmbed, encodeCapnp } from "./capnp-text.ts";
import { StartError } from "./start-error.ts";

/** What `build.ts` saved of a Worker's configuration (options.json), as far as it is known here. */
export interface SavedOptions {
  readonly compatibilityDate: string;
  readonly compatibilityFlags: readonly string[];
  readonly bindings: Readonly<Record<string, unknown>>;
  readonly durableObjects: Readonly<
    Record<string, { readonly className: string; readonly useSQLite: boolean }>
  >;
  readonly cronTriggers?: readonly string[];
  readonly [kind: string]: unknown;
}

/** A Worker, and its modules: files beside the configuration, the first of which is the Worker itself. */
export interface WorkerFiles {
  readonly options: SavedOptions;
  readonly modules: readonly string[];
}

export interface WorkerdConfigOptions {
  readonly worker: WorkerFiles;
  readonly qstash: WorkerFiles;
  /** The two small Workers beside it. */
  readonly outbound: string;
  readonly pageFiles: string;
  /** What the page's files are (self-host/workers/page-files.ts). */
  readonly pageManifest: Readonly<Record<string, { readonly type: string; readonly etag: string }>>;
  /** Taken from the environment when workerd starts. */
  readonly variables: readonly string[];
  readonly qstashVariables: readonly string[];
}

/** Where the Worker finds the stand-in for QStash, where no `QSTASH_URL` is set: a name that leads nowhere but there. */
export const STAND_IN_URL = "http://qstash.localhost";

/** Where each socket listens unless the command line says otherwise. */
export const SOCKETS = {
  http: { variable: "PORT", usual: 8787 },
  tcp: { variable: "TCP_PORT", usual: 7101 },
  mqtt: { variable: "MQTT_PORT", usual: 7183 },
} as const satisfies Record<string, { readonly variable: "PORT" | TcpPortName; readonly usual: number }>;

/** Settings that name a service of the operator's own, which may well be in a private network. */
const SERVICE_VARIABLES = [
  "UPSTASH_REDIS_REST_URL",
  "QSTASH_URL",
  "SVIX_SERVER_URL",
  "JWKS_URL",
  "DNS_RESOLVER_URL",
  "GATEWAY_HEALTH_URL",
];

/** Kinds that the generator writes, or that need nothing here. */
const KNOWN_KINDS = new Set([
  "rootPath",
  "compatibilityDate",
  "compatibilityFlags",
  "bindings",
  "durableObjects",
  "cronTriggers",
  "assets",
  // It has `send_email: []` in it even where nothing is configured.
  "email",
  // Workerd has none of its own: the Worker then counts by itself.
  "ratelimits",
]);

/**
 * The configuration of `workerd serve` for the Worker, the stand-in for QStash, and what stands around them, from what
 * wrangler.toml says. All paths are relative to the configuration, but those of folders, which workerd takes from where it is started:
 * `--directory-path` sets them.
 *
 * @throws StartError where wrangler.toml has a binding that workerd cannot be given
 */
export function formatWorkerdConfig(options: WorkerdConfigOptions): string {
  const { worker, qstash, variables, qstashVariables } = options;
  const fromEnvironment = (names: readonly string[]) =>
    names.map((name): CapnpStruct => ({ name, fromEnvironment: name }));
  const plain = { compatibilityDate: worker.options.compatibilityDate };
  const config: CapnpStruct = {
    services: [
      {
        name: "everywire",
        worker: {
          ...toWorker("everywire", worker),
          bindings: [
            ...toBindings(worker.options, variables),
            ...fromEnvironment(variables),
            ...(worker.options.assets === undefined ? [] : [{ name: "ASSETS", service: "page-files" }]),
          ],
          globalOutbound: "outbound",
        },
      },
      {
        name: "qstash",
        worker: {
          ...toWorker("qstash", qstash),
          bindings: [
            ...toBindings(qstash.options, qstashVariables),
            ...fromEnvironment(qstashVariables),
            { name: "EVERYWIRE", service: "everywire" },
          ],
          globalOutbound: "outbound",
        },
      },
      {
        name: "outbound",
        worker: {
          ...plain,
          modules: [toModule(options.outbound)],
          bindings: [
            { name: "PUBLIC_NETWORK", service: "public-network" },
            { name: "ANY_NETWORK", service: "any-network" },
            { name: "QSTASH_STAND_IN", service: "qstash" },
            { name: "QSTASH_STAND_IN_URL", text: STAND_IN_URL },
            { name: "SERVICE_VARIABLES", json: JSON.stringify(SERVICE_VARIABLES) },
            ...fromEnvironment([...SERVICE_VARIABLES, "ALLOW_PRIVATE_WEBHOOKS"]),
          ],
        },
      },
      {
        name: "page-files",
        worker: {
          ...plain,
          modules: [toModule(options.pageFiles)],
          bindings: [
            { name: "FOLDER", service: "page" },
            { name: "MANIFEST", json: JSON.stringify(options.pageManifest) },
          ],
          globalOutbound: "public-network",
        },
      },
      { name: "page", disk: { path: "page" } },
      { name: "state", disk: { path: "state", writable: true } },
      toNetwork("public-network", ["public"]),
      toNetwork("any-network", ["public", "private"]),
    ],
    sockets: [
      { name: "http", address: `127.0.0.1:${SOCKETS.http.usual}`, http: {}, service: "everywire" },
      { name: "tcp", address: `127.0.0.1:${SOCKETS.tcp.usual}`, tcp: {}, service: "everywire" },
      { name: "mqtt", address: `127.0.0.1:${SOCKETS.mqtt.usual}`, tcp: {}, service: "everywire" },
      {
        name: "control",
        address: "unix:control.sock",
        http: {},
        service: { name: "everywire", entrypoint: "Control" },
      },
    ],
  };
  return [
    "# Generated by `npm run build:workerd` from wrangler.toml.",
    'using Workerd = import "/workerd/workerd.capnp";',
    "",
    `const config :Workerd.Config = ${encodeCapnp(config)};`,
    "",
  ].join("\n");
}

function toWorker(name: string, { options, modules }: WorkerFiles): CapnpStruct {
  assertKnownKinds(name, options);
  const classes = Object.values(options.durableObjects);
  return {
    modules: modules.map(toModule),
    compatibilityDate: options.compatibilityDate,
    compatibilityFlags: options.compatibilityFlags,
    durableObjectNamespaces: classes.map(({ className, useSQLite }) => ({
      className,
      // As Miniflare makes it: part of every object's place on disk, so that state which `npm start` wrote opens here.
      uniqueKey: `${name}-${className}`,
      enableSql: useSQLite,
    })),
    durableObjectStorage: { localDisk: "state" },
  };
}

function toModule(name: string): CapnpStruct {
  return { name, esModule: new CapnpEmbed(name) };
}

function toBindings(options: SavedOptions, variables: readonly string[]): readonly CapnpStruct[] {
  const texts = Object.entries(options.bindings).filter(([name]) => !variables.includes(name));
  return [
    ...Object.entries(options.durableObjects).map(([name, { className }]) => ({
      name,
      durableObjectNamespace: className,
    })),
    ...texts.map(([name, value]) =>
      typeof value === "string" ? { name, text: value } : { name, json: JSON.stringify(value) },
    ),
  ];
}

function toNetwork(name: string, allow: readonly string[]): CapnpStruct {
  return { name, network: { allow, tlsOptions: { trustBrowserCas: true } } };
}

/** A binding that was left out in silence would be missed at a request, in production. */
function assertKnownKinds(name: string, options: SavedOptions): void {
  for (const [kind, value] of Object.entries(options)) {
    const isEmpty = typeof value === "object" && value !== null && Object.keys(value).length === 0;
    if (isEmpty || KNOWN_KINDS.has(kind)) continue;
    throw new StartError(`wrangler.toml of '${name}' has ${kind}, which 'workerd serve' is not given here.`);
  }
}
