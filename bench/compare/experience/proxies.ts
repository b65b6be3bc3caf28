import { once } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer, request } from "node:http";
import type { AddressInfo } from "node:net";

export interface Proxy {
  readonly port: number;
  stop(): void;
}

/** RFC 9110 §7.6.1: what concerns one connection, and is not passed on. */
const HOP_BY_HOP = new Set(["connection", "keep-alive", "proxy-connection", "te", "trailer", "upgrade"]);

/**
 * A plain HTTP/1.1 reverse proxy: it forwards requests and answers, knows no Upgrade, and nothing that is not HTTP.
 *
 * @param holdsAnswers whether it passes an answer on only when it is whole, as a scanner or a cache does
 */
export async function createPlainProxy(targetPort: number, holdsAnswers: boolean): Promise<Proxy> {
  const server = createServer((incoming, outgoing) => forward(incoming, outgoing, targetPort, holdsAnswers));
  // Without a listener Node answers an Upgrade as if it were none, which is what such a proxy does.
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    stop() {
      server.closeAllConnections();
      server.close();
    },
  };
}

function forward(
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  port: number,
  holdsAnswers: boolean,
): void {
  const headers = Object.fromEntries(
    Object.entries(incoming.headers).filter(([name]) => !HOP_BY_HOP.has(name)),
  );
  const { method, url: path } = incoming;
  const upstream = request({ host: "127.0.0.1", port, method, path, headers });
  upstream.on("error", () => outgoing.destroy());
  outgoing.on("close", () => upstream.destroy());
  upstream.on("response", (answer) => {
    const kept = Object.entries(answer.headers).filter(([name]) => !HOP_BY_HOP.has(name));
    answer.on("error", () => outgoing.destroy());
    outgoing.writeHead(answer.statusCode ?? 502, Object.fromEntries(kept));
    if (!holdsAnswers) {
      outgoing.flushHeaders();
      answer.pipe(outgoing);
      return;
    }
    const chunks: Buffer[] = [];
    answer.on("data", (chunk: Buffer) => chunks.push(chunk));
    answer.on("end", () => outgoing.end(Buffer.concat(chunks)));
  });
  incoming.pipe(upstream);
}
