import { once } from "node:events";
import type { AddressInfo, Socket } from "node:net";
import { connect, createServer } from "node:net";

export interface CuttableProxy {
  readonly url: string;
  /** Connections that were made through it so far. */
  readonly connections: number;
  /** Resets every connection, as a network that goes away does. */
  cut(): void;
  /** Where connections go that are made from now on. */
  retarget(url: string): void;
  stop(): Promise<void>;
}

/** A TCP relay in front of a target: a client's connection can be cut without the client having a say in it. */
export async function createCuttableProxy(targetUrl: string): Promise<CuttableProxy> {
  let target = new URL(targetUrl);
  const open = new Set<Socket>();
  let connections = 0;
  const server = createServer((client) => {
    connections += 1;
    const upstream = connect(Number(target.port), target.hostname);
    for (const [socket, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      open.add(socket);
      socket.on("error", () => other.destroy());
      socket.once("close", () => {
        open.delete(socket);
        other.destroy();
      });
      socket.pipe(other);
    }
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const cut = () => {
    for (const socket of open) socket.resetAndDestroy();
  };
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    get connections() {
      return connections;
    },
    cut,
    retarget(url) {
      target = new URL(url);
    },
    async stop() {
      cut();
      server.close();
      await once(server, "close");
    },
  };
}
