import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseEnv } from "node:util";
import { ROOT } from "../root.ts";
import type { Check } from "./check.ts";
import type { Answer } from "./cloudflare.ts";
import { askForSecrets } from "./cloudflare.ts";
import type { SettingGroup } from "./deploy-settings.ts";
import { DEPLOY_SETTINGS, NOT_IN_A_DEPLOY } from "./deploy-settings.ts";

export interface DeployOptions {
  /** An environment of wrangler.toml. */
  readonly env: string;
  /** wrangler's configuration; left out, wrangler.toml. */
  readonly config?: string | undefined;
  /** Secrets that this deploy brings with it, as wrangler takes them: `.env` or JSON. */
  readonly secretsFile?: string | undefined;
}

/** One environment, as far as it is asked for here. */
interface Section {
  readonly name?: string;
  readonly vars?: Readonly<Record<string, unknown>>;
  readonly ratelimits?: readonly {
    readonly name: string;
    readonly simple: { limit: number; period: number };
  }[];
}

/** What is set, as far as anybody knows. */
interface Known {
  readonly values: Readonly<Record<string, string | undefined>>;
  /** Whether what is not in there is not set. */
  readonly isWhole: boolean;
}

const TOKEN_REMEDY = 'a token by the template "Edit Cloudflare Workers", and CLOUDFLARE_ACCOUNT_ID';
const DEFAULT_REQUESTS_PER_SECOND = 120;
const MIN_SECRET_BYTES = 32;

/** What a deploy into an environment lacks, and what each is for. With no account it says what nobody could be asked. */
export async function checkDeploy(
  options: DeployOptions,
  environment: NodeJS.ProcessEnv,
): Promise<readonly Check[]> {
  const section = await readSection(options);
  if (section === undefined)
    return [toCheck("environment", "missing", `wrangler.toml has no ${options.env}`, true)];
  const { name: worker = "everywire" } = section;
  const given = readSecretsFile(options.secretsFile);
  if (given === undefined)
    return [toCheck("secrets file", "missing", `${options.secretsFile} is not there`, true)];
  const answer = await askForSecrets(worker, environment);
  const vars = Object.entries(section.vars ?? {}).map(([name, value]) => [name, String(value)] as const);
  const secrets = answer.kind === "secrets" ? answer.names.map((name) => [name, undefined] as const) : [];
  const domain = environment.EVERYWIRE_DOMAIN;
  const known: Known = {
    values: {
      ...Object.fromEntries([...secrets, ...vars]),
      ...(domain ? { PUBLIC_URL: `https://${domain}` } : {}),
      ...given,
    },
    isWhole: answer.kind === "secrets" || answer.kind === "new",
  };
  const doors = environment.DOORS?.split(",").map((door) => door.trim());
  const isWanted = ({ doors: wanting }: SettingGroup) =>
    !doors?.[0] || doors.includes("all") || !wanting || wanting.some((door) => doors.includes(door));
  return [
    toCheck("environment", "ok", `${options.env}: the Worker ${worker}`, true),
    toAccountCheck(answer, worker),
    ...DEPLOY_SETTINGS.filter(isWanted).flatMap((group) => checkGroup(group, known)),
    ...checkOpen(known),
    checkRates(section, known),
  ];
}

/** Whether what would be there is not broken; strictly, whether nothing is missing and nothing was left unasked. */
export function isDeployable(checks: readonly Check[], isStrict: boolean): boolean {
  return checks.every(
    ({ status, isRequired = false }) =>
      status === "ok" || status === "off" || (!isStrict && (status === "unknown" || !isRequired)),
  );
}

async function readSection({ env, config }: DeployOptions): Promise<Section | undefined> {
  const { experimental_readRawConfig } = await import("wrangler");
  const { rawConfig } = experimental_readRawConfig({ config: config ?? join(ROOT, "wrangler.toml") });
  return rawConfig.env?.[env] as Section | undefined;
}

