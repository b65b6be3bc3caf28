import { once } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer, request } from "node:http";
import type { AddressInfo, Socket } from "node:net";

export interface Hindrances {
  /** Keeps an answer back until it is whole: a stream never comes. */
  readonly buffersAnswers?: boolean;
  /** `refuse` the upgrade; `swallow` what is sent after it; `cut` soon after it. */
  readonly webSockets?: "pass" | "refuse" | "swallow" | "cut";
  /** Every connection is cut after a random part of this, in milliseconds. */
  readonly cutsWithinMs?: number;
}

export interface HinderingProxy {
  readonly url: string;
  /** Paths that were asked for, in order. */
  readonly paths: readonly string[];
  hindrances: Hindrances;
  stop(): Promise<void>;
}

const WEB_SOCKET_LIFE_MS = 150;

/** A proxy as they are found in front of clients: it may hold back, refuse, swallow or cut. */
export async function createHinderingProxy(
  targetUrl: string,
  first: Hindrances,
  listenPort = 0,
): Promise<HinderingProxy> {
  const { hostname, port } = new URL(targetUrl);
  const sockets = new Set<Socket>();
  const paths: string[] = [];
  const hold = (socket: Socket): void => {
    sockets.add(socket);
    socket.on("error", () => {});
    socket.once("close", () => sockets.delete(socket));
  };
  const server = createServer((incoming, outgoing) => {
    paths.push(incoming.url ?? "");
    forward(incoming, outgoing, { hostname, port }, proxy.hindrances.buffersAnswers === true);
  });
  server.on("connection", (socket: Socket) => {
    hold(socket);
    const { cutsWithinMs } = proxy.hindrances;
    if (cutsWithinMs === undefined) return;
    const timer = setTimeout(() => socket.resetAndDestroy(), Math.random() * cutsWithinMs);
    socket.once("close", () => clearTimeout(timer));
  });
  server.on("upgrade", (incoming: IncomingMessage, client: Socket) => {
    paths.push(incoming.url ?? "");
    const { webSockets = "pass" } = proxy.hindrances;
    if (webSockets === "refuse") {
      client.end("HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
      return;
    }
    const upstream = request({ hostname, port, path: incoming.url, headers: incoming.headers });
    upstream.on("error", () => client.destroy());
    upstream.on("upgrade", (answer, socket: Socket) => {
      hold(socket);
      const lines = Object.entries(answer.headers).map(([name, value]) => `${name}: ${String(value)}`);
      client.write(`HTTP/1.1 101 Switching Protocols\r\n${lines.join("\r\n")}\r\n\r\n`);
      socket.on("close", () => client.destroy());
      client.on("close", () => socket.destroy());
      if (webSockets === "swallow") return;
      socket.pipe(client);
      client.pipe(socket);
      if (webSockets === "cut") setTimeout(() => client.resetAndDestroy(), WEB_SOCKET_LIFE_MS);
    });
    upstream.end();
  });
  server.listen(listenPort, "127.0.0.1");
  await once(server, "listening");
  const proxy: HinderingProxy = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    paths,
    hindrances: first,
    async stop() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
  return proxy;
}

function forward(
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  target: { readonly hostname: string; readonly port: string },
  buffers: boolean,
): void {
  const { method, url: path, headers } = incoming;
  const upstream = request({ ...target, method, path, headers }, (answer) => {
    answer.on("error", () => outgoing.destroy());
    if (!buffers) {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
      outgoing.flushHeaders();
      answer.pipe(outgoing);
      return;
    }
    const chunks: Buffer[] = [];
    answer.on("data", (chunk: Buffer) => chunks.push(chunk));
    answer.on("end", () => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
      outgoing.end(Buffer.concat(chunks));
    });
  });
  upstream.on("error", () => outgoing.destroy());
  outgoing.on("close", () => upstream.destroy());
  incoming.pipe(upstream);
}
