import { EverywireError } from "../../core/error.ts";
import type { Identity } from "../../core/identity.ts";
import { MAX_UNCONSUMED_BYTES, toSessionName } from "../../core/mqtt-session.ts";
import { BadPacket, PACKET_TYPES, PacketFramer } from "../../wire/mqtt-frame.ts";
import type { Edge } from "../boundary/edge.ts";
import type { ConnectRequest } from "./decode.ts";
import { CONNECT_REASON, ConnectRefusal, decodeConnect } from "./decode.ts";
import { encodeDisconnect, encodeRefusal, PINGRESP } from "./encode.ts";
import { Inbound } from "./inbound.ts";
import { SessionSocket } from "./session-socket.ts";

/** A client's connection, whatever carries it. */
export interface Transport {
  /** Resolves when the bytes were taken, where that can be known. */
  send(bytes: Uint8Array): Promise<void>;
  close(): void;
}

/** How long a connection may be silent before its CONNECT. */
const CONNECT_TIMEOUT_MS = 10_000;
/** setTimeout overflows beyond this. */
const MAX_TIMER_MS = 2 ** 31 - 1;
const KEEP_ALIVE_TIMEOUT = 0x8d;
const SERVER_SHUTTING_DOWN = 0x8b;
/** How a session is closed when its process ends (self-host/workers/drain.ts). */
const SERVICE_RESTART = 1012;
const NOT_AUTHORIZED = 0x87;
const UNSPECIFIED = 0x80;

/**
 * One connection: it turns bytes into whole packets, finds out who connects, and hands them on from then on ({@link Inbound}).
 * What has to be known of time is here, since the session sleeps: keep-alive, and the end of the token.
 */
export class MqttConnection {
  readonly #edge: Edge;
  readonly #transport: Transport;
  /** Who opened the transport, where it said so. */
  readonly #opener: Identity;
  readonly #framer: PacketFramer;
  #session: SessionSocket | undefined;
  #inbound: Inbound | undefined;
  /** Whether CONNECT has come. How long its session takes to open is ours to answer for, and no fault of the client. */
  #hasConnect = false;
  #version: number | undefined;
  #keepAliveMs = 0;
  #heardMs = Date.now();
  #isEnded = false;
  #room: PromiseWithResolvers<void> | undefined;
  readonly #timers: ReturnType<typeof setTimeout>[] = [];
  /** Resolves when the connection is over, and what came on it is dealt with. */
  readonly ended = Promise.withResolvers<void>();

