/** A CloudEvent 1.0 as the log gives it (CONTRACT §1). */
export interface CloudEvent<Data = unknown, Type extends string = string> {
  readonly specversion: "1.0";
  readonly id: string;
  readonly source: string;
  readonly type: Type;
  readonly time: string;
  /** The channel. */
  readonly subject: string;
  /** Its place in the log, and the cursor to resume from; undefined for what is not stored (`presence.join`, `chat.typing`). */
  readonly sequence?: string;
  readonly datacontenttype?: string;
  readonly dataschema?: string;
  readonly data: Data;
  /** Bytes, in place of `data`. */
  readonly data_base64?: string;
  /** Extension attributes. */
  readonly [extension: string]: unknown;
}

/** What is published. Extension attributes are lower-case letters and digits. */
export interface NewEvent<Data = unknown, Type extends string = string> {
  readonly type: Type;
  readonly data?: Data;
  readonly data_base64?: string;
  /** Makes a repeat harmless: the same `id` and `source` are stored once. Made at random where it is left out. */
  readonly id?: string;
  /** Left out, it is the publisher's identity. */
  readonly source?: string;
  readonly time?: string;
  readonly datacontenttype?: string;
  readonly dataschema?: string;
  readonly [extension: string]: unknown;
}

/** What the log answers to a publish: from then on it is durable. */
export interface Published {
  readonly id: string;
  /** Its place in the log; undefined for what is not stored. */
  readonly sequence: string | undefined;
  /** Whether the log had it already. */
  readonly duplicate: boolean;
}

/** What a reader missed: events after `requested` are not kept any more, and reading goes on behind `resumedAt`. */
export interface Gap {
  readonly requested: string;
  readonly resumedAt: string;
}

export const GAP_TYPE = "everywire.gap";

/** Told before any event where the cursor was too old, or from an earlier life of the channel. */
export type GapEvent = CloudEvent<Gap, typeof GAP_TYPE>;

/** Types that are delivered to who listens now, and never stored. */
const EPHEMERAL_TYPES: readonly string[] = ["presence.join", "presence.leave", "chat.typing"];

export function isEphemeralType(type: string): boolean {
  return EPHEMERAL_TYPES.includes(type);
}

export function isGap(event: CloudEvent): event is GapEvent {
  return event.type === GAP_TYPE;
}
