import { createSocket } from "node:dgram";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { connect, createServer } from "node:net";
import type { DoorEntry } from "../doors.ts";
import type { Target } from "../target.ts";

/** Something on the way that passes everything on and counts it. */
export interface Relay {
  readonly target: Target;
  /** Bytes that went through, in both directions: what is above TCP, or in datagrams. */
  bytes(): number;
  stop(): void;
}

/**
 * Puts a relay before the port that a door uses; undefined where none can be, since a certificate would not fit it.
 * The same for every door, so it favours none, and it costs each about a tenth of a millisecond.
 */
export async function startRelay(target: Target, door: DoorEntry): Promise<Relay | undefined> {
  if (door.port === "UDP_PORT") return startDatagramRelay(target);
  const url = new URL(target.url);
  if (door.port === undefined && url.protocol !== "http:") return undefined;
  const port = door.port === undefined ? Number(url.port || 80) : target.ports[door.port];
  let count = 0;
  const server = createServer((inner) => {
    const outer = connect({ host: target.hostname, port });
    for (const socket of [inner, outer]) {
      socket.setNoDelay(true);
      socket.on("data", (chunk) => {
        count += chunk.length;
      });
      socket.on("error", () => {});
    }
    inner.pipe(outer).pipe(inner);
    inner.on("close", () => outer.destroy());
    outer.on("close", () => inner.destroy());
    sockets.add(inner);
    inner.on("close", () => sockets.delete(inner));
  });
  const sockets = new Set<import("node:net").Socket>();
  server.listen({ host: "127.0.0.1", port: 0 });
  await once(server, "listening");
  const own = (server.address() as AddressInfo).port;
  const through: Target =
    door.port === undefined
      ? { ...target, url: `http://127.0.0.1:${own}${url.pathname.replace(/\/$/, "")}` }
      : { ...target, hostname: "127.0.0.1", ports: { ...target.ports, [door.port]: own } };
  return {
    target: through,
    bytes: () => count,
    stop() {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

/** For one reader: datagrams that come back go to whoever sent last. */
async function startDatagramRelay(target: Target): Promise<Relay> {
  const inner = createSocket("udp4");
  const outer = createSocket(target.hostname.includes(":") ? "udp6" : "udp4");
  let count = 0;
  let peer: { readonly port: number; readonly address: string } | undefined;
  inner.on("message", (bytes, from) => {
    count += bytes.length;
    peer = from;
    outer.send(bytes, () => {});
  });
  outer.on("message", (bytes) => {
    count += bytes.length;
    if (peer !== undefined) inner.send(bytes, peer.port, peer.address, () => {});
  });
  outer.on("error", () => {});
  inner.on("error", () => {});
  inner.bind(0, "127.0.0.1");
  outer.connect(target.ports.UDP_PORT, target.hostname);
  await Promise.all([once(inner, "listening"), once(outer, "connect")]);
  return {
    target: { ...target, hostname: "127.0.0.1", ports: { ...target.ports, UDP_PORT: inner.address().port } },
    bytes: () => count,
    stop() {
      inner.close();
      outer.close();
    },
  };
}
