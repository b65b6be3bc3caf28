import { createSocket } from "node:dgram";
import { EverywireError } from "../../typescript/error.ts";
import type { CloudEvent } from "../../typescript/event.ts";
import type { ReadDoor } from "./door.ts";
import { Arrivals, cursorBehind, lost } from "./door.ts";
import { parseObject, toTold } from "./json-line.ts";

/** After which a datagram counts as lost and is sent again. */
const RESEND_MS = 1000;
/** Without any answer for so long, nobody listens there. */
const UNANSWERED_MS = 5000;

/**
 * JSON datagrams on UDP_PORT of the gateway (gateway/udp): a lease that is renewed, and a reader that notices by each
 * event's `previous` what was lost, and asks for it again.
 */
export const read: ReadDoor = async function* (target, { channel, after, signal, onLive }) {
  const arrivals = new Arrivals();
  const isV6 = target.hostname.includes(":");
  const socket = createSocket({ type: isV6 ? "udp6" : "udp4" });
  let proof: string | undefined;
  let last: string | undefined;
  let heardAtMs = Date.now();
  let renewal: ReturnType<typeof setTimeout> | undefined;
  const send = (datagram: object) =>
    socket.send(JSON.stringify({ ...datagram, channel, token: target.token, proof }), () => {});
  const subscribe = () => {
    send({ op: "subscribe", after: last ?? after, ref: "lease" });
    clearTimeout(renewal);
    renewal = setTimeout(() => {
      if (Date.now() - heardAtMs > UNANSWERED_MS) {
        arrivals.end(lost(`Port ${target.ports.UDP_PORT} (UDP_PORT) of ${target.hostname} does not answer.`));
      } else subscribe();
    }, RESEND_MS);
  };
  const onEvent = (event: CloudEvent) => {
    const behind = cursorBehind(event);
    if (last === undefined) return;
    if (behind === undefined) return arrivals.push(event);
    if (event.type !== "everywire.gap" && last !== "earliest" && behind <= last) return;
    // Something before it was lost.
    if (event.previous !== last) return send({ op: "resend", after: last });
    last = behind;
    const { previous: _, ...rest } = event;
    arrivals.push(rest as CloudEvent);
  };
  socket.on("message", (bytes) => {
    heardAtMs = Date.now();
    try {
      const answer = parseObject(bytes.toString());
      if (typeof answer.proof === "string") proof = answer.proof;
      switch (answer.op) {
        case undefined:
          return onEvent(answer as unknown as CloudEvent);
        case "challenge":
          return subscribe();
        case "subscribed": {
          clearTimeout(renewal);
          renewal = setTimeout(subscribe, Number(answer.lease) * 300);
          if (last !== undefined) return;
          last = String(answer.after);
          return onLive(last === "earliest" ? undefined : last);
        }
        case "position":
          if (last !== undefined && String(answer.after) > last) send({ op: "resend", after: last });
          return;
        case "expired":
          return arrivals.end(lost("The lease has expired."));
        case "error":
          return arrivals.end(toTold(answer));
      }
    } catch (error) {
      arrivals.end(EverywireError.from(error));
    }
  });
  socket.on("error", (error) => {
    const { code } = error as { readonly code?: string };
    arrivals.end(
      lost(`Port ${target.ports.UDP_PORT} (UDP_PORT) of ${target.hostname}: ${code ?? error.message}.`),
    );
  });
  socket.connect(target.ports.UDP_PORT, target.hostname, subscribe);
  const stop = () => arrivals.end();
  signal.addEventListener("abort", stop, { once: true });
  try {
    yield* arrivals;
  } finally {
    clearTimeout(renewal);
    signal.removeEventListener("abort", stop);
    if (last !== undefined) send({ op: "unsubscribe" });
    socket.close();
  }
};
