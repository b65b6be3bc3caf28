import type { Socket } from "node:dgram";
import { createSocket } from "node:dgram";
import { once } from "node:events";

export interface LossyRelay {
  readonly port: number;
  /** Datagrams that it lost, sent twice, or held back behind later ones, both ways. */
  readonly spoiled: number;
  stop(): void;
}

/** Stands before a UDP port as a bad network does: of ten datagrams it loses one, doubles one, and lets the next overtake one. */
export async function startLossyRelay(port: number): Promise<LossyRelay> {
  const outside = createSocket({ type: "udp4", recvBufferSize: 1024 * 1024 });
  const inside = new Map<number, Socket>();
  let spoiled = 0;
  let isOver = false;
  const carry = (pass: () => void) => {
    const send = () => {
      if (!isOver) pass();
    };
    const chance = Math.random();
    if (chance < 0.3) spoiled += 1;
    if (chance < 0.1) return;
    if (chance < 0.2) send();
    if (chance < 0.3) setTimeout(send, 20);
    else send();
  };
  outside.on("message", (bytes, from) => {
    let socket = inside.get(from.port);
    if (socket === undefined) {
      socket = createSocket({ type: "udp4", recvBufferSize: 1024 * 1024 });
      // One address inside for each outside, since a proof is good for one.
      inside.set(from.port, socket);
      socket.on("message", (answer) => carry(() => outside.send(answer, from.port, from.address)));
    }
    const own = socket;
    carry(() => own.send(bytes, port, "127.0.0.1"));
  });
  outside.bind(0, "127.0.0.1");
  await once(outside, "listening");
  return {
    port: outside.address().port,
    get spoiled() {
      return spoiled;
    },
    stop() {
      isOver = true;
      outside.removeAllListeners("message");
      outside.close();
      for (const socket of inside.values()) socket.removeAllListeners("message").close();
    },
  };
}
