import { WebSocket } from "ws";
import type { ErrorCode } from "../../../core/error.ts";
import type { DoorDriver, Published, PublishedEvent, Reader, ReceivedEvent, Target } from "../door-driver.ts";
import { DoorError } from "../door-driver.ts";
import { assertOk, toHeaders, toUrl } from "../http-exchange.ts";
import { createReader, Received } from "../received-events.ts";

export interface Frame {
  readonly op?: string;
  readonly [name: string]: unknown;
}

/** A connection and all the frames that came over it. */
export interface Connection {
  readonly socket: WebSocket;
  /** Events, stored or not, in order. */
  readonly events: Received<ReceivedEvent>;
  /** Frames with an `op`. */
  readonly operations: Received<Frame>;
}

/** Opens a socket with the `ws` package. @throws DoorError where the upgrade was refused */
export async function connect(
  target: Target,
  channel: string,
  options: {
    readonly after?: string | undefined;
    readonly protocols?: readonly string[];
    /** How long it waits after `close()` before it cuts the connection, and loses what the server has not read yet. */
    readonly closeTimeoutMs?: number;
  } = {},
): Promise<Connection> {
  const url = toUrl(target, `/ws/${channel}`, { after: options.after }).replace(/^http/, "ws");
  // workerd answers a close, but ends the connection only when the client does: `ws` would wait 30 s for it.
  const socketOptions = { headers: toHeaders(target), closeTimeout: options.closeTimeoutMs ?? 200 } as const;
  const socket = new WebSocket(url, [...(options.protocols ?? [])], socketOptions);
  const events = new Received<ReceivedEvent>();
  const operations = new Received<Frame>();
  socket.on("message", (data) => {
    const frame = JSON.parse(String(data)) as Frame;
    if (frame.op !== undefined) operations.push(frame);
    else events.push({ sequence: frame.sequence as string | undefined, event: frame });
  });
  const opened = Promise.withResolvers<void>();
  socket.on("open", opened.resolve);
  socket.on("unexpected-response", (_request, response) => {
    const chunks: Buffer[] = [];
    response.on("data", (chunk: Buffer) => chunks.push(chunk));
    response.on("end", () => {
      const answer = new Response(Buffer.concat(chunks), { status: response.statusCode ?? 500 });
      assertOk(answer).then(() => opened.reject(new Error("It was not upgraded.")), opened.reject);
    });
  });
  const onEnd = (error: Error) => {
    opened.reject(error);
    events.end(error);
    operations.end(error);
  };
  socket.on("error", onEnd);
  socket.on("close", (code, reason) => onEnd(new Error(`closed: ${code} ${reason}`)));
  await opened.promise;
  return { socket, events, operations };
}

/** `GET /ws/{channel}`: publishes with acks, and reads frames, with the `ws` package. */
export const websocket: DoorDriver = {
  name: "websocket",

  async publish(target: Target, channel: string, event: PublishedEvent): Promise<Published> {
    const { socket, operations } = await connect(target, channel);
    try {
      socket.send(JSON.stringify({ ...event, ack: "ref" }));
      const frame = await operations.next();
      if (frame.op === "error") throw new DoorError(frame.code as ErrorCode, String(frame.message));
      if (frame.op !== "ack" || frame.ref !== "ref") throw new Error(`Not an ack: ${JSON.stringify(frame)}`);
      return { id: String(frame.id), sequence: String(frame.sequence), duplicate: frame.duplicate === true };
    } finally {
      socket.close();
    }
  },

  async read(target: Target, channel: string, after?: string): Promise<Reader> {
    const { socket, events } = await connect(target, channel, { after });
    return createReader(events, after, () => socket.terminate());
  },
};
