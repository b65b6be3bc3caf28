import type { ConnectOptions } from "./options.ts";

/** The token in use, and where the next one comes from. */
export class Credentials {
  readonly #source: ConnectOptions["token"];
  #token: Promise<string> | undefined;

  constructor(source: ConnectOptions["token"]) {
    this.#source = source;
  }

  /** Undefined where there is none. @throws what the callback throws */
  async get(): Promise<string | undefined> {
    if (typeof this.#source !== "function") return this.#source;
    if (this.#token === undefined) {
      const asked = Promise.resolve(this.#source());
      this.#token = asked;
      // What failed is asked for again the next time.
      asked.catch(() => {
        if (this.#token === asked) this.#token = undefined;
      });
    }
    return this.#token;
  }

  /**
   * Takes another token in place of one that the server refused; asked for once, however many connections were refused.
   * Gives whether there is another.
   */
  async renew(refused: string | undefined): Promise<boolean> {
    if (typeof this.#source !== "function") return false;
    if ((await this.get()) !== refused) return true;
    this.#token = undefined;
    return (await this.get()) !== refused;
  }
}
