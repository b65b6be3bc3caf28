import { ByteConnection } from "../byte-connection.ts";
import type { OpenReader, ReadRequest } from "../reader.ts";
import { encodeFrame, openWebSocket } from "../web-socket.ts";
import { SUBSCRIPTION } from "./streams.ts";

const PING = Buffer.from('ping"');

/**
 * After every few MiB a server asks whether its reader keeps up; who never answers is cut. What is asked for is
 * found in what comes, and a ping that is cut by a chunk is answered with the next one.
 */
function keepUp(
  connection: ByteConnection,
  { onBytes, onEnd }: ReadRequest,
  toPong: (text: string) => string | Uint8Array | undefined,
): void {
  connection.onEnd = onEnd;
  connection.onData = (chunk) => {
    onBytes(chunk);
    if (!chunk.includes(PING)) return;
    const pong = toPong(chunk.toString("latin1"));
    if (pong !== undefined) connection.write(pong);
  };
}

function toReader(connection: ByteConnection) {
  return {
    get traffic() {
      return connection.traffic;
    },
    close: () => connection.close(),
  };
}

/** The answer to `{"op":"ping","ref"}`, as a line or a frame. */
function toLinePong(text: string): string | undefined {
  const ref = /\{"op":"ping","ref":("[^"]*"|\d+)\}/.exec(text)?.[1];
  return ref === undefined ? undefined : `{"op":"pong","ref":${ref}}`;
}

/** `GET /ws/{channel}`: live with the upgrade. */
export const readWebSocket: OpenReader = async (place, request) => {
  const connection = await openWebSocket(
    place,
    `/ws/${request.channel}?after=${request.after}`,
    undefined,
    request.onBytes,
  );
  keepUp(connection, request, (text) => {
    const pong = toLinePong(text);
    return pong === undefined ? undefined : encodeFrame(pong);
  });
  return toReader(connection);
};

/** `channel.subscribe` over a WebSocket at `/rpc`. */
export const readJsonRpc: OpenReader = async (place, request) => {
  const { channel, after } = request;
  const connection = await openWebSocket(place, "/rpc");
  const params = { channel, after };
  connection.write(
    encodeFrame(JSON.stringify({ jsonrpc: "2.0", id: 1, method: "channel.subscribe", params })),
  );
  await connection.waitFor('"subscription"', request.onBytes);
  keepUp(connection, request, (text) => {
    const ref = /"method":"channel\.ping","params":\{"ref":("[^"]*"|\d+)/.exec(text)?.[1];
    if (ref === undefined) return undefined;
    return encodeFrame(`{"jsonrpc":"2.0","method":"channel.pong","params":{"ref":${ref}}}`);
  });
  return toReader(connection);
};

/** GraphQL's subscription over graphql-transport-ws; the pong behind the subscription says that it has begun. */
export const readGraphqlWs: OpenReader = async (place, request) => {
  const { channel, after } = request;
  const connection = await openWebSocket(place, "/graphql", "graphql-transport-ws");
  connection.write(encodeFrame('{"type":"connection_init"}'));
  await connection.waitFor("connection_ack");
  const payload = { query: SUBSCRIPTION, variables: { channel, after } };
  connection.write(encodeFrame(JSON.stringify({ id: "1", type: "subscribe", payload })));
  connection.write(encodeFrame('{"type":"ping"}'));
  await connection.waitFor('"pong"', request.onBytes);
  keepUp(connection, request, (text) => {
    const ping = /\{"type":"ping"(,"payload":\{[^}]*\})?\}/.exec(text);
    return ping === null ? undefined : encodeFrame(`{"type":"pong"${ping[1] ?? ""}}`);
  });
  return toReader(connection);
};

/** JSON lines on the TCP port. */
export const readTcp: OpenReader = async (place, request) => {
  return readLines(await ByteConnection.open(place.tcpPort, place.host, place.readerHost), request);
};

/** Subscribes by a line, on whatever carries lines. */
export async function readLines(connection: ByteConnection, request: ReadRequest) {
  const { channel, after } = request;
  connection.write(`${JSON.stringify({ op: "subscribe", channel, after, ref: "s" })}\n`);
  await connection.waitFor('"subscribed"', request.onBytes);
  keepUp(connection, request, (text) => {
    const pong = toLinePong(text);
    return pong === undefined ? undefined : `${pong}\n`;
  });
  return toReader(connection);
}
