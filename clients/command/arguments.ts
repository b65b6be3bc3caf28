import { parseArgs } from "node:util";
import type { CommandSpec, OptionSpec } from "./command.ts";
import { Arguments } from "./command.ts";
import { didYouMean } from "./suggest.ts";
import { UsageError } from "./usage-error.ts";

/** Every command takes these. */
export const COMMON_OPTIONS: readonly OptionSpec[] = [
  { name: "json", text: "results as JSON, one text a line" },
  { name: "help", short: "h", text: "what this is and how it is used" },
];

/** Commands that talk to a server take these. */
export const SERVER_OPTIONS: readonly OptionSpec[] = [
  { name: "url", value: "URL", text: "the server (EVERYWIRE_URL, else http://127.0.0.1:$PORT, 8787)" },
  { name: "token", value: "TOKEN", text: "who one is (EVERYWIRE_TOKEN)" },
];

/**
 * Reads the words behind a command's name.
 *
 * @throws UsageError
 */
export function parseWords(spec: CommandSpec, words: readonly string[]): Arguments {
  const known = [...spec.options, ...COMMON_OPTIONS];
  const { tokens } = parseArgs({
    args: [...words],
    strict: false,
    allowPositionals: true,
    tokens: true,
    options: Object.fromEntries(
      known.map(({ name, short, value }) => [
        name,
        {
          type: value === undefined ? "boolean" : "string",
          ...(short === undefined ? {} : { short }),
        } as const,
      ]),
    ),
  });
  const values: Record<string, string[] | true> = {};
  const positionals: string[] = [];
  for (const token of tokens) {
    if (token.kind === "positional") positionals.push(token.value);
    if (token.kind !== "option") continue;
    const option = known.find(({ name }) => name === token.name);
    if (option === undefined) throw unknownOption(spec, token.rawName, known);
    values[option.name] = takeValue(option, token.value, values[option.name]);
  }
  if (values.help === undefined) assertPositionals(spec, positionals);
  return new Arguments(positionals, values);
}

function takeValue(
  option: OptionSpec,
  value: string | undefined,
  before: string[] | true | undefined,
): string[] | true {
  const { name, value: placeholder, choices, isMultiple = false } = option;
  if (placeholder === undefined) {
    if (value !== undefined) throw new UsageError(`--${name} takes no value.`);
    return true;
  }
  if (value === undefined || value === "")
    throw new UsageError(`--${name} needs a value: --${name} ${placeholder}.`);
  for (const one of isMultiple ? value.split(",") : [value]) {
    if (choices !== undefined && !choices.includes(one)) {
      throw new UsageError(
        `'${one}' is none of --${name}'s: ${choices.join(", ")}.${didYouMean(one, choices)}`,
      );
    }
  }
  return isMultiple && Array.isArray(before) ? [...before, value] : [value];
}

function unknownOption(spec: CommandSpec, rawName: string, known: readonly OptionSpec[]): UsageError {
  const names = known.map(({ name }) => `--${name}`);
  return new UsageError(`'${spec.name}' has no option ${rawName}.${didYouMean(rawName, names)}`);
}

function assertPositionals({ name, positionals }: CommandSpec, given: readonly string[]): void {
  const missing = positionals.find((spec, index) => spec.isOptional !== true && given[index] === undefined);
  if (missing !== undefined) throw new UsageError(`'${name}' needs a <${missing.name}>: ${missing.text}.`);
  const last = positionals.at(-1);
  if (given.length > positionals.length && last?.isMultiple !== true) {
    const surplus = given[positionals.length] ?? "";
    const quote = surplus.includes(" ") ? "" : " Quote what has spaces.";
    throw new UsageError(`'${name}' does not know what to do with '${surplus}'.${quote}`);
  }
  for (const [index, { choices, name: what }] of positionals.entries()) {
    const word = given[index];
    if (choices === undefined || word === undefined || choices.includes(word)) continue;
    throw new UsageError(`'${word}' is no ${what}: ${choices.join(", ")}.${didYouMean(word, choices)}`);
  }
}

/** Reads a number of an option. @throws UsageError */
export function parseNumber(
  words: Arguments,
  name: string,
  { min, max, isWhole = true }: { readonly min: number; readonly max: number; readonly isWhole?: boolean },
): number | undefined {
  const text = words.get(name);
  if (text === undefined) return undefined;
  const value = Number(text);
  if (text.trim() !== "" && value >= min && value <= max && (!isWhole || Number.isInteger(value)))
    return value;
  throw new UsageError(
    `--${name} is a ${isWhole ? "whole " : ""}number from ${min} to ${max}, and not '${text}'.`,
  );
}
