import type { AppendRequest, EncodedEvent, Receipt, StoredEvent } from "../core/ports.ts";
import type { Failure } from "../core/result.ts";
import { attempt } from "../core/result.ts";
import type { Appended, ChannelLog } from "./channel-log.ts";
import type { ChannelRates } from "./channel-rates.ts";
import { decideProducer } from "./channel-state.ts";
import type { StreamCommands } from "./channel-stream-commands.ts";

/** What appends need of the channel. */
export interface AppendHost {
  readonly channelName: string;
  readonly log: ChannelLog;
  readonly rates: ChannelRates;
  readonly streams: Pick<StreamCommands, "isNeeded" | "onPublish">;
}

/** What became of several requests: of each, in their order, and the new events of all. */
export interface AppendedAll {
  readonly outcomes: readonly (readonly Receipt[] | Failure)[];
  readonly fresh: readonly StoredEvent[];
}

/** How publishes get into the log: each request whole or not at all, and what comes together as one write. */
export class ChannelAppends {
  readonly #host: AppendHost;

  constructor(host: AppendHost) {
    this.#host = host;
  }

  /** Each request whole or not at all; what is refused of them does not touch the others. */
  storeAll(requests: readonly AppendRequest[], nowMs: number): AppendedAll {
    const outcomes: (readonly Receipt[] | Failure)[] = [];
    const fresh: StoredEvent[] = [];
    let together: Together[] = [];
    let events: EncodedEvent[] = [];
    const write = () => {
      const { log, channelName } = this.#host;
      const appended = log.append(channelName, events, undefined, nowMs);
      fresh.push(...appended.fresh);
      for (const { index, from, to } of together) outcomes[index] = appended.receipts.slice(from, to);
      together = [];
      events = [];
    };
    for (const [index, request] of requests.entries()) {
      const admitted = attempt(() => this.#admit(request, nowMs));
      if (!admitted.ok) {
        outcomes[index] = admitted;
      } else if (request.producer === undefined) {
        const from = events.length;
        events.push(...request.events);
        together.push({ index, from, to: events.length });
      } else {
        // Where its producer stands is written with its events, and looked up before.
        if (together.length > 0) write();
        const outcome = attempt(() => this.#write(request, nowMs));
        if (outcome.ok) fresh.push(...outcome.value.fresh);
        outcomes[index] = outcome.ok ? outcome.value.receipts : outcome;
      }
    }
    if (together.length > 0) write();
    return { outcomes, fresh };
  }

  #admit({ rateKey, events }: AppendRequest, nowMs: number): void {
    const { streams, rates } = this.#host;
    if (streams.isNeeded) streams.onPublish(nowMs);
    rates.takePublishes(rateKey, events.length, nowMs);
  }

  #write({ events, producer }: AppendRequest, nowMs: number): Appended {
    const { log, channelName } = this.#host;
    if (producer !== undefined) {
      const decision = decideProducer(log.findProducer(producer.id), producer);
      if (decision.kind === "duplicate") {
        const receipts = events.map(() => ({ sequence: decision.cursor, duplicate: true }));
        return { receipts, fresh: [] };
      }
    }
    return log.append(channelName, events, producer, nowMs);
  }
}

/** A request that is written with others: its place among all, and that of its events among theirs. */
interface Together {
  readonly index: number;
  readonly from: number;
  readonly to: number;
}
