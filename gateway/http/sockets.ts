import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { pipeline } from "node:stream";
import { GatewayError } from "../gateway-error.ts";
import type { UpgradeAnswer, Worker } from "../worker/worker.ts";
import { toGatewayError } from "../worker/worker.ts";
import type { Exchange } from "./exchange.ts";
import { refuse } from "./forward.ts";
import type { HeaderList } from "./headers.ts";
import { fromRawHeaders, toClientHeaders, toRecord, toWorkerHeaders } from "./headers.ts";
import { toOrigin as toHttp1Origin } from "./http1-exchange.ts";
import { untilDrained } from "./until-drained.ts";

/** Asks the Worker for a WebSocket in a client's name, with a key of ours where the client's wire has none. */
async function openSocket(
  worker: Worker,
  path: string,
  headers: HeaderList,
  origin: Exchange["origin"],
): Promise<UpgradeAnswer> {
  const key = btoa(String.fromCharCode(...crypto.getRandomValues(new Uint8Array(16))));
  const record = {
    // On HTTP/1.1 the client sends its own, and expects the answer to that.
    "sec-websocket-key": key,
    "sec-websocket-version": "13",
    ...toRecord(toWorkerHeaders(headers, origin, worker.isNear)),
    connection: "Upgrade",
    upgrade: "websocket",
  };
  return worker.upgrade({ method: "GET", path, headers: record });
}

/** A WebSocket on HTTP/1.1 (RFC 6455 §4): the Worker's answer is the client's. */
export async function relayUpgrade(
  worker: Worker,
  request: IncomingMessage,
  client: Duplex,
  head: Uint8Array,
) {
  client.on("error", () => {});
  try {
    if (request.headers.upgrade?.toLowerCase() !== "websocket") {
      throw new GatewayError("invalid_argument", "The only upgrade is to websocket.");
    }
    const headers = fromRawHeaders(request.rawHeaders);
    const { response, upgraded } = await openSocket(
      worker,
      request.url ?? "/",
      headers,
      toHttp1Origin(request),
    );
    if (upgraded === undefined) return await refuseUpgrade(client, response);
    const lines = ["HTTP/1.1 101 Switching Protocols", "Connection: Upgrade", "Upgrade: websocket"];
    for (const [name, value] of toClientHeaders(fromRawHeaders(response.rawHeaders))) {
      lines.push(`${name}: ${value}`);
    }
    client.write(`${lines.join("\r\n")}\r\n\r\n`);
    join(client, head, upgraded);
  } catch (thrown) {
    const error = toGatewayError(thrown);
    const body = error.toBody(Date.now());
    client.end(
      `HTTP/1.1 ${error.httpStatus} ${error.code}\r\nConnection: close\r\nContent-Type: application/json\r\n` +
        `Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
    );
  }
}

/** A WebSocket on HTTP/2 or HTTP/3 (RFC 8441, RFC 9220): an extended CONNECT, whose stream is the connection. */
export async function relayConnect(worker: Worker, exchange: Exchange): Promise<void> {
  const { path, headers, origin, signal } = exchange;
  let upgraded: UpgradeAnswer["upgraded"];
  try {
    const answer = await openSocket(worker, path, headers, origin);
    upgraded = answer.upgraded;
    const answered = toClientHeaders(fromRawHeaders(answer.response.rawHeaders));
    if (upgraded === undefined) {
      exchange.respond(answer.response.statusCode ?? 502, answered, false);
      for await (const chunk of answer.response) await exchange.write(chunk as Uint8Array);
      return exchange.end();
    }
    if (signal.aborted) return void upgraded.socket.destroy();
    // There is no key, and so no answer to it (RFC 8441 §5).
    const own = answered.filter(([name]) => name !== "sec-websocket-accept");
    exchange.respond(200, own, false);
  } catch (thrown) {
    return refuse(exchange, toGatewayError(thrown));
  }
  await joinExchange(exchange, upgraded);
}

async function joinExchange(
  exchange: Exchange,
  { socket, head }: NonNullable<UpgradeAnswer["upgraded"]>,
): Promise<void> {
  socket.on("error", () => {});
  const leave = () => socket.destroy();
  exchange.signal.addEventListener("abort", leave, { once: true });
  const toWorker = async () => {
    for await (const chunk of exchange.body) {
      if (socket.destroyed) return;
      if (!socket.write(chunk)) await untilDrained(socket);
    }
    socket.end();
  };
  toWorker().catch(leave);
  try {
    if (head.byteLength > 0) await exchange.write(head);
    for await (const chunk of socket) await exchange.write(chunk as Uint8Array);
    exchange.end();
  } catch {
    exchange.cut();
  } finally {
    exchange.signal.removeEventListener("abort", leave);
    socket.destroy();
  }
}

async function refuseUpgrade(client: Duplex, answer: IncomingMessage): Promise<void> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of answer) chunks.push(chunk as Uint8Array);
  const body = Buffer.concat(chunks);
  const lines = [`HTTP/1.1 ${answer.statusCode} ${answer.statusMessage}`, "Connection: close"];
  for (const [name, value] of toClientHeaders(fromRawHeaders(answer.rawHeaders))) {
    if (name !== "content-length") lines.push(`${name}: ${value}`);
  }
  lines.push(`content-length: ${body.byteLength}`);
  client.write(`${lines.join("\r\n")}\r\n\r\n`);
  client.end(body);
}

/** Each end's bytes to the other, until one of them is gone. */
function join(
  client: Duplex,
  head: Uint8Array,
  { socket, head: answered }: NonNullable<UpgradeAnswer["upgraded"]>,
): void {
  if (answered.byteLength > 0) client.write(answered);
  if (head.byteLength > 0) socket.write(head);
  pipeline(client, socket, () => socket.destroy());
  pipeline(socket, client, () => client.destroy());
}
