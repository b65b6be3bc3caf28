import { once } from "node:events";
import http from "node:http";
import type { Http2Session, IncomingHttpHeaders } from "node:http2";
import http2 from "node:http2";
import type { AddressInfo, Server, Socket } from "node:net";
import tls from "node:tls";
import { GatewayError } from "../gateway-error.ts";
import type { Exchange, Handle } from "../http/exchange.ts";
import type { HeaderList } from "../http/headers.ts";
import { Http1Exchange } from "../http/http1-exchange.ts";
import { Http2Exchange } from "../http/http2-exchange.ts";
import { relayConnect, relayUpgrade } from "../http/sockets.ts";
import type { UnderWay } from "../http/under-way.ts";
import type { GatewayLimits } from "../limits.ts";
import { log } from "../log.ts";
import type { Worker } from "../worker/worker.ts";
import type { Certificate } from "./certificate.ts";
import { keepAlive } from "./keep-alive.ts";

export interface ListenerOptions {
  readonly host: string;
  readonly port: number;
  readonly limits: GatewayLimits;
  readonly worker: Worker;
  readonly handle: Handle;
  readonly underWay: UnderWay;
}

export interface Listener {
  readonly port: number;
  readonly connections: number;
  /** Takes no more, and gives what is under way some time to end. */
  stop(graceMs: number): Promise<void>;
}

/** How often it is looked for who takes too long. */
const CHECK_MS = 2000;
const IDLE_MS = 75_000;
/** How long a client may take our word for it that there is HTTP/3. */
const ALT_SVC_SECONDS = 3600;

/** HTTP/1.1 and HTTP/2 on one port, chosen by ALPN. */
export async function listenTls(
  options: ListenerOptions & {
    readonly certificate: Certificate;
    /** Whether there is HTTP/3 now, on the same number. */
    readonly hasHttp3: () => boolean;
  },
): Promise<Listener> {
  const { certificate, handle, hasHttp3, limits } = options;
  const announcing: Handle = (exchange) =>
    handle(hasHttp3() ? withHeaders(exchange, announceHttp3(server)) : exchange);
  const http1 = createHttp1({ ...options, handle: announcing });
  const http2Server = createHttp2({ ...options, handle: announcing });
  const { cert, key } = certificate;
  const server = tls.createServer(
    { cert, key, ALPNProtocols: ["h2", "http/1.1"], handshakeTimeout: limits.HEADERS_TIMEOUT_SECONDS * 1000 },
    (socket) => {
      socket.setNoDelay(true);
      socket.on("error", () => {});
      (socket.alpnProtocol === "h2" ? http2Server.server : http1).emit("connection", socket);
    },
  );
  server.on("tlsClientError", (_error, socket) => socket.destroy());
  return listen(server, options, http2Server.sessions);
}

/** HTTP/2 in clear, begun without asking (RFC 9113 §3.3). */
export function listenClear(options: ListenerOptions): Promise<Listener> {
  const { server, sessions } = createHttp2(options);
  return listen(server, options, sessions);
}

function createHttp1({ handle, worker, limits, underWay }: ListenerOptions): http.Server {
  const server = http.createServer(
    {
      maxHeaderSize: limits.MAX_HEADER_BYTES,
      headersTimeout: limits.HEADERS_TIMEOUT_SECONDS * 1000,
      connectionsCheckingInterval: CHECK_MS,
      // Uploads and streams last as long as they do.
      requestTimeout: 0,
      keepAliveTimeout: IDLE_MS,
    },
    (request, response) => underWay.run(handle, new Http1Exchange(request, response)),
  );
  // It is given its connections and never listens itself; but only when it does, Node begins to look for slow ones.
  server.emit("listening");
  server.on("upgrade", (request, socket, head) => void relayUpgrade(worker, request, socket, head));
  server.on("clientError", (error: Error & { readonly code?: unknown }, socket) => {
    if (!socket.writable) {
      socket.destroy();
      return;
    }
    const { status, fault } = toRefusal(error.code);
    const body = new GatewayError("invalid_argument", fault).toBody(Date.now());
    const head = `HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Type: application/json\r\n`;
    socket.end(`${head}Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`);
  });
  return server;
}