  constructor(edge: Edge, transport: Transport, opener: Identity) {
    this.#edge = edge;
    this.#transport = transport;
    this.#opener = opener;
    this.#framer = new PacketFramer(edge.settings.limits.MAX_MQTT_PACKET_BYTES);
    this.#after(CONNECT_TIMEOUT_MS, () => {
      if (!this.#hasConnect) this.end();
    });
  }

  get isEnded(): boolean {
    return this.#isEnded;
  }

  /** Takes bytes of the client. Resolves when there is room for more; the next bytes come only then. */
  async onBytes(chunk: Uint8Array): Promise<void> {
    this.#heardMs = Date.now();
    try {
      const packets = this.#framer.push(chunk);
      if (this.#session === undefined && packets.length > 0)
        await this.#connect(packets.shift() as Uint8Array);
      this.#take(packets);
    } catch (thrown) {
      this.#refuse(thrown);
    }
    while (this.#isFull && !this.#isEnded) {
      this.#room ??= Promise.withResolvers<void>();
      await this.#room.promise;
    }
  }

  /** Ends the connection from this side, or notes that the client has; safe to call twice. */
  end(): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    for (const timer of this.#timers) clearTimeout(timer);
    this.#room?.resolve();
    this.#transport.close();
    void this.#finish();
  }

  /** What was read before the end is still the client's: the session ends, and publishes its will, after that. */
  async #finish(): Promise<void> {
    await this.#inbound?.end();
    this.#session?.close();
    this.ended.resolve();
  }

  /** Whether more is on its way in than is held for one client. */
  get #isFull(): boolean {
    const waitingBytes = (this.#inbound?.queuedBytes ?? 0) + (this.#session?.unconsumedBytes ?? 0);
    return waitingBytes > MAX_UNCONSUMED_BYTES;
  }

  #onRoom(): void {
    if (this.#isFull) return;
    this.#room?.resolve();
    this.#room = undefined;
  }

  async #connect(packet: Uint8Array): Promise<void> {
    this.#hasConnect = true;
    const request = decodeConnect(packet, this.#edge.settings.limits.MAX_MQTT_KEEP_ALIVE_SECONDS);
    this.#version = request.version;
    const identity = await this.#identify(request);
    const { opening } = request;
    const name = toSessionName(identity, opening.clientId);
    const socket = await this.#edge.ports.mqttSessions.open(name, { ...opening, identity });
    this.#session = new SessionSocket(socket, {
      onPackets: (bytes) => this.#send(bytes),
      onRoom: () => this.#onRoom(),
      onStop: async () => this.#inbound?.stop(),
      onClosed: (code, reason) => this.#onSessionClosed(code, reason),
    });
    if (this.#isEnded) return this.#session.close();
    this.#inbound = new Inbound({
      edge: this.#edge,
      identity,
      version: request.version,
      wantsReasons: opening.wantsReasons,
      session: this.#session,
      send: (bytes) => void this.#send(bytes),
      onRoom: () => this.#onRoom(),
      onFault: (thrown) => this.#refuse(thrown),
    });
    // Half as long again as was said (MQTT-3.1.2-22).
    this.#keepAliveMs = request.keepAliveSeconds * 1500;
    if (this.#keepAliveMs > 0) this.#watch(this.#keepAliveMs);
    const expiresAtMs = identity.kind === "user" ? identity.expiresAtMs : undefined;
    if (expiresAtMs !== undefined && expiresAtMs - Date.now() <= MAX_TIMER_MS) {
      this.#after(expiresAtMs - Date.now(), () => this.#cut(NOT_AUTHORIZED, "The token has expired."));
    }
  }

  async #identify({ token, version }: ConnectRequest): Promise<Identity> {
    if (token === undefined) return this.#opener;
    try {
      return await this.#edge.ports.tokens.verify(token);
    } catch (thrown) {
      const error = EverywireError.from(thrown);
      if (error.code !== "unauthenticated") throw error;
      throw new ConnectRefusal(version, CONNECT_REASON.NOT_AUTHORIZED, error.message);
    }
  }

  #take(packets: readonly Uint8Array[]): void {
    const others = packets.filter((packet) => !isPing(packet));
    for (let pings = packets.length - others.length; pings > 0; pings -= 1) this.#send(PINGRESP);
    if (others.length > 0 && !this.#isEnded) this.#inbound?.push(others);
  }

  #onSessionClosed(code: number, reason: string): void {
    // Nobody takes what the client has sent since.
    void this.#inbound?.stop();
    if (code === SERVICE_RESTART) this.#cut(SERVER_SHUTTING_DOWN, reason);
    this.end();
  }

  /** It never rejects: a transport that takes nothing more has ended. */
  #send(bytes: Uint8Array): Promise<void> {
    return this.#transport.send(bytes).catch(() => this.end());
  }

  /** Looks whether the client was heard of in time. */
  #watch(delayMs: number): void {
    this.#after(delayMs, () => {
      const silentMs = Date.now() - this.#heardMs;
      // While we do not read, its silence is ours.
      if (silentMs < this.#keepAliveMs || this.#room !== undefined) {
        this.#watch(Math.max(100, this.#keepAliveMs - silentMs));
      } else {
        this.#cut(KEEP_ALIVE_TIMEOUT, "Nothing came within the keep-alive time.");
      }
    });
  }

  #after(delayMs: number, run: () => void): void {
    const timer = setTimeout(
      () => {
        this.#timers.splice(this.#timers.indexOf(timer), 1);
        if (!this.#isEnded) run();
      },
      Math.min(Math.max(0, delayMs), MAX_TIMER_MS),
    );
    this.#timers.push(timer);
  }

  /** Ends a connection for a reason, which MQTT 5 is told. */
  #cut(reasonCode: number, reason: string): void {
    if (this.#version === 5) this.#send(encodeDisconnect(reasonCode, reason));
    this.end();
  }

  #refuse(thrown: unknown): void {
    if (this.#isEnded) return;
    if (this.#session !== undefined) {
      if (!(thrown instanceof BadPacket)) console.error("An MQTT connection was cut by a fault", thrown);
      const [reasonCode, reason] =
        thrown instanceof BadPacket
          ? [thrown.reasonCode, thrown.message]
          : [UNSPECIFIED, "Something went wrong."];
      this.#cut(reasonCode, reason);
      return;
    }
    const refusal = toRefusal(thrown, this.#version);
    if (refusal !== undefined) this.#send(refusal);
    this.end();
  }
}

/** The answer to a CONNECT that cannot be met; undefined where there is none, as to what is no MQTT at all. */
function toRefusal(thrown: unknown, version: number | undefined): Uint8Array | undefined {
  if (thrown instanceof ConnectRefusal) {
    return encodeRefusal(thrown.version ?? version ?? 4, thrown.reasonCode, thrown.message);
  }
  if (thrown instanceof BadPacket) {
    return version === 5 ? encodeRefusal(5, thrown.reasonCode, thrown.message) : undefined;
  }
  const error = EverywireError.from(thrown);
  if (error.code === "internal") console.error("An MQTT session could not be opened", error.cause ?? error);
  return encodeRefusal(version ?? 4, CONNECT_REASON.UNAVAILABLE, error.message);
}

function isPing(packet: Uint8Array): boolean {
  return packet.byteLength === 2 && packet[0] === PACKET_TYPES.PINGREQ << 4;
}
