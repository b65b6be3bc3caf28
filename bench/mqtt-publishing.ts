import { MqttClient } from "./mqtt-client.ts";
import type { Sample } from "./rounds.ts";

/** Publishes that are not yet acknowledged. */
const WINDOW = 50;
const PAYLOAD = JSON.stringify({ type: "bench", data: { text: "x".repeat(90) } });
const ARRIVAL_MS = 8000;

/**
 * One publisher, connected once: what a session costs to make is no part of what a message costs. At QoS 1 an operation is a
 * publish that was acknowledged, with a window of them on their way. At QoS 0 another client receives, and an operation is a
 * message that arrived; as there is no acknowledgement to wait for, the window is of messages that have not arrived, or a
 * queue without end would be measured.
 */
export class MqttPublishing {
  readonly #publisher: MqttClient;
  readonly #reader: MqttClient | undefined;
  readonly #topic: string;
  readonly #window: number;
  #run: Run | undefined;
  #sent = 0;

  private constructor(publisher: MqttClient, reader: MqttClient | undefined, topic: string, window: number) {
    this.#publisher = publisher;
    this.#reader = reader;
    this.#topic = topic;
    this.#window = window;
    const [teller, told] = reader === undefined ? [publisher, "puback"] : [reader, "publish"];
    teller.onPacket = ({ cmd }) => {
      if (cmd === told) this.#run?.onDone();
    };
  }

  /** @param address a port of this machine, or the URL of a WebSocket */
  static async open(
    address: number | string,
    topic: string,
    qos: 0 | 1,
    window = WINDOW,
  ): Promise<MqttPublishing> {
    const publisher = await MqttClient.connect(address);
    if (qos === 1) return new MqttPublishing(publisher, undefined, topic, window);
    const reader = await MqttClient.connect(address);
    await reader.subscribe(topic, 0);
    return new MqttPublishing(publisher, reader, topic, window);
  }

  /** @throws Error where a message does not arrive, or the broker hangs up */
  async run(durationMs: number): Promise<Sample> {
    const qos = this.#reader === undefined ? 1 : 0;
    const send = () => {
      this.#sent += 1;
      this.#publisher.publish(this.#topic, PAYLOAD, qos, (this.#sent % 65_535) + 1);
    };
    this.#run = new Run(durationMs, send, this.#window);
    return await this.#run.finish(
      Promise.race([this.#publisher.closed, ...(this.#reader === undefined ? [] : [this.#reader.closed])]),
    );
  }

  close(): void {
    this.#publisher.close();
    this.#reader?.close();
  }
}

/** Keeps a window of operations going. What was sent first is done first: both wires and brokers keep the order. */
class Run {
  readonly #durationMs: number;
  readonly #send: () => void;
  readonly #window: number;
  readonly #sentMs: number[] = [];
  readonly #latenciesMs: number[] = [];
  readonly #over = Promise.withResolvers<void>();
  readonly #startedMs = performance.now();

  constructor(durationMs: number, send: () => void, window: number) {
    this.#durationMs = durationMs;
    this.#send = send;
    this.#window = window;
  }

  onDone(): void {
    const nowMs = performance.now();
    this.#latenciesMs.push(nowMs - (this.#sentMs[this.#latenciesMs.length] ?? nowMs));
    if (nowMs - this.#startedMs < this.#durationMs) this.#next();
    else if (this.#latenciesMs.length === this.#sentMs.length) this.#over.resolve();
  }

  async finish(closed: Promise<unknown>): Promise<Sample> {
    for (let sent = 0; sent < this.#window; sent += 1) this.#next();
    const timer = setTimeout(
      () =>
        this.#over.reject(
          new Error(`${this.#sentMs.length - this.#latenciesMs.length} messages did not arrive.`),
        ),
      this.#durationMs + ARRIVAL_MS,
    );
    try {
      await Promise.race([
        this.#over.promise,
        closed.then(() => Promise.reject(new Error("The broker hung up."))),
      ]);
    } finally {
      clearTimeout(timer);
    }
    const latenciesMs = this.#latenciesMs;
    return { operations: latenciesMs.length, elapsedMs: performance.now() - this.#startedMs, latenciesMs };
  }

  #next(): void {
    this.#sentMs.push(performance.now());
    this.#send();
  }
}
