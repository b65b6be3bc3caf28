import type { Credentials } from "../credentials.ts";
import { EverywireError } from "../error.ts";
import type { NewEvent } from "../event.ts";
import type { ConnectOptions } from "../options.ts";
import type { Transport, TransportConnection } from "../transport.ts";
import type { SessionStats } from "../types.ts";
import type { WebTransportConstructor } from "../webtransport/native.ts";
import type { SessionPool } from "../webtransport/pool.ts";

/** WebTransport as the client sees it: a wire among others, and the sessions behind it. */
export interface WebTransportWire extends Transport {
  readonly stats: readonly SessionStats[];
  /** By datagram; false where no session is open. */
  sendLatest(channel: string, event: NewEvent): boolean;
  close(): void;
}

/** WebTransport through the gateway (gateway/README.md). All but this is loaded when it is used the first time. */
export function createWebTransport(credentials: Credentials, options: ConnectOptions): WebTransportWire {
  const settings = options.webTransport ?? {};
  const url = options.webTransportUrl;
  const native = (settings.WebTransport ??
    (globalThis as { readonly WebTransport?: unknown }).WebTransport) as WebTransportConstructor | undefined;
  let pool: SessionPool | undefined;
  let loading: Promise<SessionPool> | undefined;
  let isClosed = false;
  const load = async (): Promise<SessionPool> => {
    const { SessionPool: Pool } = await import("../webtransport/pool.ts");
    pool = new Pool({ url: url as string, credentials, settings, native: native as WebTransportConstructor });
    if (isClosed) pool.close();
    return pool;
  };
  return {
    name: "webtransport",
    unavailable: whyNot(url, native),
    // A handshake over QUIC, the gateway's question to the server whether the token is good, and the subscription.
    minOpenMs: 1500,
    get stats() {
      return pool?.stats ?? [];
    },
    sendLatest: (channel, event) => pool?.sendLatest(channel, event) === true,
    close() {
      isClosed = true;
      pool?.close();
    },
    open({ channel, after }, sink) {
      let connection: TransportConnection | undefined;
      let isOver = false;
      loading ??= load();
      loading.then(
        (loaded) => {
          if (!isOver) connection = loaded.open(channel, after, sink);
        },
        (thrown) => {
          loading = undefined;
          if (!isOver) sink.onEnd(EverywireError.from(thrown));
        },
      );
      return {
        close() {
          isOver = true;
          connection?.close();
        },
        ping: () => connection?.ping?.(),
        publish(event) {
          const publish = connection?.publish;
          if (publish !== undefined) return publish(event);
          return Promise.reject(new EverywireError("unavailable", "The session is not open."));
        },
      };
    },
  };
}

function whyNot(url: string | undefined, native: unknown): string | undefined {
  if (url === undefined) return "connect() was given no webTransportUrl.";
  return native === undefined ? "There is no WebTransport here." : undefined;
}
