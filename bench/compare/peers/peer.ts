import type { RequestParts } from "../../http-connection.ts";
import type { Sample } from "../../rounds.ts";

/** A stack that Everywire is measured beside, or Everywire itself. */
export interface Peer {
  readonly name: string;
  /** How it is set up, in a few words, for the report. */
  readonly setup: string;
  /** Files that it cannot start without; where one is missing, it is left out with the reason. */
  readonly needs: readonly Need[];
  /** @param directory its own, empty, on the disk; whoever gave it removes it */
  start(directory: string): Promise<RunningPeer>;
}

export interface Need {
  /** An absolute path. */
  readonly file: string;
  /** Where it comes from: a Debian package, or npm. */
  readonly from: string;
  /** Whether it is in the peers' own `package.json`, and so installed by the run. */
  readonly isFromPeersPackage?: boolean;
}

export interface RunningPeer {
  readonly doors: Doors;
  /** Its processes; what those started counts with them. */
  processIds(): readonly number[];
  /** SIGKILL to all of them, as a crash would be. */
  kill(): Promise<void>;
  /** Starts it again, on the same ports, with what is left of its state. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

/** For each work how the client of that wire, which is the same for all, reaches the peer. Left out: it does not do it. */
export interface Doors {
  readonly read?: RequestParts;
  readonly publish?: Publishing;
  readonly webSockets?: Broadcast;
  readonly eventStreams?: Broadcast;
  readonly graphql?: RequestParts;
  readonly grpc?: GrpcDoor;
  readonly connect?: RequestParts;
  readonly grpcWeb?: RequestParts;
  readonly jsonRpc?: RequestParts;
  readonly mqtt?: MqttDoor;
  readonly queue?: QueueDoor;
}

export interface Publishing {
  /** What an acknowledgement promises, as it is set up. */
  readonly promise: string;
  /** So many writers, each of which sends its next event when the last was acknowledged. */
  run(writers: number, durationMs: number): Promise<Sample>;
  /** Publishes so many, all acknowledged, apart from what `run` publishes. */
  write(count: number): Promise<void>;
  /** How many of those of `write` can be read. */
  countWritten(): Promise<number>;
}

/** A channel with readers, and where its events are published over HTTP. */
export interface Broadcast {
  readonly readUrl: string;
  readonly publish: RequestParts;
  /** What a WebSocket's reader says first. */
  readonly greeting?: string;
}

export interface GrpcDoor {
  readonly url: string;
  readonly path: string;
  /** The message, encoded. */
  readonly message: Uint8Array;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface MqttDoor {
  readonly promise: string;
  readonly port: number;
  readonly webSocketUrl: string;
}

export interface QueueDoor {
  readonly promise: string;
  /** One message at a time: put in, taken out, and acknowledged before the next. */
  run(durationMs: number): Promise<Sample>;
}
