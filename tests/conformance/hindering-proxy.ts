import { once } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer, request } from "node:http";
import type { AddressInfo, Socket } from "node:net";

export interface Hindrances {
  /** Nothing is there: every connection is reset at once. */
  readonly isAway?: boolean;
  /** Keeps an answer back until it is whole: a stream never comes. */
  readonly buffersAnswers?: boolean;
  /** Lets the first bytes of an answer through at once, and what follows only when it is whole. */
  readonly buffersRest?: boolean;
  /** Passes answers on in blocks of so many bytes, and the rest when they are whole. */
  readonly blockBytes?: number;
  /** Cuts every second POST when it was answered, and before its answer is passed on. */
  readonly losesAnswers?: boolean;
  /** `refuse` the upgrade; `swallow` what is sent after it; `cut` soon after it. */
  readonly webSockets?: "pass" | "refuse" | "swallow" | "cut";
  /** Every connection is cut when it has carried a random part of so many bytes, or some more. */
  readonly cutsWithinBytes?: number;
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
export async function createHinderingProxy(targetUrl: string, first: Hindrances): Promise<HinderingProxy> {
  const { hostname, port } = new URL(targetUrl);
  const sockets = new Set<Socket>();
  const paths: string[] = [];
  let posts = 0;
  const hold = (socket: Socket): void => {
    sockets.add(socket);
    socket.on("error", () => {});
    socket.once("close", () => sockets.delete(socket));
  };
  const server = createServer((incoming, outgoing) => {
    paths.push(incoming.url ?? "");
    if (incoming.method === "POST") posts += 1;
    const losesAnswer = proxy.hindrances.losesAnswers === true && posts % 2 === 1;
    forward(incoming, outgoing, { hostname, port }, { ...proxy.hindrances, losesAnswers: losesAnswer });
  });
  server.on("connection", (socket: Socket) => {
    hold(socket);
    const { cutsWithinBytes, isAway = false } = proxy.hindrances;
    if (isAway) socket.resetAndDestroy();
    if (cutsWithinBytes === undefined) return;
    const mostBytes = Math.random() * cutsWithinBytes;
    const timer = setInterval(() => socket.bytesWritten > mostBytes && socket.resetAndDestroy(), 5);
    socket.once("close", () => clearInterval(timer));
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
    upstream.on("upgrade", (answer, socket: Socket, head: Buffer) => {
      hold(socket);
      const lines = Object.entries(answer.headers).map(([name, value]) => `${name}: ${String(value)}`);
      client.write(`HTTP/1.1 101 Switching Protocols\r\n${lines.join("\r\n")}\r\n\r\n`);
      socket.on("close", () => client.destroy());
      client.on("close", () => socket.destroy());
      if (webSockets === "swallow") return;
      // What came together with the answer.
      client.write(head);
      socket.pipe(client);
      client.pipe(socket);
      if (webSockets === "cut") setTimeout(() => client.resetAndDestroy(), WEB_SOCKET_LIFE_MS);
    });
    upstream.end();
  });
  server.listen(0, "127.0.0.1");
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
  { buffersAnswers = false, buffersRest = false, blockBytes = 0, losesAnswers = false }: Hindrances,
): void {
  const { method, url: path, headers } = incoming;
  const upstream = request({ ...target, method, path, headers }, (answer) => {
    answer.on("error", () => outgoing.destroy());
    if (losesAnswers && incoming.method === "POST") {
      outgoing.destroy();
      return;
    }
    if (!buffersAnswers && !buffersRest && blockBytes === 0) {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
      outgoing.flushHeaders();
      answer.pipe(outgoing);
      return;
    }
    if (blockBytes > 0) {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
      let held = Buffer.alloc(0);
      answer.on("data", (chunk: Buffer) => {
        held = Buffer.concat([held, chunk]);
        const whole = held.length - (held.length % blockBytes);
        if (whole > 0) outgoing.write(held.subarray(0, whole));
        held = held.subarray(whole);
      });
      answer.on("end", () => outgoing.end(held));
      return;
    }
    const chunks: Buffer[] = [];
    answer.on("data", (chunk: Buffer) => {
      if (buffersRest && !outgoing.headersSent) {
        outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
        outgoing.write(chunk);
      } else {
        chunks.push(chunk);
      }
    });
    answer.on("end", () => {
      if (!outgoing.headersSent) outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
      outgoing.end(Buffer.concat(chunks));
    });
  });
  upstream.on("error", () => outgoing.destroy());
  outgoing.on("close", () => upstream.destroy());
  incoming.pipe(upstream);
}
