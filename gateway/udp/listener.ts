import { createSocket } from "node:dgram";
import { once } from "node:events";
import { isIPv6 } from "node:net";
import { logSparingly } from "../log.ts";
import type { UdpDoorOptions } from "./door.ts";
import { UdpDoor } from "./door.ts";

/** What the system holds of datagrams that nobody has read yet; it may allow less. */
const RECEIVE_BUFFER_BYTES = 4 * 1024 * 1024;

export interface UdpListener {
  readonly port: number;
  readonly leases: number;
  stop(): void;
}

/** Takes datagrams on a port. @throws Error where it cannot listen */
export async function listenUdp(
  options: Omit<UdpDoorOptions, "send"> & { readonly host: string; readonly port: number },
): Promise<UdpListener> {
  const { host, port } = options;
  const type = isIPv6(host) ? "udp6" : "udp4";
  const socket = createSocket({ type, recvBufferSize: RECEIVE_BUFFER_BYTES });
  let isStopped = false;
  const door = new UdpDoor({
    ...options,
    // What cannot be sent is as good as lost on the way, which a datagram may be anywhere.
    send: (bytes, peer) =>
      new Promise((resolve) => {
        if (isStopped) resolve();
        else socket.send(bytes, peer.port, peer.hostname, () => resolve());
      }),
  });
  socket.on("message", (bytes, { address, port: from }) =>
    door.onDatagram(bytes, { hostname: address, port: from }),
  );
  socket.bind(port, host);
  await once(socket, "listening");
  socket.on("error", (error) => logSparingly("UDP failed", { why: error }));
  return {
    port: socket.address().port,
    get leases() {
      return door.leases;
    },
    stop() {
      door.close();
      isStopped = true;
      socket.close();
    },
  };
}
