import type { OperationContext } from "../core/context.ts";
import type { Identity } from "../core/identity.ts";
import { createId } from "../core/ids.ts";
import type { MqttOpening } from "../core/mqtt-session.ts";
import { toReceiveMaximum } from "../core/mqtt-session.ts";
import { BadPacket, PROTOCOL_ERROR } from "../wire/mqtt-frame.ts";
import type { ChannelFollower } from "./channel-follower.ts";
import type { Directory } from "./directory.ts";
import type { MqttChannels } from "./mqtt-channels.ts";
import { encodeConnack, TOPIC_ALIAS_MAXIMUM } from "./mqtt-connack.ts";
import { MqttLink } from "./mqtt-link.ts";
import type { MqttOutbound } from "./mqtt-outbound.ts";
import { encodePacket, REASON } from "./mqtt-packets.ts";
import type { MqttRetained } from "./mqtt-retained.ts";
import type { SessionState } from "./mqtt-session-state.ts";
import { expiresAtMs, nextSessionAlarmMs, toExpirySeconds, willDueMs } from "./mqtt-session-state.ts";
import type { SessionStore } from "./mqtt-session-store.ts";
import type { MqttShares } from "./mqtt-shares.ts";
import { publishWill } from "./mqtt-will.ts";

/** The parts of a session that begin and end with it. */
export interface SessionParts {
  readonly name: string;
  readonly store: SessionStore;
  readonly follower: ChannelFollower;
  readonly outbound: MqttOutbound;
  readonly shares: MqttShares;
  readonly channels: MqttChannels;
  readonly directory: DurableObjectStub<Directory>;
  readonly retained: DurableObjectStub<MqttRetained>;
  link: MqttLink | undefined;
  context(): OperationContext;
  toContext(identity: Identity): OperationContext;
  setAlarm(dueMs: number): void;
}

const DISCONNECT_WITH_WILL = 0x04;

/** The life of a session: its connections, one after the other, its will, its end, and the alarm that sees to them. */
export class MqttSessionLife {
  readonly #parts: SessionParts;
  #alarmMs: number | undefined;

  constructor(parts: SessionParts) {
    this.#parts = parts;
  }

  /** A connection, in place of any that there is (MQTT 5 §3.1.4). */
  async connect(socket: WebSocket, opening: MqttOpening): Promise<void> {
    const { limits, hasRateLimits } = this.#parts.toContext(opening.identity);
    await this.#endBefore(opening);
    const before = this.#parts.store.state;
    const state: SessionState = {
      clientId: opening.clientId,
      publisherId: before?.publisherId ?? createId("mbr"),
      identity: opening.identity,
      version: opening.version,
      expirySeconds: toExpirySeconds(opening.expirySeconds, limits.MAX_MQTT_SESSION_SECONDS),
      endedMs: undefined,
      will: opening.will,
      receiveMaximum: opening.receiveMaximum,
      maximumPacketBytes: opening.maximumPacketBytes,
      topicAliasMaximum: Math.min(opening.topicAliasMaximum, TOPIC_ALIAS_MAXIMUM),
      wantsReasons: opening.wantsReasons,
      isUntold: before?.isUntold ?? false,
    };
    if (before === undefined) {
      this.#parts.store.begin(state);
      this.#parts.follower.begin();
    } else {
      this.#parts.store.clearAliases();
      this.#parts.store.save(state);
    }
    this.#parts.channels.clear();
    this.#parts.outbound.onSubscriptionsChanged();
    const link = new MqttLink(socket, opening.version);
    this.#parts.link = link;
    const receiveMaximum = toReceiveMaximum(limits, hasRateLimits);
    link.send(encodeConnack(opening, state, before !== undefined, receiveMaximum, limits));
    this.#schedule();
    if (before === undefined) return;
    this.#parts.outbound.resend();
    if (state.isUntold) await this.follow();
    await this.#parts.follower.resume();
    await this.#parts.shares.tellAll();
  }

