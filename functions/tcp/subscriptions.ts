import type { ChannelName } from "../../core/channel-name.ts";
import type { OperationContext } from "../../core/context.ts";
import type { After } from "../../core/cursor.ts";
import { EverywireError } from "../../core/error.ts";
import { followEvents } from "../../core/operations/follow-events.ts";
import type { Subscription } from "../../core/ports.ts";
import { withPosition } from "../boundary/first-records.ts";
import type { Ref } from "./decode.ts";
import { encodeError, encodeRecords, encodeSubscribed, HEARTBEAT } from "./encode.ts";
import type { LineWriter } from "./line-writer.ts";

/** What one connection follows. Each channel is written at the pace at which the client reads. */
export class LineSubscriptions {
  readonly #writer: LineWriter;
  readonly #open = new Map<ChannelName, Subscription>();
  readonly #pumps = new Set<Promise<void>>();
  #heartbeat: ReturnType<typeof setInterval> | undefined;

  constructor(writer: LineWriter) {
    this.#writer = writer;
  }

  /**
   * Follows a channel. Who wants to know when that is live names the line; to everybody else each line is an event.
   *
   * @throws EverywireError
   */
  async add(
    context: OperationContext,
    channel: ChannelName,
    after: After,
    ref: Ref | undefined,
  ): Promise<void> {
    const { MAX_SOCKET_SUBSCRIPTIONS: max, HEARTBEAT_SECONDS: heartbeatSeconds } = context.limits;
    if (this.#open.has(channel)) {
      throw new EverywireError("already_exists", "This connection follows that channel already.");
    }
    if (this.#open.size >= max) {
      throw new EverywireError("rate_limited", `One connection has at most ${max} subscriptions.`);
    }
    const { subscription, cursor } = await withPosition(await followEvents(context, channel, after));
    this.#open.set(channel, subscription);
    if (ref !== undefined) await this.#writer.send(encodeSubscribed({ ref }, channel, cursor));
    // A client that vanished without a word is found out only by what is written to it.
    this.#heartbeat ??= setInterval(() => void this.#writer.send(HEARTBEAT), heartbeatSeconds * 1000);
    const pump = this.#pump(channel, subscription);
    this.#pumps.add(pump);
    void pump.finally(() => this.#pumps.delete(pump));
  }

  /** @throws EverywireError `not_found` */
  remove(channel: ChannelName): void {
    const subscription = this.#open.get(channel);
    if (subscription === undefined) {
      throw new EverywireError("not_found", "This connection does not follow that channel.");
    }
    this.#open.delete(channel);
    subscription.close();
  }

  /** Resolves when nothing is followed any more. */
  async settled(): Promise<void> {
    while (this.#pumps.size > 0) await Promise.all(this.#pumps);
  }

  /** Lets go of everything; safe to call twice. */
  end(): void {
    clearInterval(this.#heartbeat);
    for (const subscription of this.#open.values()) subscription.close();
    this.#open.clear();
  }

  async #pump(channel: ChannelName, subscription: Subscription): Promise<void> {
    const isOpen = () => this.#open.get(channel) === subscription;
    try {
      for await (const records of subscription) {
        if (!isOpen()) return;
        await this.#writer.send(encodeRecords(records));
      }
      throw new EverywireError("gone", "Closed, and you have all of it: nothing more will come.");
    } catch (thrown) {
      if (!isOpen()) return;
      this.#open.delete(channel);
      const error = EverywireError.from(thrown);
      if (error.code === "internal") console.error("tcp", error.cause ?? error);
      await this.#writer.send(encodeError({ ref: undefined }, error, { channel }));
    } finally {
      subscription.close();
    }
  }
}
