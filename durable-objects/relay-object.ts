import type { After } from "../core/cursor.ts";
import type { Gap, Member, ReadRequest } from "../core/ports.ts";
import type { Failure, Result } from "../core/result.ts";
import type { FeedPlace, RelayReferral } from "../wire/relay-text.ts";
import type { ClientAttachment } from "./channel-sockets.ts";

/** A member on a relay, with those of its connections that the relay has. */
export interface RelayMember extends Member {
  readonly isAnonymous: boolean;
}

/** What a relay tells of its readers. What was counted later has the higher `version`. */
export interface RelayReport {
  readonly version: number;
  /** When the relay's object began: what it told in an earlier life was of sockets that are gone. */
  readonly born: number;
  /** Those whose sockets it has, and those that it is about to let in. */
  readonly readers: number;
  /** A member that has more connections now, or fewer. */
  readonly change?: MemberChange | undefined;
  /** All of them, where the channel asks, or where it could not be told of a change. */
  readonly members?: readonly RelayMember[] | undefined;
}

export interface MemberChange extends RelayMember {
  /** How many connections it had before. */
  readonly before: number;
}

/** Where a reader starts on a relay. */
export interface RelayStart {
  /** The cursor that it reads on from. */
  readonly from: string;
  readonly gap: Gap | undefined;
  /** Where the channel's other readers stand; the relay has been told all up to there. */
  readonly place: FeedPlace;
}

/** What a client sent to a relay. */
export interface RelayedFrame {
  /** The relay's own number for the socket that it came on. */
  readonly connection: number;
  readonly attachment: ClientAttachment;
  readonly message: string | ArrayBuffer;
}

export interface RelayedAnswer {
  readonly connection: number;
  readonly text: string;
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
  /** Does what clients ask. Gives what each is answered, in order. */
  onRelayedFrames(relay: number, frames: readonly RelayedFrame[]): Promise<readonly RelayedAnswer[]>;
  readText(request: ReadRequest): Promise<string | Failure>;
}
