import type { Line } from "../webtransport/worker-lines.ts";

export interface MirroredEvent {
  readonly channel: string;
  /** The CloudEvent; `sequence` is the cursor after it, absent where it is not stored. */
  readonly event: Line;
}

/** Where events are carried to. */
export interface Sink {
  /** Resolves when whoever takes them has all of them for good. @throws Error where that is not known */
  take(events: readonly MirroredEvent[]): Promise<void>;
}
