import type { JSONRPCResponse } from "json-rpc-2.0";
import { JSONRPCClient, JSONRPCErrorException, JSONRPCServer, JSONRPCServerAndClient } from "json-rpc-2.0";
import { WebSocket } from "ws";
import type { ErrorCode } from "../../../core/error.ts";
import type { DoorDriver, Published, PublishedEvent, Reader, ReceivedEvent, Target } from "../door-driver.ts";
import { DoorError } from "../door-driver.ts";
import { assertOk, toHeaders, toUrl } from "../http-exchange.ts";
import { Received } from "../received-events.ts";

/** The error of ours that a JSON-RPC error carries; any other as it is. */
function toDoorError(thrown: unknown): unknown {
  if (!(thrown instanceof JSONRPCErrorException)) return thrown;
  const data = thrown.data as { code: ErrorCode } | undefined;
  // An error of the protocol itself, such as a method that there is not, has no code of ours.
  return data === undefined ? thrown : new DoorError(data.code, thrown.message);
}

/** The client of the `json-rpc-2.0` package over `POST /rpc`. */
export function createHttpClient(target: Target): JSONRPCClient {
  const client: JSONRPCClient = new JSONRPCClient(async (request) => {
    const response = await fetch(toUrl(target, "/rpc"), {
      method: "POST",
      headers: toHeaders(target, { "content-type": "application/json" }),
      body: JSON.stringify(request),
    });
    if (response.status === 204) return;
    const answer = (await response.json()) as JSONRPCResponse;
    // What is wrong before there is a call, such as a bad token, has no id; here it can only be this call's.
    client.receive({ ...answer, id: answer.id ?? request.id ?? null });
  });
  return client;
}

/** A WebSocket that is a JSON-RPC client, and takes notifications. */
export interface RpcConnection {
  readonly socket: WebSocket;
  call(method: string, params?: object | unknown[]): Promise<unknown>;
  /** `channel.event`, `channel.end` and the rest, in order. */
  readonly notifications: Received<{
    readonly method: string;
    readonly params: Readonly<Record<string, unknown>>;
  }>;
}

/** @throws DoorError where the upgrade was refused */
export async function connectRpc(target: Target): Promise<RpcConnection> {
  const socket = new WebSocket(toUrl(target, "/rpc").replace(/^http/, "ws"), { headers: toHeaders(target) });
  const notifications: RpcConnection["notifications"] = new Received();
  const peer = new JSONRPCServerAndClient(
    new JSONRPCServer(),
    new JSONRPCClient((request) => void socket.send(JSON.stringify(request))),
  );
  for (const method of ["channel.event", "channel.end", "channel.ping", "channel.heartbeat"]) {
    peer.addMethod(method, (params) => void notifications.push({ method, params }));
  }
  socket.on("message", (data) => void peer.receiveAndSend(JSON.parse(String(data))));
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
    notifications.end(error);
    peer.rejectAllPendingRequests(error.message);
  };
  socket.on("error", onEnd);
  socket.on("close", (code, reason) => onEnd(new Error(`closed: ${code} ${reason}`)));
  await opened.promise;
  return {
    socket,
    notifications,
    call: async (method, params) => {
      try {
        return await peer.request(method, params);
      } catch (thrown) {
        throw toDoorError(thrown);
      }
    },
  };
}

/** Publishes by `POST /rpc`, reads by a subscription over `GET /rpc`. */
export const jsonRpc: DoorDriver = {
  name: "json-rpc",

  async publish(target: Target, channel: string, event: PublishedEvent): Promise<Published> {
    try {
      return (await createHttpClient(target).request("channel.publish", { channel, ...event })) as Published;
    } catch (thrown) {
      throw toDoorError(thrown);
    }
  },

  async read(target: Target, channel: string, after?: string): Promise<Reader> {
    const { socket, call, notifications } = await connectRpc(target);
    let cursor: string;
    try {
      ({ cursor } = (await call("channel.subscribe", { channel, after })) as { cursor: string });
    } catch (error) {
      socket.terminate();
      throw error;
    }
    return {
      get cursor() {
        return cursor;
      },
      async next(timeoutMs): Promise<ReceivedEvent> {
        for (;;) {
          const { method, params } = await notifications.next(timeoutMs);
          if (method === "channel.end") {
            const { message, data } = params.error as { message: string; data: { code: ErrorCode } };
            throw new DoorError(data.code, message);
          }
          if (method !== "channel.event") continue;
          const event = params.event as ReceivedEvent["event"];
          const sequence = event.sequence as string | undefined;
          cursor = sequence ?? (event.data as { resumedAt?: string } | undefined)?.resumedAt ?? cursor;
          return { sequence, event };
        }
      },
      async cut() {
        socket.terminate();
      },
    };
  },
};