  /** Ends what was there: another connection, a session that is over, or one that the client does not want. */
  async #endBefore({ isCleanStart }: MqttOpening): Promise<void> {
    const old = this.#parts.link;
    if (old !== undefined) {
      // What its client had published comes before anything of the new connection, and before the will.
      await old.stop();
      if (old.version === 5) old.send(encodePacket({ cmd: "disconnect", reasonCode: REASON.TAKEN_OVER }, 5));
      await this.onCut();
    } else if (this.#parts.store.state !== undefined && this.#parts.store.state.endedMs === undefined) {
      // The runtime died under the connection.
      await this.onCut();
    }
    const { state } = this.#parts.store;
    if (state === undefined) return;
    if (isCleanStart || expiresAtMs(state) <= Date.now()) await this.#endSession();
  }

  /** The client says goodbye. @throws BadPacket */
  async disconnect(reasonCode: number, expirySeconds: number | undefined): Promise<void> {
    const { state } = this.#parts.store;
    if (state === undefined) return;
    if (expirySeconds !== undefined && expirySeconds > 0 && state.expirySeconds === 0) {
      throw new BadPacket(
        PROTOCOL_ERROR,
        "A session that ends with its connection cannot be given more time.",
      );
    }
    const { limits } = this.#parts.context();
    this.#parts.store.save({
      ...state,
      expirySeconds:
        expirySeconds === undefined
          ? state.expirySeconds
          : toExpirySeconds(expirySeconds, limits.MAX_MQTT_SESSION_SECONDS),
      // Only 0x04 asks for the will to be published all the same (§3.14.2.1).
      will: reasonCode === DISCONNECT_WITH_WILL ? state.will : undefined,
    });
    await this.onCut();
  }

  /** The connection is over. */
  async onCut(): Promise<void> {
    this.#parts.link?.close();
    this.#parts.link = undefined;
    const { state } = this.#parts.store;
    if (state === undefined || state.endedMs !== undefined) return;
    this.#parts.store.save({ ...state, endedMs: Date.now() });
    await this.#settle();
  }

  async onAlarm(): Promise<void> {
    this.#alarmMs = undefined;
    const { state } = this.#parts.store;
    if (state === undefined) return;
    if (state.endedMs === undefined && this.#parts.link === undefined) return this.onCut();
    if (state.endedMs !== undefined) await this.#settle();
    if (this.#parts.store.state?.isUntold === true) await this.follow();
    if (this.#parts.link !== undefined) await this.#parts.follower.resume();
    this.#schedule();
  }

  /** Does what is due for a session without a connection: its will, its end. */
  async #settle(): Promise<void> {
    const { state } = this.#parts.store;
    if (state === undefined || state.endedMs === undefined) return;
    const nowMs = Date.now();
    if (expiresAtMs(state) <= nowMs) return this.#endSession();
    if (state.will !== undefined && willDueMs(state) <= nowMs) await this.#publishWill();
    this.#schedule();
  }

  async #publishWill(): Promise<void> {
    const { state } = this.#parts.store;
    if (state?.will === undefined) return;
    await publishWill(this.#parts.context(), state.will, this.#parts.retained);
    const now = this.#parts.store.state;
    if (now !== undefined) this.#parts.store.save({ ...now, will: undefined });
  }

  /** The end: nobody is told of anything any more. */
  async #endSession(): Promise<void> {
    await this.#publishWill();
    await this.#parts.shares.leaveAll();
    if (this.#parts.store.subscriptions.size > 0 || this.#parts.store.state?.isUntold === true) {
      await this.#parts.directory.forget({ kind: "mqtt", id: this.#parts.name });
    }
    this.#parts.follower.clear();
    this.#alarmMs = undefined;
    await this.#parts.store.end();
  }

  /**
   * Tells the directory what is followed. For a session that lasts it is noted first that it has to be told, so that it is
   * told in the end; another one ends where it cannot be.
   */
  async follow(): Promise<void> {
    const { state, isInTables } = this.#parts.store;
    if (state === undefined) return;
    if (isInTables && !state.isUntold) this.#parts.store.save({ ...state, isUntold: true });
    const globs = new Set<string>();
    for (const { glob, share } of this.#parts.store.subscriptions.values())
      if (share === undefined) globs.add(glob);
    await this.#parts.directory.subscribe({ kind: "mqtt", id: this.#parts.name }, [...globs]);
    const now = this.#parts.store.state;
    if (now?.isUntold === true) this.#parts.store.save({ ...now, isUntold: false });
  }

  #schedule(): void {
    const dueMs = nextSessionAlarmMs(this.#parts.store.state, Date.now());
    if (dueMs !== undefined) this.wakeAt(dueMs);
  }

  /** The earlier of two alarms counts: one that comes too early finds nothing to do and is set anew. */
  wakeAt(dueMs: number): void {
    if (this.#alarmMs !== undefined && this.#alarmMs <= dueMs && this.#alarmMs > Date.now()) return;
    this.#alarmMs = dueMs;
    void this.#parts.setAlarm(dueMs);
  }
}
