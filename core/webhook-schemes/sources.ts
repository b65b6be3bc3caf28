import * as z from "zod";
import { createGithubScheme } from "./github.ts";
import { createHmacScheme } from "./hmac.ts";
import type { WebhookScheme } from "./scheme.ts";
import type { HashName } from "./signature.ts";
import { createEd25519Verifier, createHmacVerifier, decodeBase64, decodeHex } from "./signature.ts";
import { createStandardScheme } from "./standard.ts";
import { createStripeScheme } from "./stripe.ts";

type Bytes = Uint8Array<ArrayBuffer>;

/** The sources that have a variable of their own. */
const VARIABLES = [
  { variable: "GITHUB_WEBHOOK_SECRET", scheme: "github" },
  { variable: "STRIPE_WEBHOOK_SECRET", scheme: "stripe" },
  { variable: "STANDARD_WEBHOOK_SECRET", scheme: "standard" },
] as const;

/** One segment of a channel's name: a source's events are on `webhooks/{source}`. */
const SOURCE_NAME = /^[A-Za-z0-9._~:@-]{1,64}$/;
/** Types that begin so are the log's own, or are not stored; a source's name begins the types of its events. */
const RESERVED_NAMES: ReadonlySet<string> = new Set([".", "..", "everywire", "presence", "chat"]);
/** A word of a passphrase is shorter than this, and must never become a secret by itself. */
const MIN_LISTED_SECRET_LENGTH = 16;
const ED25519_KEY_BYTES = 32;
const HASHES = { sha1: "SHA-1", sha256: "SHA-256", sha512: "SHA-512" } as const satisfies Record<
  string,
  HashName
>;

const headerName = z.string().regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}$/, "must be the name of a header");
const secretField = z.union([z.string().min(1), z.array(z.string().min(1)).min(1)]);

const sourceSchema = z.discriminatedUnion("scheme", [
  z.strictObject({ scheme: z.literal("github"), secret: secretField }),
  z.strictObject({ scheme: z.literal("stripe"), secret: secretField }),
  z.strictObject({ scheme: z.literal("standard"), secret: secretField }),
  z.strictObject({
    scheme: z.literal("hmac"),
    secret: secretField,
    secretEncoding: z.enum(["utf8", "hex", "base64"]).default("utf8"),
    header: headerName,
    algorithm: z.enum(["sha256", "sha512", "sha1"]).default("sha256"),
    encoding: z.enum(["hex", "base64"]).default("hex"),
    prefix: z.string().max(100).default(""),
    signedContent: z.string().max(1000).optional(),
    timestampHeader: headerName.optional(),
    toleranceSeconds: z.int().min(1).max(3600).default(300),
    idHeader: headerName.optional(),
    idField: z.string().min(1).max(100).optional(),
    typeHeader: headerName.optional(),
    typeField: z.string().min(1).max(100).default("type"),
  }),
]);

type SourceConfig = z.output<typeof sourceSchema>;
type HmacConfig = Extract<SourceConfig, { readonly scheme: "hmac" }>;

/**
 * Reads who may send webhooks here: `GITHUB_WEBHOOK_SECRET`, `STRIPE_WEBHOOK_SECRET`, `STANDARD_WEBHOOK_SECRET`, and any
 * more by name in `WEBHOOK_SOURCES`, as JSON.
 *
 * @throws Error naming the variable and what is wrong, and never a secret
 */
export function parseWebhookSources(
  env: Readonly<Record<string, unknown>>,
): ReadonlyMap<string, WebhookScheme> {
  const sources = new Map<string, WebhookScheme>();
  for (const { variable, scheme } of VARIABLES) {
    const text = env[variable];
    if (text === undefined || text === null || text === "") continue;
    if (typeof text !== "string" || text.trim() === "") throw new Error(`${variable} must be a secret.`);
    const config = { scheme, secret: splitSecrets(text) };
    sources.set(scheme, createScheme(scheme, config, variable));
  }
  for (const [name, config] of listConfigured(env.WEBHOOK_SOURCES)) {
    if (sources.has(name))
      throw new Error(`WEBHOOK_SOURCES: '${name}' has a variable of its own, which is set.`);
    sources.set(name, createScheme(name, config, `WEBHOOK_SOURCES: '${name}'`));
  }
  return sources;
}

