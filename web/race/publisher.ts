import { api } from "../shell/api.ts";
import { withToken } from "./wire.ts";

/** What publishes the events of a race. */
export interface Publisher {
  /** Resolves with the event's `sequence` when the log has it. @throws Error where it was refused */
  publish(channel: string, data: unknown): Promise<string>;
  close(): void;
}

export const PUBLISHER_NAMES = ["socket", "http"] as const;
export type PublisherName = (typeof PUBLISHER_NAMES)[number];

const TYPE = "race.tick";

/** Over one JSON-RPC connection, or by a request for each event. */
export function createPublisher(name: PublisherName, origin: string, token: string | undefined): Publisher {
  return name === "http" ? createHttpPublisher() : createSocketPublisher(origin, token);
}

function createHttpPublisher(): Publisher {
  return {
    async publish(channel, data) {
      const { body } = await api<{ sequence: string }>("POST", `/channels/${channel}`, { type: TYPE, data });
      return body.sequence;
    },
    close() {},
  };
}

interface Pending {
  resolve(sequence: string): void;
  reject(error: Error): void;
}

interface RpcAnswer {
  readonly id?: number;
  readonly result?: { readonly sequence: string };
  readonly error?: { readonly message: string };
}

function createSocketPublisher(origin: string, token: string | undefined): Publisher {
  const pending = new Map<number, Pending>();
  let next = 0;
  let socket: WebSocket | undefined;
  let opened: Promise<WebSocket> | undefined;

  const fail = (message: string) => {
    for (const { reject } of pending.values()) reject(new Error(message));
    pending.clear();
    opened = undefined;
  };
  const open = () =>
    new Promise<WebSocket>((resolve, reject) => {
      const made = new WebSocket(withToken(`${origin.replace(/^http/, "ws")}/rpc`, token));
      socket = made;
      made.addEventListener("open", () => resolve(made));
      made.addEventListener("close", () => {
        reject(new Error("The server cannot be reached."));
        fail("The connection that publishes was lost.");
      });
      made.addEventListener("message", ({ data }) => {
        const { id, result, error } = JSON.parse(String(data)) as RpcAnswer;
        const waiting = id === undefined ? undefined : pending.get(id);
        if (id === undefined || waiting === undefined) return;
        pending.delete(id);
        if (result === undefined) waiting.reject(new Error(error?.message ?? "refused"));
        else waiting.resolve(result.sequence);
      });
    });
  return {
    async publish(channel, data) {
      opened ??= open();
      const ready = await opened;
      next += 1;
      const id = next;
      const answered = new Promise<string>((resolve, reject) => pending.set(id, { resolve, reject }));
      ready.send(
        JSON.stringify({
          jsonrpc: "2.0",
          id,
          method: "channel.publish",
          params: { channel, type: TYPE, data },
        }),
      );
      return answered;
    },
    close: () => socket?.close(),
  };
}
