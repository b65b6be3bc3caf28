import type { CommandContext, RunCommand } from "../command.ts";
import type { Check, CheckStatus } from "../doctor/check.ts";
import { checkDeploy, isDeployable } from "../doctor/deploy-checks.ts";
import { checkGateway } from "../doctor/gateway-checks.ts";
import { checkServer } from "../doctor/server-checks.ts";
import { checkServices } from "../doctor/service-checks.ts";
import { checkTools } from "../doctor/tool-checks.ts";
import type { ExitCode } from "../exit-code.ts";
import { EXIT } from "../exit-code.ts";
import { findPorts } from "../find-ports.ts";
import type { Output, Style } from "../output.ts";
import { pad } from "../output.ts";
import { toTarget } from "../target.ts";

const MARKS: Readonly<Record<CheckStatus, readonly [mark: string, style: Style]>> = {
  ok: ["ok", "green"],
  missing: ["missing", "yellow"],
  failed: ["failed", "red"],
  off: ["off", "dim"],
  unknown: ["unknown", "yellow"],
};

/** What is reachable, what is missing, and how to get it. */
export const run: RunCommand = async (context) => {
  const { words, environment, output, signal } = context;
  if (words.has("deploy")) return runDeploy(context);
  const target = await findPorts(toTarget(words, environment), signal);
  const found = await Promise.all([
    checkServer(target, signal),
    checkGateway(target, signal),
    checkServices(environment),
    checkTools(environment),
  ]);
  if (signal.aborted) return EXIT.interrupted;
  const checks = found.flat();
  const code = judge(checks, words.has("strict"));
  if (output.isJson) output.json({ ok: code === EXIT.ok, url: target.url, checks });
  else show(checks, output);
  return code;
};

/** What a deploy lacks. Nothing is asked of a server, which there need not be yet. */
async function runDeploy({ words, environment, output }: CommandContext): Promise<ExitCode> {
  const options = {
    env: words.get("env") ?? "production",
    config: words.get("config"),
    secretsFile: words.get("secrets-file"),
  };
  const checks = await checkDeploy(options, environment);
  const code = isDeployable(checks, words.has("strict")) ? EXIT.ok : EXIT.failed;
  if (output.isJson) output.json({ ok: code === EXIT.ok, env: options.env, checks });
  else show(checks, output);
  return code;
}

/** The server has to be there; what is missing beside it counts only where it is asked for strictly. */
function judge(checks: readonly Check[], isStrict: boolean): ExitCode {
  const isGood = ({ status }: Check) => status === "ok" || status === "off";
  if (checks.some((check) => check.isRequired === true && check.status === "missing"))
    return EXIT.unreachable;
  if (checks.some((check) => check.isRequired === true && !isGood(check))) return EXIT.failed;
  return isStrict && !checks.every(isGood) ? EXIT.failed : EXIT.ok;
}

function show(checks: readonly Check[], output: Output): void {
  const width = Math.max(14, ...checks.map(({ name }) => name.length));
  let group = "";
  for (const check of checks) {
    if (check.group !== group) output.line(`${group === "" ? "" : "\n"}${output.style("bold", check.group)}`);
    group = check.group;
    const [mark, style] = MARKS[check.status];
    output.line(`  ${pad(output.style(style, mark), 8)} ${pad(check.name, width)} ${check.detail}`);
    if (check.remedy !== undefined)
      output.line(output.style("dim", `  ${" ".repeat(9 + width)} -> ${check.remedy}`));
  }
}
