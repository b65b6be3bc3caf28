import type { ExitCode } from "./exit-code.ts";
import type { Output } from "./output.ts";

/** An option of a command: what parsing, `--help` and completion all read. */
export interface OptionSpec {
  readonly name: string;
  readonly short?: string;
  /** What stands for its value in help; left out for one that is on or off. */
  readonly value?: string;
  readonly text: string;
  readonly choices?: readonly string[];
  /** Whether it may be given several times. */
  readonly isMultiple?: boolean;
}

export interface PositionalSpec {
  readonly name: string;
  readonly text: string;
  readonly isOptional?: boolean;
  readonly isMultiple?: boolean;
  readonly choices?: readonly string[];
}

export interface Example {
  readonly command: string;
  readonly text: string;
}

/** A subcommand, as far as help and completion need to know it. */
export interface CommandSpec {
  readonly name: string;
  /** One line. */
  readonly summary: string;
  /** What else there is to know; lines of at most 100 characters. */
  readonly details: string;
  readonly positionals: readonly PositionalSpec[];
  readonly options: readonly OptionSpec[];
  readonly examples: readonly Example[];
  /** Where its code is, loaded only when it runs: the wires' libraries take longer to load than all the rest. */
  load(): Promise<{ readonly run: RunCommand }>;
}

/** The words of a command line, read. */
export class Arguments {
  readonly positionals: readonly string[];
  readonly #values: Readonly<Record<string, readonly string[] | true>>;

  constructor(positionals: readonly string[], values: Readonly<Record<string, readonly string[] | true>>) {
    this.positionals = positionals;
    this.#values = values;
  }

  /** Whether an option that is on or off is on. */
  has(name: string): boolean {
    return this.#values[name] !== undefined;
  }

  /** The last value given. */
  get(name: string): string | undefined {
    const values = this.#values[name];
    return values === undefined || values === true ? undefined : values.at(-1);
  }

  /** Every value given; one that has commas counts as several. */
  list(name: string): readonly string[] {
    const values = this.#values[name];
    if (values === undefined || values === true) return [];
    return values.flatMap((value) => value.split(",")).filter((value) => value !== "");
  }
}

export interface CommandContext {
  readonly words: Arguments;
  readonly environment: NodeJS.ProcessEnv;
  readonly output: Output;
  /** All there are. */
  readonly commands: readonly CommandSpec[];
  /** Aborted by Ctrl-C, and when nobody reads the output any more. */
  readonly signal: AbortSignal;
}

/** @throws UsageError, or EverywireError of what a server said */
export type RunCommand = (context: CommandContext) => Promise<ExitCode>;
