import type { After } from "../core/cursor.ts";
import type { Gap, ReadRequest } from "../core/ports.ts";
import type { Failure, Result } from "../core/result.ts";
import type { FeedPlace, RelayReferral } from "../wire/relay-text.ts";

/** What a relay tells of its readers. What was counted later has the higher `version`. */
export interface RelayReport {
  readonly version: number;
  /** Those whose sockets it has, and those that it is about to let in. */
  readonly readers: number;
}

/** Where a reader starts on a relay. */
export interface RelayStart {
  /** The cursor that it reads on from. */
  readonly from: string;
  readonly gap: Gap | undefined;
  /** Where the channel's other readers stand; the relay has been told all up to there. */
  readonly place: FeedPlace;
}

/** A relay, as its channel sees it. */
export interface RelayObject extends Rpc.DurableObjectBranded {
  /** Takes what came (`wire/relay-text.ts`); resolves when its readers have it. */
  deliver(news: string): Promise<RelayReport>;
}

/** A channel, as its relays see it. */
export interface RelayedChannel extends Rpc.DurableObjectBranded {
  /** Says where a new reader of a relay starts, and from then on tells the relay of what comes; or which relay has room. */
  openRelayed(relay: number, after: After, report: RelayReport): Promise<Result<RelayStart | RelayReferral>>;
  onRelayReport(relay: number, report: RelayReport): Promise<void>;
  readText(request: ReadRequest): Promise<string | Failure>;
}
