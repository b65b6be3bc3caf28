import { COMMON_OPTIONS } from "./arguments.ts";
import type { CommandSpec } from "./command.ts";

export type Shell = "bash" | "zsh" | "fish";

/** A script that makes a shell complete commands, options and their values. */
export function renderCompletion(shell: Shell, commands: readonly CommandSpec[]): string {
  switch (shell) {
    case "bash":
      return renderBash(commands);
    case "zsh":
      return renderZsh(commands);
    case "fish":
      return renderFish(commands);
  }
}

function optionsOf(spec: CommandSpec) {
  return [...spec.options, ...COMMON_OPTIONS];
}

function renderBash(commands: readonly CommandSpec[]): string {
  const choices = commands.flatMap((spec) => [
    ...optionsOf(spec).flatMap(({ name, choices: words }) =>
      words === undefined ? [] : [`    ${spec.name}:--${name}) words="${words.join(" ")}" ;;`],
    ),
    // A value that can be anything: a file, perhaps.
    ...optionsOf(spec).flatMap(({ name, choices: words, value }) =>
      words === undefined && value !== undefined
        ? [`    ${spec.name}:--${name}) compopt -o default; return ;;`]
        : [],
    ),
  ]);
  const words = commands.map((spec) => {
    const options = optionsOf(spec).map(({ name }) => `--${name}`);
    const positional = spec.positionals[0]?.choices ?? [];
    return `      ${spec.name}) words="${[...positional, ...options].join(" ")}" ;;`;
  });
  return `# bash completion of everywire: source <(everywire completion bash)
_everywire() {
  local current="\${COMP_WORDS[COMP_CWORD]}" previous="\${COMP_WORDS[COMP_CWORD-1]}" command="" words="" index
  for ((index = 1; index < COMP_CWORD; index++)); do
    case "\${COMP_WORDS[index]}" in
      -*) ;;
      *) command="\${COMP_WORDS[index]}"; break ;;
    esac
  done
  case "$command:$previous" in
${choices.join("\n")}
  esac
  if [ -z "$words" ]; then
    case "$command" in
      "") words="help ${commands.map(({ name }) => name).join(" ")} --help --version" ;;
      help) words="${commands.map(({ name }) => name).join(" ")}" ;;
${words.join("\n")}
    esac
  fi
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -F _everywire everywire
`;
}

function renderZsh(commands: readonly CommandSpec[]): string {
  const list = commands.map(({ name, summary }) => `    '${name}:${quoteZsh(summary)}'`);
  const cases = commands.map((spec) => {
    const options = optionsOf(spec).map(({ name, short, value, text, choices, isMultiple }) => {
      const argument =
        value === undefined
          ? ""
          : `:${value.toLowerCase()}:${choices === undefined ? "_files" : `(${choices.join(" ")})`}`;
      const description = `[${quoteZsh(text)}]${argument}`;
      const long = value === undefined ? `--${name}` : `--${name}=`;
      const star = isMultiple === true ? "*" : "";
      if (short === undefined) return `        '${star}${long}${description}'`;
      return `        '${star}'{-${short},${long}}'${description}'`;
    });
    const positionals = spec.positionals.map(({ name, choices, isMultiple }) => {
      const values = choices === undefined ? " " : `(${choices.join(" ")})`;
      return `        '${isMultiple === true ? "*" : ""}:${name}:${values}'`;
    });
    return `      ${spec.name})\n      _arguments \\\n${[...options, ...positionals].join(" \\\n")}\n      ;;`;
  });
  return `#compdef everywire
# zsh completion of everywire: save as _everywire in a folder of $fpath
_everywire() {
  local context state line
  local -a commands
  commands=(
${list.join("\n")}
    'help:what a command takes'
  )
  _arguments -C '1:command:->command' '*::argument:->argument'
  case $state in
    command) _describe command commands ;;
    argument)
      case $words[1] in
      help) _describe command commands ;;
${cases.join("\n")}
      esac
      ;;
  esac
}
if [ "$funcstack[1]" = "_everywire" ]; then _everywire "$@"; else compdef _everywire everywire; fi
`;
}

/** Within single quotes and brackets of `_arguments`. */
function quoteZsh(text: string): string {
  return text.replace(/'/g, "'\\''").replace(/[[\]:]/g, "\\$&");
}

function renderFish(commands: readonly CommandSpec[]): string {
  const names = commands.map(({ name }) => name);
  const first = commands.map(
    ({ name, summary }) =>
      `complete -c everywire -n __fish_use_subcommand -a ${name} -d '${quoteFish(summary)}'`,
  );
  const rest = commands.flatMap((spec) => {
    const when = `-n '__fish_seen_subcommand_from ${spec.name}'`;
    const options = optionsOf(spec).map(({ name, short, value, text, choices }) => {
      const letter = short === undefined ? "" : ` -s ${short}`;
      const values = choices === undefined ? "" : ` -f -a '${choices.join(" ")}'`;
      const required = value === undefined ? " -f" : " -r";
      return `complete -c everywire ${when} -l ${name}${letter}${required}${values} -d '${quoteFish(text)}'`;
    });
    const words = spec.positionals[0]?.choices;
    return words === undefined
      ? options
      : [...options, `complete -c everywire ${when} -f -a '${words.join(" ")}'`];
  });
  return `# fish completion of everywire: save as ~/.config/fish/completions/everywire.fish
complete -c everywire -f
${first.join("\n")}
complete -c everywire -n __fish_use_subcommand -a help -d 'what a command takes'
complete -c everywire -n '__fish_seen_subcommand_from help' -a '${names.join(" ")}'
${rest.join("\n")}
`;
}

function quoteFish(text: string): string {
  return text.replace(/\\/g, "\\\\").replace(/'/g, "\\'");
}
