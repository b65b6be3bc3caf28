import type { WriteStream } from "node:tty";
import { stripVTControlCharacters } from "node:util";

/** How text can look; anything that a terminal cannot do is left out. */
export type Style = "bold" | "dim" | "red" | "green" | "yellow" | "cyan";

const CODES: Readonly<Record<Style, readonly [number, number]>> = {
  bold: [1, 22],
  dim: [2, 22],
  red: [31, 39],
  green: [32, 39],
  yellow: [33, 39],
  cyan: [36, 39],
};

/** Where a command writes: results to stdout, what is said about them to stderr. */
export class Output {
  /** Whether results are JSON, one text a line. */
  readonly isJson: boolean;
  readonly #out: NodeJS.WriteStream;
  readonly #err: NodeJS.WriteStream;
  readonly #hasColor: boolean;

  constructor(
    isJson: boolean,
    environment: NodeJS.ProcessEnv,
    out: NodeJS.WriteStream = process.stdout,
    err: NodeJS.WriteStream = process.stderr,
  ) {
    this.isJson = isJson;
    this.#out = out;
    this.#err = err;
    // https://no-color.org: set and not empty. FORCE_COLOR is Node's and many others' word for the contrary.
    const isForced = Boolean(environment.FORCE_COLOR) && environment.FORCE_COLOR !== "0";
    this.#hasColor =
      !environment.NO_COLOR && environment.TERM !== "dumb" && (isForced || (out.isTTY === true && !isJson));
  }

  /** Whether somebody watches the results in a terminal, so that they can be drawn over. */
  get isLive(): boolean {
    return this.#out.isTTY === true && !this.isJson;
  }

  /** Whether somebody watches stderr, where progress is shown. */
  get hasProgress(): boolean {
    return this.#err.isTTY === true;
  }

  get columns(): number {
    return (this.#out as Partial<WriteStream>).columns ?? 100;
  }

  get rows(): number {
    return (this.#out as Partial<WriteStream>).rows ?? 40;
  }

  line(text = ""): void {
    this.#out.write(`${text}\n`);
  }

  /** Text as it is: a drawing, or a part of a line. */
  raw(text: string): void {
    this.#out.write(text);
  }

  /** One JSON text on one line. */
  json(value: unknown): void {
    this.#out.write(`${JSON.stringify(value)}\n`);
  }

  /** Something about the results, which is none of them. */
  note(text: string): void {
    this.#err.write(`${text}\n`);
  }

  /** A part of stderr that is drawn over. */
  progress(text: string): void {
    this.#err.write(text);
  }

  style(style: Style, text: string): string {
    if (!this.#hasColor) return text;
    const [on, off] = CODES[style];
    return `\u001b[${on}m${text}\u001b[${off}m`;
  }

  /** Resolves when everything written has been taken. */
  async flush(): Promise<void> {
    for (const stream of [this.#out, this.#err]) {
      if (stream.destroyed || stream.writableLength === 0) continue;
      await new Promise<void>((resolve) => stream.write("", () => resolve()));
    }
  }
}

/** The width of a text on a terminal, styles left out. */
export function widthOf(text: string): number {
  return stripVTControlCharacters(text).length;
}

/** Pads a text that may have styles. */
export function pad(text: string, width: number, side: "left" | "right" = "left"): string {
  const space = " ".repeat(Math.max(0, width - widthOf(text)));
  return side === "left" ? text + space : space + text;
}

/** Text that came from elsewhere, made harmless for a terminal: it could move the cursor, or pretend to be us. */
export function printable(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is to go
  return text.replace(/[\u0000-\u001f\u007f-\u009f]/g, (character) => {
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
  });
}
