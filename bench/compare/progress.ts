const WIDTH = 24;
const REDRAW_MS = 200;

/** Where progress is shown: a bar that is drawn again on a terminal, a line for each step elsewhere. */
export class Progress {
  readonly #output: NodeJS.WriteStream;
  readonly #totalSeconds: number;
  /** Of the chapters that are over, as they were budgeted. */
  #doneSeconds = 0;
  #chapter = "";
  #chapterSeconds = 0;
  #lastLabel = "";
  #drawnAtMs = 0;

  constructor(output: NodeJS.WriteStream, totalSeconds: number) {
    this.#output = output;
    this.#totalSeconds = Math.max(1, totalSeconds);
  }

  startChapter(title: string, budgetSeconds: number): void {
    this.#doneSeconds += this.#chapterSeconds;
    this.#chapter = title;
    this.#chapterSeconds = budgetSeconds;
    this.update(0, "begins");
  }

  /** @param done of the chapter, from 0 to 1 */
  update(done: number, label: string): void {
    const doneSeconds = this.#doneSeconds + Math.min(1, Math.max(0, done)) * this.#chapterSeconds;
    const leftSeconds = Math.max(0, Math.round(this.#totalSeconds - doneSeconds));
    const left = `${Math.floor(leftSeconds / 60)}:${String(leftSeconds % 60).padStart(2, "0")} left`;
    if (!this.#output.isTTY) {
      if (label !== this.#lastLabel) this.#output.write(`${this.#chapter}: ${label} (about ${left})\n`);
      this.#lastLabel = label;
      return;
    }
    const now = performance.now();
    if (now - this.#drawnAtMs < REDRAW_MS) return;
    this.#drawnAtMs = now;
    const filled = Math.round((doneSeconds / this.#totalSeconds) * WIDTH);
    const bar = `${"█".repeat(filled)}${"░".repeat(Math.max(0, WIDTH - filled))}`;
    const line = `${bar} ${left}  ${this.#chapter}: ${label}`;
    this.#output.write(`\r\u001b[K${line.slice(0, Math.max(20, this.#output.columns - 1))}`);
  }

  /** Says something that stays. */
  say(line: string): void {
    this.#output.write(this.#output.isTTY ? `\r\u001b[K${line}\n` : `${line}\n`);
  }
}
