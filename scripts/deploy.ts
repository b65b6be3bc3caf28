import { once } from "node:events";
import { mkdirSync } from "node:fs";
import { join, relative } from "node:path";
import { parseArgs } from "node:util";
import { buildIfStale } from "./build.ts";
import { createSubset, parseDoors } from "./door-subset.ts";
import { ROOT } from "./paths.ts";
import { run } from "./run.ts";
import { runWrangler } from "./run-wrangler.ts";
import { exitWith, StartError } from "./start-error.ts";

const ENVIRONMENTS = ["staging", "production"] as const;
const DOCTOR = join(ROOT, "clients", "command", "everywire.mjs");
const DOCTOR_TIMEOUT_MS = 60_000;
const HOST_NAME = /^(?=.{4,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}$/i;

interface DeployOptions {
  readonly env: string;
  /** Everything but the upload. */
  readonly isDryRun: boolean;
  readonly secretsFile: string | undefined;
}

/** @throws StartError */
function parseOptions(words: readonly string[]): DeployOptions {
  try {
    const { values } = parseArgs({
      args: [...words],
      options: {
        env: { type: "string", default: "production" },
        "dry-run": { type: "boolean", default: false },
        "secrets-file": { type: "string" },
      },
    });
    const { env } = values;
    if (!ENVIRONMENTS.some((known) => known === env))
      throw new Error(`There is no environment "${env}": ${ENVIRONMENTS.join(" or ")}.`);
    return { env, isDryRun: values["dry-run"], secretsFile: values["secrets-file"] };
  } catch (thrown) {
    throw new StartError(
      `${thrown instanceof Error ? thrown.message : thrown}\n` +
        "npm run deploy -- [--env staging|production] [--dry-run] [--secrets-file FILE]",
    );
  }
}

/**
 * Builds, asks the doctor what is missing, and has wrangler upload. It asks nobody anything: what it needs comes from
 * variables and options, so that it is the same on a desk and in CI.
 *
 * @throws StartError before anything is uploaded, where what would be there is broken
 */
async function deploy(options: DeployOptions): Promise<number> {
  const { env: variables } = process;
  const doors = parseDoors(variables.DOORS);
  const domain = parseDomain(variables.EVERYWIRE_DOMAIN);
  if (!options.isDryRun && !variables.CLOUDFLARE_API_TOKEN) {
    throw new StartError(
      'CLOUDFLARE_API_TOKEN is not set: make a token by Cloudflare\'s template "Edit Cloudflare Workers", and name the\n' +
        "account by CLOUDFLARE_ACCOUNT_ID. `npm run deploy -- --dry-run` needs neither.",
    );
  }
  for (const note of doors === undefined ? [] : createSubset(doors).notes) console.log(note);
  const { config } = await buildIfStale({ doors });
  const secrets = options.secretsFile === undefined ? [] : ["--secrets-file", options.secretsFile];
  const common = ["--env", options.env, "--config", config, ...secrets];
  const isGood = await run("node", [DOCTOR, "doctor", "--deploy", ...common], {
    timeoutMs: DOCTOR_TIMEOUT_MS,
  });
  if (!isGood) throw new StartError("Nothing was uploaded: the deploy would be broken as said above.");
  const named = domain === undefined ? [] : ["--domain", domain, "--var", `PUBLIC_URL:https://${domain}`];
  return upload([...common, ...named], options, config);
}

async function upload(
  words: readonly string[],
  { isDryRun }: DeployOptions,
  config: string,
): Promise<number> {
  const outdir = join(ROOT, "dist", "dry-run");
  if (isDryRun) mkdirSync(outdir, { recursive: true });
  const dry = isDryRun ? ["--dry-run", "--outdir", relative(ROOT, outdir)] : [];
  // Nobody sits there to be asked; and no framework is looked for.
  const wrangler = runWrangler(
    ["deploy", ...words, "--autoconfig=false", ...dry],
    ["ignore", "inherit", "inherit"],
  );
  const [status] = await once(wrangler, "close");
  if (status === 0)
    console.log(isDryRun ? `Not uploaded: --dry-run (${relative(ROOT, config)}).` : "Deployed.");
  return Number(status ?? 1);
}

/** @throws StartError */
function parseDomain(text: string | undefined): string | undefined {
  if (text === undefined || text === "") return undefined;
  if (!HOST_NAME.test(text))
    throw new StartError("EVERYWIRE_DOMAIN must be a host name, as api.example.com.");
  return text;
}

try {
  process.exit(await deploy(parseOptions(process.argv.slice(2))));
} catch (error) {
  exitWith(error);
}
