import type { Standing } from "../interleave.ts";

/** What the chapter measured; plain JSON. */
export interface PeersFigures {
  readonly subjects: readonly SubjectFigures[];
  readonly works: readonly WorkFigures[];
  readonly durability: readonly DurabilityFigures[];
  readonly idle: readonly IdleFigures[];
}

export interface SubjectFigures {
  readonly name: string;
  readonly setup: string;
  /** Why it is not in this run. */
  readonly missing?: string;
}

export interface WorkFigures {
  readonly name: string;
  readonly title: string;
  /** What one operation is. */
  readonly unit: string;
  /** How it was done, in a sentence or two. */
  readonly how: string;
  readonly standings: readonly Standing[];
  /** What an acknowledgement promises, by subject. */
  readonly promises?: Readonly<Record<string, string>>;
  /** What was offered, where that is less than all that a subject takes: operations a second. */
  readonly offered?: number;
}

/** What was acknowledged, and what of it was there after `kill -9` and a start. */
export interface DurabilityFigures {
  readonly name: string;
  readonly what: string;
  readonly promise: string;
  readonly acknowledged?: number;
  readonly left?: number;
  readonly failure?: string;
  /** How often its processes asked for data to be on the disk, for one event: what a power cut would leave hangs on it. */
  readonly syncs?: SyncFigures;
  /** Why that is not known. */
  readonly noSyncs?: string;
}

/** What `what` says of it. */
export const PUBLISH_TRIAL = "publish";
export const MQTT_TRIAL = "MQTT, QoS 1 to a session that is away";

export interface SyncFigures {
  readonly atOneWriter: number;
  readonly atManyWriters: number;
}

export interface IdleFigures {
  readonly name: string;
  readonly kind: "WebSocket" | "SSE";
  readonly readers: number;
  /** What one more reader adds to the memory of the server's processes; left out where there is no /proc. */
  readonly kibEach?: number;
  readonly failure?: string;
}
