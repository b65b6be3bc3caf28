import { WebSocket } from "ws";
import type { ErrorCode } from "../../../core/error.ts";
import type { DoorDriver, ReceivedEvent, Target } from "../door-driver.ts";
import { DoorError } from "../door-driver.ts";
import { assertOk, toHeaders, toUrl } from "../http-exchange.ts";
import { Received } from "../received-events.ts";
import type { TcpLine } from "./tcp.ts";
import { createLineDoor } from "./tcp.ts";

/** `GET /tcp`: the lines of the TCP door over a WebSocket, with the `ws` package. */
async function connect(target: Target) {
  const url = toUrl(target, "/tcp").replace(/^http/, "ws");
  const options = { headers: toHeaders(target), closeTimeout: 200 } as const;
  const socket = new WebSocket(url, ["everywire.lines"], options);
  const events = new Received<ReceivedEvent>();
  const answers = new Received<TcpLine>();
  const opened = Promise.withResolvers<void>();
  socket.on("open", opened.resolve);
  socket.on("message", (data) => {
    for (const text of String(data).split("\n")) {
      if (text === "") continue;
      const line = JSON.parse(text) as TcpLine;
      if (line.op === undefined) events.push({ sequence: line.sequence as string | undefined, event: line });
      else if (line.op === "ping") socket.send(JSON.stringify({ op: "pong", ref: line.ref }));
      else if (line.op !== "heartbeat") answers.push(line);
    }
  });
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
    answers.end(error);
  };
  socket.on("error", onEnd);
  socket.on("close", (code, reason) => onEnd(new Error(`closed: ${code} ${reason}`)));
  await opened.promise;
  const ask = async (line: object): Promise<TcpLine> => {
    socket.send(JSON.stringify({ ref: 1, ...line }));
    const answer = await answers.next();
    if (answer.op === "error") throw new DoorError(answer.code as ErrorCode, String(answer.message));
    return answer;
  };
  return { socket: { destroy: () => socket.terminate() }, events, ask };
}

export const linesSocket: DoorDriver = { ...createLineDoor("tcp over WebSocket", connect), door: "tcp" };