/** What a request is told that Node could not read. */
function toRefusal(code: unknown): { readonly status: string; readonly fault: string } {
  if (code === "HPE_HEADER_OVERFLOW")
    return { status: "431 Request Header Fields Too Large", fault: "The header fields are too large." };
  if (code === "ERR_HTTP_REQUEST_TIMEOUT")
    return { status: "408 Request Timeout", fault: "The request took too long to arrive." };
  return { status: "400 Bad Request", fault: "The request is malformed." };
}

function createHttp2({ handle, worker, limits, underWay }: ListenerOptions) {
  const sessions = new Set<Http2Session>();
  const server = http2.createServer({
    settings: {
      enableConnectProtocol: true,
      maxConcurrentStreams: limits.MAX_CONNECTION_STREAMS,
      maxHeaderListSize: limits.MAX_HEADER_BYTES,
      // A stream of large messages would otherwise wait for the client's word after every 64 KiB.
      initialWindowSize: 1024 * 1024,
    },
    maxSessionInvalidFrames: 100,
  });
  server.on("session", (session) => {
    sessions.add(session);
    session.once("close", () => sessions.delete(session));
    session.on("error", () => {});
    keepAlive(session, limits.KEEPALIVE_SECONDS * 1000);
  });
  server.on("sessionError", () => {});
  server.on("stream", (stream, headers) => {
    // Told to the client as a setting, and held to here.
    if (isTooLarge(headers, limits.MAX_HEADER_BYTES)) {
      stream.on("error", () => {});
      stream.respond({ ":status": 431 }, { endStream: true });
      stream.close();
      return;
    }
    if (headers[":method"] !== "CONNECT") return underWay.run(handle, new Http2Exchange(stream, headers));
    if (headers[":protocol"] === "websocket") {
      return underWay.run((exchange) => relayConnect(worker, exchange), new Http2Exchange(stream, headers));
    }
    stream.on("error", () => {});
    stream.respond({ ":status": 501 }, { endStream: true });
  });
  return { server, sessions };
}

async function listen(
  server: Server,
  { host, port, limits, underWay }: ListenerOptions,
  sessions: ReadonlySet<Http2Session>,
): Promise<Listener> {
  const sockets = new Set<Socket>();
  server.maxConnections = limits.MAX_GATEWAY_CONNECTIONS;
  server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    // A client that has vanished without a word would keep its place for ever.
    socket.setKeepAlive(true, limits.KEEPALIVE_SECONDS * 1000);
    socket.on("error", () => {});
    socket.once("close", () => sockets.delete(socket));
  });
  server.listen({ host, port });
  await once(server, "listening");
  server.on("error", (error) => log("a listener failed", { port, why: error }));
  return {
    port: (server.address() as AddressInfo).port,
    get connections() {
      return sockets.size;
    },
    async stop(graceMs) {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      const late = new Promise((resolve) => setTimeout(resolve, graceMs));
      // Each has said GOAWAY, and is closed when the last of its answers has left.
      const left = [...sessions].map((session) => {
        session.close();
        return new Promise<void>((resolve) => session.once("close", resolve));
      });
      await Promise.race([Promise.all([underWay.settled(), ...left]), late]);
      for (const session of sessions) session.destroy();
      // Connections that are kept for a next request would hold it up for nothing; what was written still goes out.
      for (const socket of sockets) socket.destroySoon();
      await Promise.race([closed, late]);
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

/** As SETTINGS_MAX_HEADER_LIST_SIZE counts (RFC 9113 §6.5.2). */
function isTooLarge(headers: IncomingHttpHeaders, maxBytes: number): boolean {
  let size = 0;
  for (const [name, value] of Object.entries(headers)) {
    for (const one of Array.isArray(value) ? value : [value]) size += name.length + String(one).length + 32;
  }
  return size > maxBytes;
}

/** Tells clients that there is HTTP/3 on the same number (RFC 7838). */
function announceHttp3(server: Server): HeaderList {
  return [["alt-svc", `h3=":${(server.address() as AddressInfo).port}"; ma=${ALT_SVC_SECONDS}`]];
}

/** The same exchange, with these headers in whatever it is answered. */
function withHeaders(exchange: Exchange, added: HeaderList): Exchange {
  const respond = exchange.respond.bind(exchange);
  exchange.respond = (status, headers, isLast) => respond(status, [...headers, ...added], isLast);
  return exchange;
}
