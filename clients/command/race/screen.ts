import type { Output } from "../output.ts";

/** A few lines at the bottom of a terminal that are drawn over. */
export class Screen {
  readonly #output: Output;
  #drawn = 0;

  constructor(output: Output) {
    this.#output = output;
  }

  draw(lines: readonly string[]): void {
    // A line that wraps would be two, and the next drawing would begin too low.
    const fitting = lines.slice(0, Math.max(1, this.#output.rows - 1));
    const up = this.#drawn === 0 ? "" : `\u001b[${this.#drawn}A`;
    // ?7: no wrapping while it is drawn. J: away with what is left of a longer drawing.
    const text = fitting.map((line) => `${line}\u001b[K\n`).join("");
    this.#output.raw(`${up}\r\u001b[?7l${text}\u001b[J\u001b[?7h`);
    this.#drawn = fitting.length;
  }
}
