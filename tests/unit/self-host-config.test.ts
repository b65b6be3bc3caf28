import { expect, it } from "vitest";
import { DEFAULT_LIMITS } from "../../core/limits.ts";
import { parseSettings } from "../../core/settings.ts";
import { parseWebhookSources } from "../../core/webhook-schemes/sources.ts";
import { CapnpEmbed, encodeCapnp } from "../../scripts/capnp-text.ts";
import { formatWorkerdConfig } from "../../scripts/workerd-config.ts";
import { toRuntimeEnvironment } from "../../self-host/environment.ts";

const OPTIONS = {
  compatibilityDate: "2026-10-01",
  compatibilityFlags: [],
  bindings: {},
  durableObjects: { CHANNEL: { className: "Channel", useSQLite: true } },
};

function format(more: object): string {
  return formatWorkerdConfig({
    worker: { options: { ...OPTIONS, ...more }, modules: ["main.js"] },
    qstash: { options: OPTIONS, modules: ["qstash.js"] },
    outbound: "outbound.js",
    pageFiles: "page-files.js",
    pageManifest: {},
    variables: ["JWT_SECRET"],
    qstashVariables: [],
  });
}

it("writes Cap'n Proto's text: bytes that are not plain are escaped one by one", () => {
  expect(encodeCapnp({ a: 'quote " and \\', b: true, c: undefined, d: [new CapnpEmbed("x.js")] })).toBe(
    '(a = "quote \\" and \\\\", b = true, d = [embed "x.js"])',
  );
  expect(encodeCapnp("é\n")).toBe('"\\xc3\\xa9\\x0a"');
});

it("takes settings from the environment, and never writes one into the configuration", () => {
  const config = format({});
  expect(config).toContain('(name = "JWT_SECRET", fromEnvironment = "JWT_SECRET")');
  expect(config).toContain('uniqueKey = "everywire-Channel"');
});

it("stops at a binding that workerd could not be given", () => {
  expect(() => format({ kvNamespaces: { CACHE: { id: "1" } } })).toThrow("kvNamespaces");
  expect(format({ kvNamespaces: {}, ratelimits: { REQUEST_RATE: {} } })).not.toContain("REQUEST_RATE");
});

it("reads null, which workerd gives for a variable that is not set, as none", () => {
  const unset = { MAX_EVENT_BYTES: null, TCP_PORT: null, PUBLIC_URL: null, RATE_LIMITS: null };
  expect(parseSettings(unset)).toEqual(parseSettings({}));
  expect(parseSettings(unset).limits).toEqual(DEFAULT_LIMITS);
  expect(parseWebhookSources({ GITHUB_WEBHOOK_SECRET: null, WEBHOOK_SOURCES: null }).size).toBe(0);
});

it("gives workerd the settings alone, and the stand-in only where there is no QStash", () => {
  const secret = { JWT_SECRET: "0".repeat(32), HOME: "/home/somebody" };
  const own = toRuntimeEnvironment({ ...secret, QSTASH_URL: "https://qstash.example" }, "/nowhere");
  expect(own).toEqual({
    JWT_SECRET: secret.JWT_SECRET,
    QSTASH_URL: "https://qstash.example",
    TCP_PORT: "7101",
    MQTT_PORT: "7183",
  });
});
