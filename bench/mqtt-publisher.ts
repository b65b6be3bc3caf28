import { EVENT_BODY } from "./everywire-client.ts";
import { MqttClient } from "./mqtt-client.ts";
import type { Sample } from "./rounds.ts";

/** How many messages are out without their PUBACK. */
const WINDOW = 16;
const DEADLINE_MS = 30_000;

/** One client that publishes at QoS 1, always so many at once. One operation is one message, acknowledged. */
export class MqttPublisher {
  readonly #client: MqttClient;
  readonly #topic: string;
  #lastId = 0;

  /** @param address a port of this machine, or the URL of a WebSocket */
  static async open(address: number | string, topic: string): Promise<MqttPublisher> {
    return new MqttPublisher(await MqttClient.connect(address), topic);
  }

  private constructor(client: MqttClient, topic: string) {
    this.#client = client;
    this.#topic = topic;
  }

  /** @throws Error where the connection ends, or the last answers do not come */
  async run(durationMs: number): Promise<Sample> {
    const sentMs = new Map<number, number>();
    const latenciesMs: number[] = [];
    const over = Promise.withResolvers<void>();
    const startedMs = performance.now();
    const endMs = startedMs + durationMs;
    const send = () => {
      this.#lastId = (this.#lastId % 65_535) + 1;
      sentMs.set(this.#lastId, performance.now());
      this.#client.publish(this.#topic, EVENT_BODY, 1, this.#lastId);
    };
    this.#client.onPacket = (packet) => {
      if (packet.cmd !== "puback" || packet.messageId === undefined) return;
      const nowMs = performance.now();
      latenciesMs.push(nowMs - (sentMs.get(packet.messageId) ?? nowMs));
      sentMs.delete(packet.messageId);
      if (nowMs < endMs) send();
      else if (sentMs.size === 0) over.resolve();
    };
    for (let count = 0; count < WINDOW; count += 1) send();
    const timer = setTimeout(
      () => over.reject(new Error(`${sentMs.size} messages were not acknowledged.`)),
      durationMs + DEADLINE_MS,
    );
    const cut = this.#client.closed.then(() =>
      Promise.reject(new Error("The broker closed the connection.")),
    );
    try {
      await Promise.race([over.promise, cut]);
    } finally {
      clearTimeout(timer);
    }
    return { operations: latenciesMs.length, elapsedMs: performance.now() - startedMs, latenciesMs };
  }

  /** Publishes one message, and resolves when it is acknowledged. */
  async publishOne(): Promise<void> {
    const acknowledged = Promise.withResolvers<void>();
    this.#client.onPacket = ({ cmd }) => {
      if (cmd === "puback") acknowledged.resolve();
    };
    this.#lastId = (this.#lastId % 65_535) + 1;
    this.#client.publish(this.#topic, EVENT_BODY, 1, this.#lastId);
    const cut = this.#client.closed.then(() =>
      Promise.reject(new Error("The broker closed the connection.")),
    );
    await Promise.race([acknowledged.promise, cut]);
  }

  close(): void {
    this.#client.close();
  }
}
