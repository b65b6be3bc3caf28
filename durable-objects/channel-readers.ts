import type { Limits } from "../core/limits.ts";
import type { Presence, StoredEvent } from "../core/ports.ts";
import { ChannelBatches } from "./channel-batches.ts";
import { ChannelHeldStreams } from "./channel-held-streams.ts";
import type { ChannelLog } from "./channel-log.ts";
import { ChannelSockets } from "./channel-sockets.ts";

/** What the readers of a channel need of it. */
export interface ReadersHost {
  readonly channelName: string;
  readonly context: DurableObjectState;
  readonly limits: Limits;
  readonly log: ChannelLog;
  /** Whether nothing more will ever be appended. */
  isClosed(): boolean;
  /** Told when nobody is left to whom the channel writes a stream. */
  onNoStreams(): void;
  /** Told of each event that is not stored, for readers that are not here. */
  onBroadcast(json: string): void;
}

/** All who read a channel live, on sockets and on streams: what is gathered for one is gathered for all. */
export class ChannelReaders {
  readonly sockets: ChannelSockets;
  readonly streams: ChannelHeldStreams;
  readonly #batches: ChannelBatches;

  constructor(host: ReadersHost) {
    const { context, log, limits } = host;
    this.#batches = new ChannelBatches(
      (events) => {
        this.sockets.send(events);
        this.streams.deliver(events);
      },
      () => this.#waiting,
      (delayMs) => scheduler.wait(delayMs),
    );
    this.streams = new ChannelHeldStreams({
      get channelName() {
        return host.channelName;
      },
      limits,
      log,
      isClosed: () => host.isClosed(),
      flush: () => this.#batches.flush(),
      sync: () => context.storage.sync(),
      onEmpty: () => host.onNoStreams(),
    });
    this.sockets = new ChannelSockets(
      context,
      log,
      limits,
      this.#batches,
      () => host.isClosed(),
      (type, json) => {
        this.streams.broadcast(type, json);
        host.onBroadcast(json);
      },
    );
  }

  get presence(): Presence {
    return { members: this.sockets.members, readers: this.size };
  }

  /** How many read, those that catch up among them. */
  get size(): number {
    return this.sockets.size + this.streams.size;
  }

  /** Those to whom an event is sent when it comes. */
  get #waiting(): number {
    return this.sockets.liveSize + this.streams.size;
  }

  /** Sends stored events to everyone who is live, at once or together with those that come just after. */
  deliver(events: readonly StoredEvent[]): void {
    if (this.#waiting > 0) this.#batches.add(events);
  }

  /** Ends whoever has read everything, since nothing more will come; who is behind ends when that is read. */
  finishAll(): void {
    this.sockets.finishAll();
    this.streams.finishAll();
  }

  /** Ends everyone, since the channel was deleted. */
  closeAll(): void {
    this.sockets.closeAll("gone", "the channel was deleted");
    this.streams.closeAll();
  }
}
