import { once } from "node:events";
import type { IncomingHttpHeaders } from "node:http";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { Received } from "./received-events.ts";

export interface ReceivedCall {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export interface Callable {
  /** Without a slash at the end. */
  readonly url: string;
  readonly calls: Received<ReceivedCall>;
  /** The most calls that were under way at once. */
  readonly mostAtOnce: number;
  stop(): Promise<void>;
}

/** A server that is called: it keeps what comes, and answers as it is told. */
export async function serveCallable(
  answer: (call: ReceivedCall) => number | Promise<number> = () => 200,
): Promise<Callable> {
  const calls = new Received<ReceivedCall>();
  let atOnce = 0;
  let mostAtOnce = 0;
  const server = createServer((request, response) => {
    atOnce += 1;
    mostAtOnce = Math.max(mostAtOnce, atOnce);
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", async () => {
      const body = Buffer.concat(chunks).toString();
      const call = { path: request.url ?? "", headers: request.headers, body };
      const status = await answer(call);
      atOnce -= 1;
      calls.push(call);
      response.writeHead(status).end(`answered ${status}`);
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    calls,
    get mostAtOnce() {
      return mostAtOnce;
    },
    async stop() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}
