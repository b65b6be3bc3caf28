import { once } from "node:events";
import { connect } from "node:net";
import { connect as connectTls } from "node:tls";
import { UNTRUSTED } from "./gateway-clients.ts";

/** Large requests that are refused unread: path, headers, and the status of the refusal. */
export const REFUSALS: readonly (readonly [status: number, path: string, headers: Record<string, string>])[] =
  [
    [401, "/channels/demo/x", { authorization: "Bearer nonsense", "content-type": "application/json" }],
    [404, "/nothing", { "content-type": "application/json" }],
    [405, "/sse/demo/x", { "content-type": "application/json" }],
    [413, "/channels/demo/x", { "content-type": "application/json" }],
    [415, "/channels/demo/x", { "content-type": "text/plain" }],
  ];

export const REFUSED_BYTES = 6_000_000;

/**
 * Sends a large body to its end before it looks for an answer, as many clients do, and asks for the connection to be closed
 * afterwards. Gives the status. Rejects where the connection breaks.
 */
export async function sendLarge(
  url: string,
  headers: Readonly<Record<string, string>>,
  isChunked: boolean,
): Promise<number> {
  const { protocol, hostname: host, port, pathname } = new URL(url);
  const isTls = protocol === "https:";
  const socket = isTls ? connectTls({ host, port: Number(port), ...UNTRUSTED }) : connect(Number(port), host);
  await once(socket, isTls ? "secureConnect" : "connect");
  socket.pause();
  const broken = once(socket, "close").then(() => Promise.reject(new Error("The connection broke.")));
  broken.catch(() => {});
  const lines = [`POST ${pathname} HTTP/1.1`, `Host: ${host}`, "Connection: close"];
  for (const [name, value] of Object.entries(headers)) lines.push(`${name}: ${value}`);
  lines.push(isChunked ? "Transfer-Encoding: chunked" : `Content-Length: ${REFUSED_BYTES}`);
  socket.write(`${lines.join("\r\n")}\r\n\r\n`);
  const chunk = Buffer.alloc(60_000, "x");
  const size = Buffer.from(`${chunk.length.toString(16)}\r\n`);
  for (let left = REFUSED_BYTES; left > 0; left -= chunk.length) {
    const bytes = isChunked ? Buffer.concat([size, chunk, Buffer.from("\r\n")]) : chunk;
    if (!socket.write(bytes)) await Promise.race([once(socket, "drain"), broken]);
  }
  if (isChunked) socket.write("0\r\n\r\n");
  let text = "";
  for await (const part of socket.setEncoding("latin1")) text += part;
  return Number(/^HTTP\/1\.1 (\d{3}) /.exec(text)?.[1]);
}
