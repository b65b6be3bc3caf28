import type { Socket } from "node:dgram";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import type { ErrorCode } from "../../../core/error.ts";
import type { DoorDriver, Published, PublishedEvent, Reader, ReceivedEvent, Target } from "../door-driver.ts";
import { DEFAULT_TIMEOUT_MS, DoorError } from "../door-driver.ts";
import { Received } from "../received-events.ts";
import type { TcpLine } from "./tcp.ts";

/** After which a datagram counts as lost, and is sent again. */
const LOST_AFTER_MS = 1000;

/** A socket and the datagrams that came to it. */
export interface DatagramSocket {
  readonly socket: Socket;
  readonly answers: Received<TcpLine>;
  /** The proof that its address was given last. */
  readonly proof: string | undefined;
  send(datagram: object | string | Buffer): Promise<void>;
  /** Sends a datagram until it is answered, and answers the challenge if there is one. @throws DoorError */
  ask(datagram: Readonly<Record<string, unknown>>): Promise<TcpLine>;
}

/** @param onEvent told each datagram that is no answer */
export async function connectDatagrams(
  target: Target,
  onEvent: (event: TcpLine) => void = () => {},
): Promise<DatagramSocket> {
  const socket = createSocket({ type: "udp4", recvBufferSize: 1024 * 1024 });
  socket.connect(target.gateway?.udpPort ?? 0, "127.0.0.1");
  await once(socket, "connect");
  const answers = new Received<TcpLine>();
  let proof: string | undefined;
  let nextRef = 1;
  const waiting = new Map<unknown, (answer: TcpLine) => void>();
  socket.on("message", (bytes) => {
    const line = JSON.parse(bytes.toString()) as TcpLine;
    if (typeof line.proof === "string") proof = line.proof;
    if (line.op === undefined || line.op === "position" || line.op === "expired") return onEvent(line);
    const resolve = waiting.get(line.ref);
    if (resolve === undefined) {
      answers.push(line);
      if (line.op === "error" && line.channel !== undefined) onEvent(line);
    } else resolve(line);
  });
  const failed = Promise.withResolvers<never>();
  failed.promise.catch(() => {});
  // On one machine it is told that nobody listens there any more.
  socket.on("error", (error) => {
    answers.end(error);
    failed.reject(error);
  });
  const send = (datagram: object | string | Buffer) =>
    new Promise<void>((resolve, reject) => {
      const isWhole = typeof datagram === "string" || datagram instanceof Buffer;
      socket.send(Buffer.from(isWhole ? datagram : JSON.stringify(datagram)), (error) =>
        error ? reject(error) : resolve(),
      );
    });
  const askOnce = async (datagram: object, ref: unknown): Promise<TcpLine> => {
    const answered = new Promise<TcpLine>((resolve) => waiting.set(ref, resolve));
    const deadline = Date.now() + DEFAULT_TIMEOUT_MS;
    try {
      while (Date.now() < deadline) {
        await send(datagram);
        const lost = new Promise<undefined>((resolve) => setTimeout(resolve, LOST_AFTER_MS));
        const answer = await Promise.race([answered, lost, failed.promise]);
        if (answer !== undefined) return answer;
      }
      throw new Error("No datagram was answered.");
    } finally {
      waiting.delete(ref);
    }
  };
  return {
    socket,
    answers,
    get proof() {
      return proof;
    },
    send,
    async ask(datagram) {
      for (;;) {
        nextRef += 1;
        const ref = `r${nextRef}`;
        const answer = await askOnce({ ...datagram, ref, token: target.token, proof }, ref);
        if (answer.op === "challenge") continue;
        if (answer.op === "error") throw new DoorError(answer.code as ErrorCode, String(answer.message));
        return answer;
      }
    },
  };
}

/** JSON datagrams through the gateway: the lines of the TCP door, with a plain socket. */
export const udp: DoorDriver = {
  name: "udp",
  carriesNoLargeEvents:
    "a datagram has at most 65,507 bytes; tests/conformance/udp.test.ts shows what becomes of larger events",

  async publish(target: Target, channel: string, event: PublishedEvent): Promise<Published> {
    const { socket, ask } = await connectDatagrams(target);
    try {
      // What was lost is sent again, and so it has to have a name.
      const id = event.id ?? crypto.randomUUID();
      const { sequence, duplicate } = await ask({ op: "publish", channel, ...event, id });
      return { id, sequence: String(sequence), duplicate: duplicate === true };
    } finally {
      socket.close();
    }
  },

  async read(target: Target, channel: string, after?: string): Promise<Reader> {
    const events = new Received<ReceivedEvent>();
    let last: string | undefined;
    let askedAgainFor: string | undefined;
    let repetition: ReturnType<typeof setTimeout> | undefined;
    const early: TcpLine[] = [];
    /** What came after something that was lost, by the cursor before it. */
    const ahead = new Map<unknown, TcpLine>();
    // What begins at the beginning has no cursor before its first event.
    const isNew = (given: unknown) => last === "earliest" || String(given) > String(last);
    /** Asks for what is missing, and again where that is lost too. @param until the last of it, where it is known */
    const askAgain = (until?: unknown) => {
      if (askedAgainFor === last) return;
      const missedAfter = last;
      askedAgainFor = last;
      const { proof } = connection;
      send({ op: "resend", channel, after: last, until, proof, token: target.token }).catch(() => {});
      clearTimeout(repetition);
      repetition = setTimeout(() => {
        askedAgainFor = undefined;
        if (last === missedAfter) askAgain(until);
      }, 100);
    };
    const onEvent = (event: TcpLine) => {
      if (last === undefined) return void early.push(event);
      if (event.op === "error")
        return events.end(new DoorError(event.code as ErrorCode, String(event.message)));
      if (event.op === "expired") return void renew();
      if (event.op === "position") {
        if (isNew(event.after)) askAgain([...ahead.keys()].sort()[0]);
        return;
      }
      const sequence = event.sequence as string | undefined;
      if (sequence === undefined && event.type !== "everywire.gap") return;
      if (sequence !== undefined && !isNew(sequence)) return;
      ahead.set(event.previous, event);
      // Something before it was lost.
      if (event.previous !== last) return askAgain(event.previous);
      for (;;) {
        const next = ahead.get(last);
        if (next === undefined) return;
        ahead.delete(last);
        const cursor = next.sequence as string | undefined;
        last = cursor ?? (next.data as { resumedAt: string }).resumedAt;
        events.push({ sequence: cursor, event: next });
      }
    };
    // A lease that is over begins again where the first began: what is known already is passed over.
    const renew = () => void ask({ op: "subscribe", channel, after }).catch(() => {});
    const connection = await connectDatagrams(target, onEvent);
    const { socket, ask, send } = connection;
    let cursor: string | undefined;
    let renewal: ReturnType<typeof setInterval> | undefined;
    try {
      const begun = await ask({ op: "subscribe", channel, after });
      renewal = setInterval(renew, Number(begun.lease) * 300);
      last = String(begun.after);
      cursor = last;
      for (const event of early) onEvent(event);
    } catch (thrown) {
      socket.close();
      throw thrown;
    }
    return {
      get cursor() {
        return cursor;
      },
      async next(timeoutMs) {
        const received = await events.next(timeoutMs);
        cursor = received.sequence ?? (received.event.data as { resumedAt: string }).resumedAt;
        return received;
      },
      async cut() {
        clearInterval(renewal);
        clearTimeout(repetition);
        socket.close();
      },
    };
  },
};
