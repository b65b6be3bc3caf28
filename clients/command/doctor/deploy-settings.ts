/** Settings that belong together: what a deployed Worker is told by its operator, and nothing of it is in a file here. */
export interface SettingGroup {
  readonly name: string;
  readonly settings: readonly DeploySetting[];
  /** `any`: one of them is enough. `all`: half of them is worse than none. `each`: they do not depend on each other. */
  readonly rule: "any" | "all" | "each";
  /** Whether a Worker without them would be broken. */
  readonly isRequired: boolean;
  /** The doors that ask for them; left out, every Worker does. */
  readonly doors?: readonly string[];
  /** What there is with them, or not without. */
  readonly use: string;
  /** Where they come from. */
  readonly remedy: string;
}

export interface DeploySetting {
  readonly name: string;
  readonly use: string;
}

/** The one list of what `npm run deploy` wants to be set, and what each is for. */
export const DEPLOY_SETTINGS: readonly SettingGroup[] = [
  {
    name: "identity",
    settings: [
      { name: "JWT_SECRET", use: "checks bearer tokens that are signed by HS256; 32 bytes or more" },
      { name: "JWKS_URL", use: "or: where the keys of an identity provider are" },
    ],
    rule: "any",
    isRequired: true,
    use: "without it nobody can sign in, and nothing is open to strangers",
    remedy: "openssl rand -base64 32 makes a JWT_SECRET",
  },
  {
    name: "queue",
    settings: [
      { name: "QSTASH_URL", use: "the address of QStash" },
      { name: "QSTASH_TOKEN", use: "sends to it" },
      { name: "QSTASH_CURRENT_SIGNING_KEY", use: "checks what comes from it" },
      { name: "QSTASH_NEXT_SIGNING_KEY", use: "the same, after the keys were changed" },
      { name: "PUBLIC_URL", use: "where QStash reaches this Worker; EVERYWIRE_DOMAIN gives it too" },
    ],
    rule: "all",
    isRequired: false,
    doors: ["queue"],
    use: "without it /queue answers 503, and orders stay pending",
    remedy: "console.upstash.com/qstash shows them all; or deploy without that door (DOORS)",
  },
  {
    name: "redis",
    settings: [
      { name: "UPSTASH_REDIS_REST_URL", use: "the address of the database" },
      { name: "UPSTASH_REDIS_REST_TOKEN", use: "opens it" },
    ],
    rule: "all",
    isRequired: false,
    doors: ["rest", "graphql", "connect", "json-rpc", "stream", "queue"],
    use: "without it records are in the SQLite of a Durable Object, which is the usual",
    remedy: "console.upstash.com shows both",
  },
  {
    name: "svix",
    settings: [{ name: "SVIX_TOKEN", use: "webhooks out through Svix" }],
    rule: "all",
    isRequired: false,
    doors: ["webhooks"],
    use: "without it this Worker delivers webhooks itself, which is the usual",
    remedy: "dashboard.svix.com, API Access",
  },
  {
    name: "webhooks in",
    settings: [
      { name: "GITHUB_WEBHOOK_SECRET", use: "checks deliveries to /webhooks/in/github" },
      { name: "STRIPE_WEBHOOK_SECRET", use: "checks deliveries to /webhooks/in/stripe" },
      { name: "STANDARD_WEBHOOK_SECRET", use: "checks deliveries to /webhooks/in/standard" },
    ],
    rule: "each",
    isRequired: false,
    doors: ["webhooks"],
    use: "without one its source is unknown, 404",
    remedy: "each sender shows the secret that it signs with",
  },
];

/** What must not be on where strangers come. */
export const NOT_IN_A_DEPLOY: readonly DeploySetting[] = [
  { name: "DEV_AUTH", use: "gives a token to whoever asks" },
  { name: "ALLOW_PRIVATE_WEBHOOKS", use: "lets anybody's webhook call private addresses" },
];
