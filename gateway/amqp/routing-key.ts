/** What AMQP 0-9-1 lets a short string have, in bytes. */
const MAX_BYTES = 255;
/** The last word of a key that says only where a name begins: no segment of a channel can be this. */
const CUT = "%";
const CHANNEL = /^[A-Za-z0-9._~:@-]{1,64}(\/[A-Za-z0-9._~:@-]{1,64}){0,7}$/;

/**
 * The routing key of a channel: a word for each segment. A dot inside a segment is `%2E`, which no segment can have. A name
 * that is too long for a key is cut after a word, and ends with the word `%`.
 */
export function toRoutingKey(channel: string): string {
  const words = channel.split("/").map((segment) => segment.replaceAll(".", "%2E"));
  const whole = words.join(".");
  if (whole.length <= MAX_BYTES) return whole;
  while (words.join(".").length + 2 > MAX_BYTES) words.pop();
  return [...words, CUT].join(".");
}

/** The channel of a routing key; undefined where it is none, or was cut. */
export function toChannel(routingKey: string): string | undefined {
  const channel = routingKey.replaceAll(".", "/").replaceAll("%2E", ".");
  return CHANNEL.test(channel) ? channel : undefined;
}

/** Undefined where it is no name of a channel. */
export function parseChannel(value: unknown): string | undefined {
  return typeof value === "string" && CHANNEL.test(value) ? value : undefined;
}
