import type { RequestParts } from "./http-connection.ts";
import { HttpConnection, toRequestText } from "./http-connection.ts";
import type { Sample } from "./rounds.ts";

/** One channel with one reader. */
export interface PolledChannel {
  /** Where it is polled, up to where the cursor goes. */
  readonly pollUrl: string;
  /** The cursor before its first event. */
  readonly earliest: string;
  readonly publish: RequestParts;
}

/**
 * Each channel's reader asks for what comes next and its publisher publishes it; when the poll was answered, it asks again
 * from the cursor that it was given. An operation is an event that arrived so.
 */
export class LongPollLoad {
  readonly #channels: readonly PolledChannel[];
  readonly #cursors: string[];

  constructor(channels: readonly PolledChannel[]) {
    this.#channels = channels;
    this.#cursors = channels.map(({ earliest }) => earliest);
  }

  async run(durationMs: number): Promise<Sample> {
    const latenciesMs: number[] = [];
    const startedMs = performance.now();
    const follow = async ({ pollUrl, publish }: PolledChannel, index: number) => {
      const [reader, publisher] = await Promise.all([
        HttpConnection.open(pollUrl),
        HttpConnection.open(publish.url),
      ]);
      const request = toRequestText(publish);
      for (let sentMs = performance.now(); sentMs - startedMs < durationMs; ) {
        const poll = toRequestText({ method: "GET", url: `${pollUrl}${this.#cursors[index]}` });
        const answers = await Promise.all([reader.send(poll), publisher.send(request)]);
        const next = /"next":"([^"]+)"/.exec(reader.body)?.[1];
        if (next === undefined || answers[0] !== 200) throw new Error(`A poll was answered ${answers[0]}.`);
        this.#cursors[index] = next;
        const doneMs = performance.now();
        latenciesMs.push(doneMs - sentMs);
        sentMs = doneMs;
      }
      reader.close();
      publisher.close();
    };
    await Promise.all(this.#channels.map(follow));
    return { operations: latenciesMs.length, elapsedMs: performance.now() - startedMs, latenciesMs };
  }
}
