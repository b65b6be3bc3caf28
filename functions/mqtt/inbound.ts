import type { ChannelName } from "../../core/channel-name.ts";
import { EverywireError } from "../../core/error.ts";
import type { Identity } from "../../core/identity.ts";
import { withPublisher } from "../../core/mqtt-message.ts";
import type { PublishTerms } from "../../core/mqtt-session.ts";
import { toReceiveMaximum } from "../../core/mqtt-session.ts";
import type { PublishResult } from "../../core/operations/publish-event.ts";
import { publishOnLine } from "../../core/operations/publish-event.ts";
import { concatBytes } from "../../wire/bytes.ts";
import { encodeAcknowledgement, encodeStored } from "../../wire/mqtt-acknowledgement.ts";
import { isAcknowledgement } from "../../wire/mqtt-frame.ts";
import type { Edge } from "../boundary/edge.ts";
import { createOperationContext } from "../boundary/edge.ts";
import { BusyChannels } from "./busy-channels.ts";
import type { PlainPublish } from "./plain-publish.ts";
import { readPlainPublish } from "./plain-publish.ts";
import type { SessionSocket } from "./session-socket.ts";

/** Who sends the packets, and where they go. */
export interface InboundParts {
  readonly edge: Edge;
  readonly identity: Identity;
  readonly version: number;
  /** Whether a client of MQTT 5 wants to be told more than it must be. */
  readonly wantsReasons: boolean;
  readonly session: Pick<SessionSocket, "send" | "settle">;
  /** Answers the client. */
  send(bytes: Uint8Array): void;
  /** There is room for more. */
  onRoom(): void;
  /** Nothing more can be taken. */
  onFault(thrown: unknown): void;
}

/**
 * The packets of a client on their way in, in their order. A plain publish to a channel that the client publishes to again
 * and again is stored from here, since no session has to know of it. Everything else is the session's, as is what is refused:
 * it knows what to say. Nothing that is stored from here overtakes what the session was sent before: that is waited for.
 */
export class Inbound {
  readonly #parts: InboundParts;
  readonly #busy: BusyChannels;
  #queue: Uint8Array[] = [];
  #queuedBytes = 0;
  /** What was found when a packet was looked at, which is counted, so it is done once. */
  #looked: { readonly packet: Uint8Array; readonly plain: PlainPublish | undefined } | undefined;
  /** Known while the session has dealt with all that was sent to it. */
  #terms: PublishTerms | undefined;
  #isStopped = false;
  #isRunning = false;
  #idle: PromiseWithResolvers<void> | undefined;

  constructor(parts: InboundParts) {
    this.#parts = parts;
    this.#busy = new BusyChannels((channel) => parts.edge.ports.channels.openAppendLine(channel));
  }

  /** Bytes that wait for their turn. */
  get queuedBytes(): number {
    return this.#queuedBytes;
  }

  push(packets: readonly Uint8Array[]): void {
    if (this.#isStopped) return;
    for (const packet of packets) {
      this.#queue.push(packet);
      this.#queuedBytes += packet.byteLength;
    }
    if (!this.#isRunning) void this.#run();
  }

  /** Publishes no more than what it has begun with. Resolves when that is done. */
  stop(): Promise<void> {
    this.#isStopped = true;
    this.#queue = [];
    this.#queuedBytes = 0;
    return this.#whenIdle();
  }

  /** Resolves when all that came is dealt with, and nothing is held open any more. */
  async end(): Promise<void> {
    await this.#whenIdle();
    this.#busy.close();
  }

  #whenIdle(): Promise<void> {
    if (!this.#isRunning) return Promise.resolve();
    this.#idle ??= Promise.withResolvers<void>();
    return this.#idle.promise;
  }

  /** It never rejects. */
  async #run(): Promise<void> {
    this.#isRunning = true;
    try {
      for (;;) {
        const head = this.#forwardUntilPlain();
        if (head === undefined) break;
        if ((this.#busy.find(head.channel) ?? (await this.#busy.open(head.channel))) === undefined) {
          this.#forward(this.#queue.length > 0 ? [this.#shift()] : []);
          continue;
        }
        this.#terms ??= await this.#parts.session.settle();
        // Without terms the connection is over, or another one has the session.
        if (this.#terms === undefined) break;
        await this.#publish(this.#takeBatch(), this.#terms);
        this.#parts.onRoom();
      }
    } catch (thrown) {
      this.#parts.onFault(thrown);
    } finally {
      this.#isRunning = false;
      this.#idle?.resolve();
      this.#idle = undefined;
    }
  }

  /** Hands on what is the session's, and gives the first publish after that which is not. */
  #forwardUntilPlain(): PlainPublish | undefined {
    const others: Uint8Array[] = [];
    let plain: PlainPublish | undefined;
    // The session ends the connection of a client that does not keep to its maximum.
    const isOver = this.#isOverReceiveMaximum();
    for (let [packet] = this.#queue; packet !== undefined; [packet] = this.#queue) {
      plain = isOver ? undefined : this.#look(packet);
      if (plain !== undefined) break;
      others.push(this.#shift());
    }
    this.#forward(others);
    return plain;
  }

  #forward(packets: readonly Uint8Array[]): void {
    if (!packets.every(isAcknowledgement)) this.#terms = undefined;
    this.#parts.session.send(packets);
  }

  #isOverReceiveMaximum(): boolean {
    const { edge, version } = this.#parts;
    const { limits, hasRateLimits } = edge.settings;
    return version === 5 && this.#queue.length > toReceiveMaximum(limits, hasRateLimits);
  }

  #look(packet: Uint8Array): PlainPublish | undefined {
    if (this.#looked?.packet !== packet) {
      const { version, identity } = this.#parts;
      const isBusy = (channel: ChannelName) => this.#busy.note(channel, Date.now());
      this.#looked = { packet, plain: readPlainPublish(packet, version, identity, isBusy) };
    }
    return this.#looked.plain;
  }

