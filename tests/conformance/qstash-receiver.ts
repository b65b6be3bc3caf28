import { once } from "node:events";
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from "node:http";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

export interface Received {
  readonly path: string;
  readonly method: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  readonly atMs: number;
}

/** What a destination answers; nothing where it is to hang. */
export interface Reply {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
}

type Behaviour = (request: Received, count: number) => Reply | undefined | Promise<Reply | undefined>;

/** A destination of messages on a socket of its own: keeps what it was sent, and answers as each test says. */
export class QstashReceiver {
  readonly received: Received[] = [];
  readonly url: string;
  readonly #server: ReturnType<typeof createServer>;
  readonly #behaviours = new Map<string, Behaviour>();
  #waiters: (() => void)[] = [];

  private constructor(server: ReturnType<typeof createServer>) {
    this.#server = server;
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    server.on("request", (request, response) => void this.#serve(request, response));
  }

  static async listen(): Promise<QstashReceiver> {
    const server = createServer();
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return new QstashReceiver(server);
  }

  /** @param behaviour gets how many came to this path before */
  on(path: string, behaviour: Behaviour): string {
    this.#behaviours.set(path, behaviour);
    return `${this.url}${path}`;
  }

  /** Keeps whoever comes to this path waiting for an answer. Gives what lets all of them go, and all that come later. */
  hold(path: string): () => void {
    const released = Promise.withResolvers<Reply>();
    this.on(path, () => released.promise);
    return () => released.resolve({ status: 200 });
  }

  at(path: string): Received[] {
    return this.received.filter((request) => request.path === path);
  }

  /** Resolves when so many requests came to a path, with them. */
  async waitFor(path: string, count = 1, timeoutMs = 25_000): Promise<Received[]> {
    const endMs = Date.now() + timeoutMs;
    while (this.at(path).length < count) {
      const left = endMs - Date.now();
      if (left <= 0) throw new Error(`${path} was called ${this.at(path).length} times, not ${count}`);
      await Promise.race([
        new Promise<void>((resolve) => this.#waiters.push(resolve)),
        new Promise<void>((resolve) => setTimeout(resolve, left).unref()),
      ]);
    }
    return this.at(path);
  }

  async close(): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
    await once(this.#server, "close");
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part as Buffer);
    const path = request.url ?? "";
    const count = this.at(path).length;
    const received = {
      path,
      method: request.method ?? "",
      headers: request.headers,
      body: Buffer.concat(parts).toString(),
      atMs: Date.now(),
    };
    this.received.push(received);
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const wake of waiters) wake();
    const behaviour = this.#behaviours.get(path);
    const reply = behaviour === undefined ? { status: 200 } : await behaviour(received, count);
    if (reply === undefined) return;
    response.writeHead(reply.status, { ...reply.headers }).end(reply.body);
  }
}
