import { once } from "node:events";
import type { Socket } from "node:net";
import { connect } from "node:net";
import type { ErrorCode } from "../../../core/error.ts";
import type { DoorDriver, Published, PublishedEvent, Reader, ReceivedEvent, Target } from "../door-driver.ts";
import { DoorError } from "../door-driver.ts";
import { createReader, Received } from "../received-events.ts";

export interface TcpLine {
  readonly op?: string;
  readonly [name: string]: unknown;
}

/** A connection and all the lines that came over it. */
export interface LineSocket {
  readonly socket: Socket;
  /** Events, stored or not, in order. */
  readonly events: Received<ReceivedEvent>;
  /** Lines with an `op`, heartbeats left out. */
  readonly answers: Received<TcpLine>;
  send(line: object): void;
  /** Sends a line, and gives its answer. @throws DoorError */
  ask(line: object): Promise<TcpLine>;
}

/** Connects, and says hello where the target has a token. @throws DoorError */
export async function connectLines(target: Target): Promise<LineSocket> {
  const port = target.tcpPorts?.TCP_PORT ?? 0;
  const lines = await followLines(connect({ host: "127.0.0.1", port, allowHalfOpen: true }));
  if (target.token !== undefined) {
    try {
      await lines.ask({ op: "hello", token: target.token });
    } catch (thrown) {
      lines.socket.destroy();
      throw thrown;
    }
  }
  return lines;
}

/** All that comes over a socket that has just been opened. */
export async function followLines(socket: Socket): Promise<LineSocket> {
  const events = new Received<ReceivedEvent>();
  const answers = new Received<TcpLine>();
  let text = "";
  socket.setEncoding("utf8");
  socket.on("data", (chunk: string) => {
    text += chunk;
    const lines = text.split("\n");
    text = lines.pop() ?? "";
    for (const line of lines) {
      const value = JSON.parse(line) as TcpLine;
      if (value.op === undefined)
        events.push({ sequence: value.sequence as string | undefined, event: value });
      else if (value.op !== "heartbeat") answers.push(value);
    }
  });
  const onEnd = (error: Error) => {
    events.end(error);
    answers.end(error);
  };
  socket.on("error", onEnd);
  socket.on("end", () => onEnd(new Error("The server closed its half.")));
  socket.on("close", () => onEnd(new Error("closed")));
  await once(socket, "connect");
  const send = (line: object) => void socket.write(`${JSON.stringify(line)}\n`);
  return {
    socket,
    events,
    answers,
    send,
    async ask(line) {
      send({ ref: "asked", ...line });
      const answer = await answers.next();
      if (answer.op === "error") throw new DoorError(answer.code as ErrorCode, String(answer.message));
      return answer;
    },
  };
}

/** What a door needs of a connection that speaks these lines. */
interface LineConnection extends Pick<LineSocket, "events" | "ask"> {
  readonly socket: { destroy(): void };
}

/** A door that speaks these lines, whatever carries them. */
export function createLineDoor(
  name: string,
  connectTo: (target: Target) => Promise<LineConnection>,
): Required<Pick<DoorDriver, "name" | "publish" | "read">> {
  return {
    name,

    async publish(target: Target, channel: string, event: PublishedEvent): Promise<Published> {
      const { socket, ask } = await connectTo(target);
      try {
        const { id, sequence, duplicate } = await ask({ op: "publish", channel, ...event });
        return { id: String(id), sequence: String(sequence), duplicate: duplicate === true };
      } finally {
        socket.destroy();
      }
    },

    async read(target: Target, channel: string, after?: string): Promise<Reader> {
      const { socket, events, ask } = await connectTo(target);
      try {
        const subscribed = await ask({ op: "subscribe", channel, after });
        return createReader(events, String(subscribed.after), () => socket.destroy());
      } catch (thrown) {
        socket.destroy();
        throw thrown;
      }
    },
  };
}

/** JSON lines on `TCP_PORT`, with a plain socket. */
export const tcp: DoorDriver = createLineDoor("tcp", connectLines);
