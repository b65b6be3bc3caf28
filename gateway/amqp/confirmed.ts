import type { Buffer } from "node:buffer";
import type { ConfirmChannel, Options } from "amqplib";

/** Publishes, and resolves when the broker has it for good. @throws Error where it does not say so */
export function publishConfirmed(
  channel: ConfirmChannel,
  exchange: string,
  routingKey: string,
  content: Buffer,
  options: Options.Publish,
): Promise<void> {
  return new Promise((resolve, reject) => {
    channel.publish(exchange, routingKey, content, options, (error: unknown) =>
      error ? reject(error instanceof Error ? error : new Error(String(error))) : resolve(),
    );
  });
}
