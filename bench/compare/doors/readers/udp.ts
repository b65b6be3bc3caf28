import { createSocket } from "node:dgram";
import { gatewayOf } from "../place.ts";
import type { OpenReader } from "../reader.ts";

const RESEND_MS = 1000;
const OPEN_TIMEOUT_MS = 10_000;
const RECEIVE_BUFFER_BYTES = 4 * 1024 * 1024;

interface Told {
  readonly op?: string;
  readonly proof?: string;
  readonly after?: string;
  readonly lease?: number;
  readonly sequence?: string;
  readonly previous?: string;
  readonly message?: string;
}

/**
 * Datagrams through the gateway: a lease that is renewed, and a reader that sees by each event's `previous` what was lost and asks for
 * it again. Only what comes in order counts as arrived, as on every other wire.
 */
export const readUdp: OpenReader = async (place, { channel, after, onBytes, onEnd }) => {
  const socket = createSocket({ type: "udp4", recvBufferSize: RECEIVE_BUFFER_BYTES });
  const live = Promise.withResolvers<void>();
  let sentBytes = 0;
  let receivedBytes = 0;
  let proof: string | undefined;
  let last: string | undefined;
  let renewal: ReturnType<typeof setTimeout> | undefined;
  let askedAtMs = 0;
  const send = (told: object) => {
    const text = JSON.stringify({ ...told, channel, proof });
    sentBytes += text.length;
    socket.send(text, () => undefined);
  };
  const renewAfter = (delayMs: number) => {
    clearTimeout(renewal);
    renewal = setTimeout(subscribe, delayMs);
  };
  const subscribe = () => {
    send({ op: "subscribe", after: last ?? after });
    renewAfter(RESEND_MS);
  };
  const askAgain = () => {
    // Several datagrams behind one that was lost tell of it; one question is enough.
    const now = performance.now();
    if (now - askedAtMs < 20) return;
    askedAtMs = now;
    send({ op: "resend", after: last });
  };
  const onEvent = (told: Told, bytes: Buffer) => {
    if (last === undefined || told.sequence === undefined) return;
    // From the earliest on, whichever comes first is the first.
    if (last !== "earliest") {
      if (told.sequence <= last) return;
      if (told.previous !== last) return askAgain();
    }
    last = told.sequence;
    onBytes(bytes);
  };
  socket.on("message", (bytes) => {
    receivedBytes += bytes.length;
    const told = JSON.parse(bytes.toString()) as Told;
    proof = told.proof ?? proof;
    switch (told.op) {
      case undefined:
        return onEvent(told, bytes);
      case "challenge":
        return subscribe();
      case "subscribed":
        renewAfter((told.lease ?? 30) * 300);
        last ??= told.after;
        return live.resolve();
      case "position":
        if (last !== undefined && (last === "earliest" || (told.after ?? "") > last)) askAgain();
        return;
      case "expired":
      case "error":
        live.reject(new Error(told.message ?? told.op));
        return onEnd(told.message ?? told.op);
    }
  });
  socket.on("error", (error) => live.reject(error));
  const timer = setTimeout(() => live.reject(new Error("The gateway answers no datagram.")), OPEN_TIMEOUT_MS);
  socket.bind({ port: 0, address: place.readerHost ?? "0.0.0.0" }, () => {
    socket.connect(gatewayOf(place).udpPort, place.host, subscribe);
  });
  try {
    await live.promise;
  } catch (error) {
    clearTimeout(renewal);
    socket.close();
    throw error;
  } finally {
    clearTimeout(timer);
  }
  return {
    get traffic() {
      return { sentBytes, receivedBytes };
    },
    close: () => {
      clearTimeout(renewal);
      send({ op: "unsubscribe" });
      socket.close();
    },
  };
};
