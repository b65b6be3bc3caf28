import type { ChannelLog } from "./channel-log.ts";
import type { ChannelSubscribers } from "./channel-subscribers.ts";
import type { Directory } from "./directory.ts";

/** Tells the directory that a channel begins or has ended, and learns from it who follows. */
export class ChannelRegistration {
  readonly #directory: DurableObjectNamespace<Directory>;
  readonly #log: ChannelLog;
  readonly #subscribers: ChannelSubscribers;
  #attempts = 0;

  constructor(
    directory: DurableObjectNamespace<Directory>,
    log: ChannelLog,
    subscribers: ChannelSubscribers,
  ) {
    this.#directory = directory;
    this.#log = log;
    this.#subscribers = subscribers;
  }

  /** How often it failed in a row. */
  get attempts(): number {
    return this.#attempts;
  }

  noteFailure(): void {
    this.#attempts += 1;
  }

  /** It never rejects: where the directory cannot be reached, the alarm tries again. */
  async run(name: string): Promise<void> {
    const directory = this.#directory.getByName("main");
    const { epoch } = this.#log.state;
    try {
      const following = epoch === undefined ? undefined : await directory.register(name, Date.now());
      if (following === undefined) await directory.remove(name);
      // It may have begun or ended again while the directory was being told.
      if (this.#log.state.epoch === epoch) {
        if (following !== undefined) this.#subscribers.set(following, true);
        this.#log.markRegistered();
      }
      this.#attempts = 0;
    } catch (cause) {
      this.#attempts += 1;
      console.warn(`The directory was not told of ${name}; it will be.`, cause);
    }
    this.#subscribers.tellAll();
  }
}
