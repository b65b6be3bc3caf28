import { log } from "../log.ts";
import type { Certificate } from "../tls/certificate.ts";
import type { Listener } from "../tls/listener.ts";
import type { Http3Options } from "./connection.ts";
import { Http3Connection } from "./connection.ts";
import { HTTP3_CODES } from "./http3-error.ts";

const IDLE_MS = 30_000;
const MAX_UNI_STREAMS = 128;
const LOOPBACKS = new Set(["127.0.0.1", "localhost"]);

export interface Http3ListenerOptions extends Http3Options {
  readonly host: string;
  readonly port: number;
  readonly certificate: Certificate;
}

/** HTTP/3 on a port of UDP. */
export function listenHttp3(options: Http3ListenerOptions): Listener {
  const { host, port } = options;
  const connections = new Set<Http3Connection>();
  const endpoints = [new Deno.QuicEndpoint({ hostname: LOOPBACKS.has(host) ? "127.0.0.1" : host, port })];
  // Browsers try `localhost` at ::1 first, and wait long before they try another address.
  if (LOOPBACKS.has(host)) {
    try {
      endpoints.push(new Deno.QuicEndpoint({ hostname: "::1", port: endpoints[0]?.addr.port ?? port }));
    } catch {
      // A machine without IPv6.
    }
  }
  const listeners = endpoints.map((endpoint) => accept(endpoint, options, connections));
  return {
    port: endpoints[0]?.addr.port ?? port,
    get connections() {
      return connections.size;
    },
    async stop(graceMs) {
      for (const listener of listeners) listener.stop();
      await Promise.all([...connections].map((connection) => connection.goAway()));
      const late = new Promise((resolve) => setTimeout(resolve, graceMs));
      await Promise.race([options.underWay.settled(), late]);
      for (const connection of connections) connection.close();
      for (const endpoint of endpoints) {
        endpoint.close({ closeCode: HTTP3_CODES.H3_NO_ERROR, reason: "The gateway stops." });
      }
    },
  };
}

function accept(
  endpoint: Deno.QuicEndpoint,
  options: Http3ListenerOptions,
  connections: Set<Http3Connection>,
): Deno.QuicListener {
  const { cert, key } = options.certificate;
  const { limits } = options;
  const listener = endpoint.listen({
    cert,
    key,
    alpnProtocols: ["h3"],
    maxIdleTimeout: IDLE_MS,
    keepAliveInterval: IDLE_MS / 3,
    maxConcurrentBidirectionalStreams: limits.MAX_CONNECTION_STREAMS,
    maxConcurrentUnidirectionalStreams: MAX_UNI_STREAMS,
  });
  const serve = async (incoming: Deno.QuicIncoming) => {
    if (connections.size >= limits.MAX_GATEWAY_CONNECTIONS) return incoming.refuse();
    const connection = new Http3Connection(await incoming.accept(), options);
    connections.add(connection);
    await connection.run().finally(() => connections.delete(connection));
  };
  const acceptAll = async () => {
    for await (const incoming of listener) serve(incoming).catch(() => {});
  };
  acceptAll().catch((thrown: unknown) => log("HTTP/3 takes no more", { why: thrown }));
  return listener;
}
