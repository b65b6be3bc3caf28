import type { Output } from "./output.ts";

const WIDTH = 28;
/** Often enough to look alive, seldom enough to cost nothing. */
const REDRAW_MS = 80;

/** A bar on stderr, where that is a terminal; nothing elsewhere. */
export class Progress {
  readonly #output: Output;
  readonly #isShown: boolean;
  readonly #startedMs = Date.now();
  #drawnMs = 0;

  constructor(output: Output) {
    this.#output = output;
    this.#isShown = output.hasProgress;
  }

  /** @param total undefined where nobody knows it */
  update(done: number, total: number | undefined, what: string): void {
    const now = Date.now();
    if (!this.#isShown || (now - this.#drawnMs < REDRAW_MS && done !== total)) return;
    this.#drawnMs = now;
    const bar = total === undefined ? "" : `${toBar(done / Math.max(1, total))} `;
    const left =
      total === undefined || done === 0
        ? ""
        : ` ${toTimeLeft(((now - this.#startedMs) / done) * (total - done))}`;
    const count = total === undefined ? `${done}` : `${done}/${total}`;
    this.#output.progress(`\r\u001b[K${bar}${count} ${what}${left}`);
  }

  /** Takes it away. */
  end(): void {
    if (this.#isShown && this.#drawnMs > 0) this.#output.progress("\r\u001b[K");
  }
}

function toBar(part: number): string {
  const filled = Math.round(Math.min(1, part) * WIDTH);
  return `${"█".repeat(filled)}${"░".repeat(WIDTH - filled)}`;
}

function toTimeLeft(ms: number): string {
  const seconds = Math.ceil(ms / 1000);
  return seconds <= 1 ? "" : `(${seconds} s left)`;
}
