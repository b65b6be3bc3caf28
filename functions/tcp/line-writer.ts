const UTF8 = new TextEncoder();

/**
 * The way out of one connection. Everything that writes waits until the client has taken what came before, so that
 * what is held for a client that does not read is one piece from each of them.
 */
export class LineWriter {
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  readonly #stallMs: number;
  readonly #onDead: () => void;
  #isDead = false;

  /** @param onDead called once, when nothing can be written any more: the client has gone, or takes nothing */
  constructor(writable: WritableStream<Uint8Array>, stallMs: number, onDead: () => void) {
    this.#writer = writable.getWriter();
    this.#stallMs = stallMs;
    this.#onDead = onDead;
    this.#writer.closed.catch(() => this.#die());
  }

  get isDead(): boolean {
    return this.#isDead;
  }

  /** Resolves when the client (or the network's buffers) took it; it never rejects. */
  async send(text: string): Promise<void> {
    if (this.#isDead || text === "") return;
    const stalled = setTimeout(() => this.#die(), this.#stallMs);
    try {
      await this.#writer.write(UTF8.encode(text));
    } catch {
      this.#die();
    } finally {
      clearTimeout(stalled);
    }
  }

  async close(): Promise<void> {
    if (this.#isDead) return;
    this.#isDead = true;
    await this.#writer.close().catch(() => {});
  }

  #die(): void {
    if (this.#isDead) return;
    this.#isDead = true;
    this.#onDead();
    void this.#writer.abort().catch(() => {});
  }
}
