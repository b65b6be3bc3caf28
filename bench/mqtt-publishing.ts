import { MqttClient } from "./mqtt-client.ts";
import type { Sample } from "./rounds.ts";

/** Publishes that are not yet acknowledged. */
const WINDOW = 50;
const PAYLOAD = JSON.stringify({ type: "bench", data: { text: "x".repeat(90) } });
const ARRIVAL_MS = 8000;

/**
 * QoS 0: one client publishes, another receives; an operation is a message that arrived. At most `WINDOW` are on their way,
 * as there is no acknowledgement to wait for, and a queue without end would be measured instead.
 */
export async function loadQos0(address: number | string, topic: string, durationMs: number): Promise<Sample> {
  const reader = await MqttClient.connect(address);
  await reader.subscribe(topic, 0);
  const publisher = await MqttClient.connect(address);
  const run = new Run(durationMs, (sent) => publisher.publish(topic, PAYLOAD, 0, (sent % 65_535) + 1));
  reader.onPacket = ({ cmd }) => {
    if (cmd === "publish") run.onDone();
  };
  try {
    return await run.finish(Promise.race([reader.closed, publisher.closed]));
  } finally {
    publisher.close();
    reader.close();
  }
}

/** QoS 1: an operation is a publish that was acknowledged, with `WINDOW` of them on their way. */
export async function loadQos1(
  address: number | string,
  topic: string,
  durationMs: number,
  window = WINDOW,
): Promise<Sample> {
  const publisher = await MqttClient.connect(address);
  const run = new Run(
    durationMs,
    (sent) => publisher.publish(topic, PAYLOAD, 1, (sent % 65_535) + 1),
    window,
  );
  publisher.onPacket = ({ cmd }) => {
    if (cmd === "puback") run.onDone();
  };
  try {
    return await run.finish(publisher.closed);
  } finally {
    publisher.close();
  }
}

/** Keeps a window of operations going. What was sent first is done first: both wires and brokers keep the order. */
class Run {
  readonly #durationMs: number;
  readonly #send: (sent: number) => void;
  readonly #window: number;
  readonly #sentMs: number[] = [];
  readonly #latenciesMs: number[] = [];
  readonly #over = Promise.withResolvers<void>();
  readonly #startedMs = performance.now();

  constructor(durationMs: number, send: (sent: number) => void, window = WINDOW) {
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
    this.#send(this.#sentMs.length);
  }
}
