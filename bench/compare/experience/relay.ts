import { createSocket } from "node:dgram";
import { once } from "node:events";
import type { AddressInfo, Socket } from "node:net";
import { connect, createServer } from "node:net";

/** Stands between a client and a port, and can be cut. */
export interface Relay {
  readonly port: number;
  /** Ends what goes through it, as a network that goes away does, and for a while lets nothing new through. */
  cut(): void;
  stop(): void;
}

/** For how long nothing passes after a cut: longer than the pause between two polls, so that every wire notices. */
const DARK_MS = 700;

/** Resets the TCP connections that go through it. */
export async function createTcpRelay(targetPort: number): Promise<Relay> {
  const open = new Set<Socket>();
  let darkUntilMs = 0;
  const server = createServer((client) => {
    if (performance.now() < darkUntilMs) {
      client.resetAndDestroy();
      return;
    }
    const upstream = connect(targetPort, "127.0.0.1");
    for (const [socket, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      open.add(socket);
      socket.setNoDelay(true);
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
    darkUntilMs = performance.now() + DARK_MS;
    for (const socket of open) socket.resetAndDestroy();
  };
  return {
    port: (server.address() as AddressInfo).port,
    cut,
    stop() {
      server.close();
      cut();
    },
  };
}

/** Loses all datagrams for a while, both ways. */
export async function createUdpRelay(targetPort: number): Promise<Relay> {
  const outside = createSocket("udp4");
  const inside = new Map<number, ReturnType<typeof createSocket>>();
  let darkUntilMs = 0;
  const passes = () => performance.now() >= darkUntilMs;
  outside.on("message", (bytes, from) => {
    let socket = inside.get(from.port);
    if (socket === undefined) {
      socket = createSocket("udp4");
      socket.on("message", (answer) => {
        if (passes()) outside.send(answer, from.port, from.address);
      });
      inside.set(from.port, socket);
    }
    if (passes()) socket.send(bytes, targetPort, "127.0.0.1");
  });
  outside.bind(0, "127.0.0.1");
  await once(outside, "listening");
  return {
    port: outside.address().port,
    cut() {
      darkUntilMs = performance.now() + DARK_MS;
    },
    stop() {
      outside.close();
      for (const socket of inside.values()) socket.close();
    },
  };
}