function* listConfigured(value: unknown): Generator<readonly [name: string, config: SourceConfig], void> {
  if (value === undefined || value === null || value === "") return;
  const object = typeof value === "string" ? parseObject(value) : value;
  if (typeof object !== "object" || object === null || Array.isArray(object)) {
    throw new Error('WEBHOOK_SOURCES must be a JSON object, such as {"acme": {"scheme": "hmac", ...}}.');
  }
  for (const [name, source] of Object.entries(object)) {
    if (!SOURCE_NAME.test(name) || RESERVED_NAMES.has(name)) {
      throw new Error(`WEBHOOK_SOURCES: '${name.slice(0, 80)}' is no name that a source can have.`);
    }
    const { success, data, error } = sourceSchema.safeParse(source);
    if (!success) {
      const issues = error.issues.map(({ path, message }) => `${path.join(".") || "it"}: ${message}`);
      throw new Error(`WEBHOOK_SOURCES: '${name}' is not valid. ${issues.join("; ")}.`);
    }
    yield [name, data];
  }
}

function parseObject(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new Error("WEBHOOK_SOURCES must be JSON.");
  }
}

/** A value of a variable: one secret, or several for a rotation. Some senders let people choose a phrase with spaces. */
function splitSecrets(text: string): string[] {
  const parts = text.trim().split(/\s+/);
  const isList = parts.every(({ length }) => length >= MIN_LISTED_SECRET_LENGTH);
  return isList ? parts : [text.trim()];
}

function createScheme(name: string, config: SourceConfig, where: string): WebhookScheme {
  const secrets = typeof config.secret === "string" ? [config.secret] : config.secret;
  switch (config.scheme) {
    case "github":
      return createGithubScheme(createHmacVerifier(toBytes(secrets), "SHA-256"));
    case "stripe":
      return createStripeScheme(createHmacVerifier(toBytes(secrets), "SHA-256"));
    case "standard":
      return createStandard(name, secrets, where);
    case "hmac":
      return createHmac(name, config, secrets, where);
  }
}

/** `whsec_{base64}` (the prefix may be left out) for `v1`, `whpk_{base64}` for `v1a`. */
function createStandard(name: string, secrets: readonly string[], where: string): WebhookScheme {
  const symmetric: Bytes[] = [];
  const asymmetric: Bytes[] = [];
  for (const secret of secrets) {
    const [, prefix, text = ""] = /^(whsec_|whpk_)?(.*)$/s.exec(secret) ?? [];
    const bytes = decodeBase64(text);
    const isPublic = prefix === "whpk_";
    if (bytes === undefined || (isPublic && bytes.byteLength !== ED25519_KEY_BYTES)) {
      throw new Error(`${where}: a secret must be 'whsec_' or 'whpk_' and base64.`);
    }
    (isPublic ? asymmetric : symmetric).push(bytes);
  }
  const [first, ...more] = symmetric;
  return createStandardScheme(
    {
      symmetric: first && createHmacVerifier([first, ...more], "SHA-256"),
      asymmetric: asymmetric.length === 0 ? undefined : createEd25519Verifier(asymmetric),
    },
    name,
  );
}

function createHmac(
  name: string,
  config: HmacConfig,
  secrets: readonly string[],
  where: string,
): WebhookScheme {
  const { algorithm, timestampHeader, idHeader } = config;
  const signedContent =
    config.signedContent ?? (timestampHeader === undefined ? "{body}" : "{timestamp}.{body}");
  if (signedContent.split("{body}").length !== 2) {
    throw new Error(`${where}: signedContent must have {body} in it, once.`);
  }
  // A time that is not signed is anybody's to change, and would only look like a replay window.
  if (signedContent.includes("{timestamp}") !== (timestampHeader !== undefined)) {
    throw new Error(`${where}: timestampHeader and {timestamp} in signedContent need each other.`);
  }
  if (signedContent.includes("{id}") && idHeader === undefined) {
    throw new Error(`${where}: {id} in signedContent needs idHeader.`);
  }
  const decoders = { utf8: encodeUtf8, hex: decodeHex, base64: decodeBase64 };
  const [first, ...more] = secrets.map((secret) => {
    const bytes = decoders[config.secretEncoding](secret);
    if (bytes === undefined) throw new Error(`${where}: a secret is not ${config.secretEncoding}.`);
    return bytes;
  });
  if (first === undefined) throw new Error(`${where}: there is no secret.`);
  const verifier = createHmacVerifier([first, ...more], HASHES[algorithm]);
  return createHmacScheme(verifier, { ...config, signedContent }, name);
}

function toBytes(secrets: readonly string[]): [Bytes, ...Bytes[]] {
  const [first = "", ...more] = secrets;
  return [encodeUtf8(first), ...more.map(encodeUtf8)];
}

function encodeUtf8(text: string): Bytes {
  return new TextEncoder().encode(text);
}
