import type { CloudEvent, ConnectOptions } from "./index.ts";
import { connect } from "./index.ts";

export interface ReadStreamOptions extends Pick<ConnectOptions, "token" | "fetch"> {
  /** A cursor, `earliest`, or `latest` (the default). */
  readonly after?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * The events of a channel as server-sent events, reconnected and resumed: an EventSource that sends its token in a
 * header, can be held back, and loses nothing.
 *
 * @example for await (const { data } of readStream("http://127.0.0.1:8787", "demo/hello")) console.log(data);
 * @throws EverywireError while iterating, where the server refuses for good
 */
export async function* readStream(
  url: string,
  channel: string,
  { after, signal, ...options }: ReadStreamOptions = {},
): AsyncGenerator<CloudEvent, void> {
  const client = connect(url, { ...options, transports: ["sse"] });
  try {
    yield* client.subscribe(channel, { after, signal });
  } finally {
    client.close();
  }
}
