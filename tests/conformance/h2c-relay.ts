import { once } from "node:events";
import { request } from "node:http";
import type { ServerHttp2Stream } from "node:http2";
import { createServer } from "node:http2";
import type { AddressInfo } from "node:net";

/** Headers that belong to one HTTP/1.1 connection; HTTP/2 forbids them (RFC 9113 §8.2.2). */
const HOP_BY_HOP = new Set(["connection", "keep-alive", "transfer-encoding", "upgrade", "proxy-connection"]);

/**
 * HTTP/2 in clear in front of the Worker's HTTP/1.1, both ways at once: what the gateway does, for clients such as
 * `buf curl`, whose reflection is on HTTP/2 alone.
 */
export async function startH2cRelay(targetUrl: string): Promise<{ readonly url: string; stop(): void }> {
  const server = createServer();
  const sessions = new Set<{ destroy(): void }>();
  server.on("session", (session) => sessions.add(session));
  server.on("stream", (stream: ServerHttp2Stream, headers) => {
    const plain = Object.entries(headers).filter(([name]) => !name.startsWith(":"));
    const upstream = request(targetUrl + headers[":path"], {
      method: headers[":method"] ?? "POST",
      headers: Object.fromEntries(plain) as Record<string, string>,
    });
    upstream.on("response", (response) => {
      const answer = Object.entries(response.headers).filter(([name]) => !HOP_BY_HOP.has(name));
      stream.respond({ ":status": response.statusCode, ...Object.fromEntries(answer) });
      response.pipe(stream);
    });
    upstream.on("error", () => stream.close());
    stream.on("error", () => upstream.destroy());
    stream.on("close", () => upstream.destroy());
    stream.pipe(upstream);
    // The server answers a stream's first message before its last: nothing may wait for more to come.
    upstream.flushHeaders();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    stop() {
      for (const session of sessions) session.destroy();
      server.close();
    },
  };
}
