import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { ChannelModel, ConfirmChannel, ConsumeMessage } from "amqplib";
import { connect } from "amqplib";
import { log } from "../log.ts";
import { CursorFile } from "../mirror/cursor-file.ts";
import { Mirror } from "../mirror/mirror.ts";
import type { Worker } from "../worker/worker.ts";
import { Inward } from "./inward.ts";
import { ExchangeSink } from "./outward.ts";
import { answerCall } from "./rpc.ts";
import type { AmqpSettings } from "./settings.ts";
import { assertTopology, toTopology } from "./topology.ts";

const FIRST_PAUSE_MS = 100;
const LAST_PAUSE_MS = 5000;
const CONNECT_TIMEOUT_MS = 10_000;
/** After twice that without a word from the broker it counts as gone. */
const HEARTBEAT_SECONDS = 10;
const GRACE_MS = 2000;

export interface AmqpOptions {
  readonly settings: AmqpSettings;
  readonly worker: Worker;
  readonly token: string | undefined;
  readonly stateDirectory: string;
}

/**
 * The bridge to an AMQP 0-9-1 broker: events out, messages in, calls. All of it lives as long as one connection, and begins again
 * with the next: events from their cursors, messages from what was not acknowledged.
 */
export class AmqpBridge {
  readonly #options: AmqpOptions;
  readonly #cursors: CursorFile;
  readonly #run: Promise<void>;
  #connection: ChannelModel | undefined;
  #mirror: Mirror | undefined;
  #underWay = 0;
  #isStopped = false;

  /** @throws Error where the cursors cannot be kept */
  constructor(options: AmqpOptions) {
    this.#options = options;
    this.#cursors = new CursorFile(join(options.stateDirectory, "amqp-cursors"));
    this.#run = this.#connectForEver();
  }

  get status() {
    return {
      status: this.#connection === undefined ? "unreachable" : "ok",
      channels: this.#mirror?.channels ?? 0,
    };
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#mirror?.stop();
    const lateAtMs = Date.now() + GRACE_MS;
    while (this.#underWay > 0 && Date.now() < lateAtMs) await delay(20);
    await this.#connection?.close().catch(() => {});
    await Promise.race([this.#run, delay(GRACE_MS)]);
    this.#cursors.close();
  }

  async #connectForEver(): Promise<void> {
    const { settings } = this.#options;
    let pauseMs = FIRST_PAUSE_MS;
    let isLost = false;
    while (!this.#isStopped) {
      const startedAtMs = Date.now();
      try {
        await this.#session(() => {
          if (isLost) log("the AMQP broker is back");
          isLost = false;
        });
        throw new Error("The connection was closed.");
      } catch (thrown) {
        if (this.#isStopped) return;
        if (!isLost) log("the AMQP broker is away", { url: withoutPassword(settings.url), why: thrown });
        isLost = true;
      }
      if (Date.now() - startedAtMs > LAST_PAUSE_MS) pauseMs = FIRST_PAUSE_MS;
      await delay(pauseMs * (0.5 + Math.random() / 2));
      pauseMs = Math.min(LAST_PAUSE_MS, pauseMs * 2);
    }
  }

  /** One connection, until it is closed. @throws Error */
  async #session(onUp: () => void): Promise<void> {
    const { settings, worker, token } = this.#options;
    const url = new URL(settings.url);
    if (!url.searchParams.has("heartbeat")) url.searchParams.set("heartbeat", String(HEARTBEAT_SECONDS));
    const connection = await connect(url.href, {
      timeout: CONNECT_TIMEOUT_MS,
      clientProperties: { connection_name: "everywire-gateway" },
    });
    const closed = new Promise<void>((resolve) => connection.once("close", () => resolve()));
    let why: unknown;
    // One that the broker ends may come without an error, and an error is always followed by the close.
    connection.on("error", (error) => {
      why = error;
    });
    const lose = (reason: unknown) => {
      why ??= reason;
      connection.close().catch(() => {});
    };
    try {
      const topology = toTopology(settings.prefix, settings.retriesMs);
      const [outward, inward] = [await openChannel(connection, lose), await openChannel(connection, lose)];
      await assertTopology(outward, topology);
      const inbox = new Inward({ worker, token, channel: inward, topology });
      await inward.prefetch(settings.prefetch);
      await inward.consume(
        topology.in,
        this.#handler((message) => inbox.onMessage(message), lose),
      );
      await inward.consume(
        topology.rpc,
        this.#handler((message) => answerCall(message, { worker, token, channel: inward }), lose),
      );
      this.#mirror = new Mirror({
        name: "AMQP",
        worker,
        token,
        globs: settings.channels,
        cursors: this.#cursors,
        sink: new ExchangeSink(outward, topology.out),
        onLost: lose,
      });
      this.#connection = connection;
      if (this.#isStopped) lose(undefined);
      else onUp();
      await closed;
      throw why ?? new Error("The broker closed the connection.");
    } finally {
      this.#connection = undefined;
      this.#mirror?.stop();
      this.#mirror = undefined;
      connection.close().catch(() => {});
    }
  }

  /** What cannot be brought to an end leaves the message in its queue: the next connection gets it again. */
  #handler(handle: (message: ConsumeMessage) => Promise<void>, lose: (reason: unknown) => void) {
    return async (message: ConsumeMessage | null): Promise<void> => {
      // The broker has taken the queue away.
      if (message === null) return lose(new Error("A queue is gone."));
      this.#underWay += 1;
      try {
        await handle(message);
      } catch (thrown) {
        lose(thrown);
      } finally {
        this.#underWay -= 1;
      }
    };
  }
}

async function openChannel(
  connection: ChannelModel,
  lose: (reason: unknown) => void,
): Promise<ConfirmChannel> {
  const channel = await connection.createConfirmChannel();
  channel.on("error", lose);
  channel.on("close", () => lose(new Error("The broker closed a channel.")));
  return channel;
}

function withoutPassword(url: string): string {
  const shown = new URL(url);
  shown.password = "";
  return shown.href;
}
