import { createEpoch } from "../core/cursor.ts";
import { EverywireError } from "../core/error.ts";
import { unwrap } from "../core/result.ts";
import type { CreateStreamRequest, ForkRequest } from "../core/stream.ts";
import type { StreamMessage } from "../core/stream-messages.ts";
import type { ForkSource } from "./channel-fork.ts";
import { copyFork, toOrigin } from "./channel-fork.ts";
import type { ChannelLog } from "./channel-log.ts";
import type { ChannelStream } from "./channel-stream.ts";
import type { StreamState } from "./channel-stream-state.ts";
import { toNewStream } from "./channel-stream-state.ts";

/** Other channels, as forks and their sources reach each other. */
export interface ForkPeers {
  getByName(name: string): ForkSource & { closeFork(name: string): Promise<unknown> };
}

/** What making a fork needs of its channel. */
export interface ForkHost {
  readonly channelName: string;
  readonly storage: DurableObjectStorage;
  readonly log: ChannelLog;
  readonly stream: ChannelStream;
  readonly peers: ForkPeers;
  takeRate(key: string | undefined, cost: number, nowMs: number): void;
  /** Sees to it that {@link ForkKeeper.release} is called later, whatever happens to this object. */
  scheduleAlarm(nowMs: number): void;
}

type Encode = (state: StreamState, body: Uint8Array, source: string, nowMs: number) => StreamMessage[];

/**
 * Makes a channel a fork of another one, and tells a source when one of its forks is gone. What was promised to another
 * channel is written down before it is promised, so that a fork that was never finished, or that ended while its
 * source could not be reached, is told of by the alarm.
 */
export class ForkKeeper {
  readonly #host: ForkHost;
  readonly #encode: Encode;
  #isForking = false;
  #isReleasing = false;

  constructor(host: ForkHost, encode: Encode) {
    this.#host = host;
    this.#encode = encode;
  }

  /** True while rows are being copied: nothing else may be written then. */
  get isForking(): boolean {
    return this.#isForking;
  }

  /** Copies the source. Gives the first content, which is still to be appended. @throws EverywireError */
  async fork(
    request: CreateStreamRequest,
    fork: ForkRequest,
    nowMs: number,
  ): Promise<readonly StreamMessage[]> {
    const { channelName, log, stream, peers } = this.#host;
    if (fork.source === channelName) throw new EverywireError("not_found", "There is no stream to fork.");
    const source = peers.getByName(fork.source);
    this.#isForking = true;
    try {
      log.prepare(channelName);
      stream.addRelease(fork.source);
      this.#host.scheduleAlarm(nowMs);
      const { offset, subOffset } = fork;
      const opened = unwrap(
        await source.openFork({ name: channelName, offset, subOffset, contentType: request.contentType }),
      );
      const state = toNewStream(request, { source: opened.stream, fork: toOrigin(fork, opened) }, Date.now());
      const messages = this.#encode(state, request.body, request.source, nowMs);
      this.#host.takeRate(request.rateKey, Math.max(1, messages.length), nowMs);
      const epoch = createEpoch(nowMs, Math.random());
      await copyFork(source, log, channelName, opened, epoch);
      this.#host.storage.transactionSync(() => {
        log.finishCopy(epoch, Math.min(opened.first, opened.last + 1));
        stream.put(state);
        stream.removeRelease(fork.source);
      });
      return messages;
    } catch (thrown) {
      log.dropCopy();
      this.#isForking = false;
      await this.release();
      throw thrown;
    } finally {
      this.#isForking = false;
    }
  }

  /** Tells the sources that this channel is no fork of them any more. What fails is tried again by the alarm. */
  async release(): Promise<boolean> {
    const { channelName, stream, peers } = this.#host;
    // Who is told may have something to tell in turn: to this channel, where two were made of each other.
    if (this.#isForking || this.#isReleasing) return false;
    this.#isReleasing = true;
    try {
      for (const source of stream.releases) {
        await peers.getByName(source).closeFork(channelName);
        stream.removeRelease(source);
      }
      return true;
    } catch (cause) {
      console.warn(`A source was not told that ${channelName} is no fork of it any more; it will be.`, cause);
      return false;
    } finally {
      this.#isReleasing = false;
    }
  }
}