/** Undefined where it was named and is not there. */
function readSecretsFile(path: string | undefined): Readonly<Record<string, string | undefined>> | undefined {
  if (path === undefined) return {};
  if (!existsSync(path)) return undefined;
  const text = readFileSync(path, "utf8");
  return /^\s*\{/.test(text) ? (JSON.parse(text) as Record<string, string>) : parseEnv(text);
}

function toAccountCheck(answer: Answer, worker: string): Check {
  switch (answer.kind) {
    case "secrets":
      return toCheck("account", "ok", `${worker} is there, with ${answer.names.length} secrets`, true);
    case "new":
      return toCheck("account", "ok", `${worker} is new: it has no secrets yet`, true);
    case "unasked":
      return {
        ...toCheck("account", "unknown", `${answer.why}: nobody was asked which secrets ${worker} has`),
        remedy: TOKEN_REMEDY,
      };
    case "refused":
      return {
        ...toCheck(
          "account",
          "failed",
          `Cloudflare was asked for the secrets of ${worker}: ${answer.why}`,
          true,
        ),
        remedy: TOKEN_REMEDY,
      };
  }
}

function checkGroup(group: SettingGroup, { values, isWhole }: Known): readonly Check[] {
  const { rule, settings, isRequired, use, remedy } = group;
  const isSet = (name: string) => name in values && values[name] !== "";
  const found = settings.filter(({ name }) => isSet(name));
  const lacking = settings.filter(({ name }) => !isSet(name));
  const isEnough = rule === "any" ? found.length > 0 : lacking.length === 0;
  const names = found.map(({ name }) => name).join(", ");
  const secret = values.JWT_SECRET;
  if (group.name === "identity" && secret !== undefined && Buffer.byteLength(secret) < MIN_SECRET_BYTES)
    return [{ ...toCheck("JWT_SECRET", "failed", "it is shorter than 32 bytes", true), remedy }];
  if (isEnough) return [toCheck(group.name, "ok", names, isRequired)];
  // Half of Redis fails every request, and half of a queue is a mistake. Where this Worker is may be known without either.
  const isHalf = rule === "all" && found.some(({ name }) => name !== "PUBLIC_URL");
  const isBroken = isWhole && (isHalf || isRequired);
  const status = isWhole ? (isBroken ? "missing" : "off") : "unknown";
  const why = isHalf ? `${names} is set, and is of no use without` : use;
  const own = lacking.map((each) => toCheck(each.name, status, each.use, isBroken));
  return [{ ...toCheck(group.name, status, why, isBroken), remedy }, ...own];
}

/** What is for development alone. Of a secret nobody knows the value, so that it is there at all is enough to say so. */
function checkOpen({ values }: Known): readonly Check[] {
  const on = NOT_IN_A_DEPLOY.filter(
    ({ name }) => name in values && !/^(|off|false|0)$/.test(values[name] ?? "on"),
  );
  return on.map(({ name, use }) => ({
    ...toCheck(name, "failed", `it ${use}, and is for development alone`, true),
    remedy: `npx wrangler secret delete ${name}, or take it out of wrangler.toml or the secrets file`,
  }));
}

/** The platform's counter has its rate in the configuration, and the Worker has its own in a variable. */
function checkRates({ ratelimits = [] }: Section, { values }: Known): Check {
  const limit = ratelimits.find(({ name }) => name === "REQUEST_RATE")?.simple;
  if (limit === undefined)
    return toCheck("rates", "off", "no binding REQUEST_RATE: each isolate counts the requests that it sees");
  const wanted = Number(values.REQUESTS_PER_SECOND || DEFAULT_REQUESTS_PER_SECOND);
  const counted = limit.limit / limit.period;
  if (wanted === counted) return toCheck("rates", "ok", `${counted} requests/s for each caller and location`);
  const detail = `REQUEST_RATE counts ${counted} requests/s, and REQUESTS_PER_SECOND is ${wanted}`;
  return {
    ...toCheck("rates", "failed", detail, true),
    remedy: `limit = ${wanted * limit.period} in wrangler.toml`,
  };
}

function toCheck(name: string, status: Check["status"], detail: string, isRequired = false): Check {
  return { group: "deploy", name, status, detail, isRequired };
}