  #shift(): Uint8Array {
    const packet = this.#queue.shift() as Uint8Array;
    this.#queuedBytes -= packet.byteLength;
    return packet;
  }

  /** Takes the plain publishes at the head of the queue, as many as one append may have. */
  #takeBatch(): readonly PlainPublish[] {
    const { limits } = this.#parts.edge.settings;
    const batch: PlainPublish[] = [];
    let length = 0;
    for (let [packet] = this.#queue; packet !== undefined; [packet] = this.#queue) {
      const plain = this.#look(packet);
      // A batch is bounded in bytes as JSON, in which base64 takes a third more.
      length += packet.byteLength * 2;
      const isFull = batch.length >= limits.MAX_BATCH_EVENTS || length > limits.MAX_BATCH_BYTES;
      if (plain === undefined || (isFull && batch.length > 0)) break;
      if (this.#busy.find(plain.channel) === undefined) break;
      batch.push(plain);
      this.#shift();
    }
    return batch;
  }

  /** Publishes, and answers in the order of the packets. What is refused is the session's, and waits its turn among them. */
  async #publish(batch: readonly PlainPublish[], terms: PublishTerms): Promise<void> {
    const outcomes = await this.#store(batch, terms);
    let answers: Uint8Array[] = [];
    let refused: Uint8Array[] = [];
    for (const publish of batch) {
      const outcome = outcomes.get(publish);
      if (outcome instanceof EverywireError) {
        this.#answer(answers);
        answers = [];
        // At QoS 0 what may have been stored must not be stored again.
        if (publish.packetId !== undefined || !mayBeStored(outcome)) refused.push(publish.bytes);
        continue;
      }
      if (refused.length > 0) {
        this.#forward(refused);
        refused = [];
        this.#terms = await this.#parts.session.settle();
      }
      if (outcome !== undefined && publish.packetId !== undefined)
        answers.push(this.#toAnswer(publish.packetId, outcome));
    }
    this.#answer(answers);
    if (refused.length > 0) this.#forward(refused);
  }

  /** Those of each channel are one append, and channels are written to side by side. */
  async #store(batch: readonly PlainPublish[], { publisher }: PublishTerms): Promise<Outcomes> {
    const { edge, identity } = this.#parts;
    const outcomes: Outcomes = new Map();
    const groups = Map.groupBy(batch, ({ channel }) => channel);
    const publish = async ([channel, group]: [ChannelName, readonly PlainPublish[]]) => {
      try {
        const line = this.#busy.find(channel);
        // It may have been cut since it was found.
        if (line === undefined) throw new EverywireError("unavailable", "The line was cut.");
        const events = group.map(({ event }) => withPublisher(event, publisher));
        const results = await publishOnLine(createOperationContext(edge, identity), channel, line, events);
        for (const [index, one] of group.entries()) outcomes.set(one, results[index]);
      } catch (thrown) {
        const error = EverywireError.from(thrown);
        for (const one of group) outcomes.set(one, error);
      }
    };
    await Promise.all(Array.from(groups, publish));
    return outcomes;
  }

  #answer(answers: readonly Uint8Array[]): void {
    if (answers.length > 0) this.#parts.send(concatBytes(answers));
  }

  #toAnswer(packetId: number, result: PublishResult): Uint8Array {
    const isTold = this.#parts.version === 5 && this.#parts.wantsReasons;
    return isTold ? encodeStored("puback", packetId, result) : encodeAcknowledgement("puback", packetId);
  }
}

type Outcomes = Map<PlainPublish, PublishResult | EverywireError | undefined>;

function mayBeStored({ code }: EverywireError): boolean {
  return code === "internal" || code === "unavailable";
}
