import type { ErrorCode } from "../../core/error.ts";
import type { TcpPortName } from "../../core/settings.ts";

/** A server under test. */
export interface Target {
  /** Without a slash at the end. */
  readonly url: string;
  readonly token?: string;
  /** Where it listens on TCP, for the doors that need it. */
  readonly tcpPorts?: Readonly<Record<TcpPortName, number>> | undefined;
  /** Where the gateway listens that stands before it, if any. */
  readonly gateway?: TargetGateway | undefined;
}

export interface TargetGateway {
  readonly tlsPort: number;
  readonly grpcPort: number;
  readonly healthPort: number;
  readonly udpPort: number;
  /** SHA-256 of its certificate, in base64. */
  readonly certificateHash: string;
  /** The certificate itself, in PEM, which is its own authority. */
  readonly certificatePath: string;
}

export interface ReceivedEvent {
  /** Undefined for `everywire.gap` and for ephemeral events. */
  readonly sequence: string | undefined;
  /** The whole CloudEvent. */
  readonly event: Readonly<Record<string, unknown>>;
}

/** A live reader on one door. */
export interface Reader {
  /** The next event; rejects where none comes in time. */
  next(timeoutMs?: number): Promise<ReceivedEvent>;
  /** The cursor to resume from, on this door or another; undefined while nothing has told it. */
  readonly cursor: string | undefined;
  /** Cuts the connection abruptly. */
  cut(): Promise<void>;
}

export interface PublishedEvent {
  readonly type: string;
  readonly data?: unknown;
  readonly data_base64?: string;
  readonly id?: string;
  readonly source?: string;
}

export interface Published {
  readonly id: string;
  readonly sequence: string;
  readonly duplicate: boolean;
}

/** One door, as the suite drives it: with a client of that wire, over a real socket. */
export interface DoorDriver {
  readonly name: string;
  /** The door's name in `functions/routes.ts`, where one door has several drivers. */
  readonly door?: string;
  /** Why no name of a channel is refused, on a wire with names of its own. */
  readonly takesAnyName?: string;
  /** Why it cannot carry the largest events, where the wire itself cannot: the suite then leaves those out. */
  readonly carriesNoLargeEvents?: string;
  /** @throws DoorError */
  publish?(target: Target, channel: string, event: PublishedEvent): Promise<Published>;
  /** Resolves when the reader is live, so that it sees whatever is published afterwards. @throws DoorError */
  read?(target: Target, channel: string, after?: string): Promise<Reader>;
}

/** An error as the wire told it. */
export class DoorError extends Error {
  override readonly name = "DoorError";
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}

export const DEFAULT_TIMEOUT_MS = 10_000;
