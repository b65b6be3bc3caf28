import { COMMON_OPTIONS } from "./arguments.ts";
import type { CommandSpec, OptionSpec } from "./command.ts";
import type { Output } from "./output.ts";

const ENVIRONMENT = [
  ["EVERYWIRE_URL", "the server (http://127.0.0.1:8787)"],
  ["EVERYWIRE_TOKEN", "who one is"],
  ["TCP_PORT, MQTT_PORT, GRPC_PORT, UDP_PORT, ...", "the server's other ports, as for npm start"],
  ["NO_COLOR", "no colours"],
] as const;

const EXIT_CODES =
  "0 ok, 1 refused or failed, 2 wrong words, 3 nothing answers, 4 may not, 5 time is up, 130 Ctrl-C";

/** All commands. */
export function renderOverview(commands: readonly CommandSpec[], output: Output): readonly string[] {
  const bold = (text: string) => output.style("bold", text);
  return [
    `${bold("everywire")}: one log, every wire. Publish through any door, read through every other.`,
    "",
    bold("usage"),
    "  everywire <command> [options]      (npx everywire ... in a clone)",
    "",
    bold("commands"),
    ...commands.map(({ name, summary }) => `  ${output.style("cyan", name.padEnd(12))}${summary}`),
    "",
    bold("start here"),
    "  everywire serve                    in one terminal",
    "  everywire sub demo/hello           in another",
    "  everywire pub demo/hello hi        in a third",
    "",
    "  everywire help <command>           what it takes, with examples",
    "",
    bold("environment"),
    ...ENVIRONMENT.map(([name, text]) => `  ${name.padEnd(48)}${text}`),
    "",
    `${bold("exit codes")} ${EXIT_CODES}`,
  ];
}

/** One command. */
export function renderHelp(spec: CommandSpec, output: Output): readonly string[] {
  const bold = (text: string) => output.style("bold", text);
  const positionals = spec.positionals.map(({ name, isOptional = false, isMultiple = false }) => {
    const dots = isMultiple ? "..." : "";
    return isOptional ? `[${name}${dots}]` : `<${name}${dots}>`;
  });
  const options = [...spec.options, ...COMMON_OPTIONS];
  const width = Math.max(...options.map((option) => toUsage(option).length)) + 2;
  return [
    `${bold(`everywire ${spec.name}`)}: ${spec.summary}`,
    "",
    `  ${["everywire", spec.name, ...positionals, "[options]"].join(" ")}`,
    "",
    ...spec.details.split("\n"),
    ...(spec.positionals.length === 0 ? [] : ["", bold("arguments")]),
    ...spec.positionals.map(({ name, text }) => `  ${name.padEnd(width)}${text}`),
    "",
    bold("options"),
    ...options.map((option) => `  ${output.style("cyan", toUsage(option).padEnd(width))}${option.text}`),
    "",
    bold("examples"),
    ...spec.examples.flatMap(({ command, text }) => [
      `  ${output.style("dim", `# ${text}`)}`,
      `  ${command}`,
    ]),
    "",
    `${bold("exit codes")} ${EXIT_CODES}`,
  ];
}

function toUsage({ name, short, value }: OptionSpec): string {
  const letter = short === undefined ? "    " : `-${short}, `;
  return `${letter}--${name}${value === undefined ? "" : ` ${value}`}`;
}
