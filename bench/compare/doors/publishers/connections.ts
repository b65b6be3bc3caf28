import { toRequestText } from "../../../http-connection.ts";
import { ByteConnection } from "../byte-connection.ts";
import type { OpenPublisher, Publisher } from "../publisher.ts";
import { Answers, EVENT_TYPE, TextCounter } from "../publisher.ts";
import { encodeFrame, openWebSocket } from "../web-socket.ts";
import { MUTATION } from "./graphql.ts";

/**
 * Publishes on a connection that stays, without waiting for the answer before, and counts the answers.
 *
 * @param answer what each good answer holds once
 * @param refusal what a bad one holds
 */
function publishOn(
  connection: ByteConnection,
  toBytes: (data: string) => string | Uint8Array,
  answer: string,
  refusal: string,
): Publisher {
  const answers = new Answers();
  const good = new TextCounter(answer, () => answers.take());
  connection.onEnd = (why) => answers.fail(why);
  connection.onData = (chunk) => {
    good.push(chunk);
    if (chunk.includes(refusal))
      answers.fail(`An event was refused: ${chunk.toString("latin1").slice(0, 300)}`);
  };
  return {
    get traffic() {
      return connection.traffic;
    },
    send: (data) => {
      const answered = answers.next();
      connection.write(toBytes(data));
      return answered;
    },
    close: () => connection.close(),
  };
}

/** A frame on `/ws/{channel}` that asks for an acknowledgement. */
export const publishWebSocket: OpenPublisher = async (place, channel) => {
  // It reads as well, as every client there does: from the end, so it is sent what it publishes itself.
  const connection = await openWebSocket(place, `/ws/${channel}`);
  return publishOn(
    connection,
    (data) => encodeFrame(`{"type":"${EVENT_TYPE}","data":${data},"ack":1}`),
    '"op":"ack"',
    '"op":"error"',
  );
};

/** `channel.publish` over a WebSocket. */
export const publishJsonRpc: OpenPublisher = async (place, channel) => {
  const connection = await openWebSocket(place, "/rpc");
  const toBytes = (data: string) =>
    encodeFrame(
      `{"jsonrpc":"2.0","id":1,"method":"channel.publish","params":{"channel":"${channel}","type":"${EVENT_TYPE}","data":${data}}}`,
    );
  return publishOn(connection, toBytes, '"sequence"', '"error"');
};

/** GraphQL's mutation over graphql-transport-ws. */
export const publishGraphqlWs: OpenPublisher = async (place, channel) => {
  const connection = await openWebSocket(place, "/graphql", "graphql-transport-ws");
  connection.write(encodeFrame('{"type":"connection_init"}'));
  await connection.waitFor("connection_ack");
  let id = 0;
  const toBytes = (data: string) => {
    id += 1;
    return encodeFrame(
      `{"id":"${id}","type":"subscribe","payload":{"query":${JSON.stringify(MUTATION)},"variables":{"channel":"${channel}","data":${data}}}}`,
    );
  };
  return publishOn(connection, toBytes, '"sequence"', '"errors"');
};

/** A line on the TCP port. */
export const publishTcp: OpenPublisher = async (place, channel) => {
  return publishLines(await ByteConnection.open(place.tcpPort, place.host), channel);
};

/** By lines, on whatever carries them. */
export function publishLines(connection: ByteConnection, channel: string): Publisher {
  const toBytes = (data: string) =>
    `{"op":"publish","channel":"${channel}","type":"${EVENT_TYPE}","data":${data}}\n`;
  return publishOn(connection, toBytes, '"op":"ack"', '"op":"error"');
}

/** A line of the body of `POST /stream/{channel}`, which stays open; a chunk each (RFC 9112 §7.1). */
export const publishNdjson: OpenPublisher = async (place, channel) => {
  const connection = await ByteConnection.open(place.httpPort, place.host);
  const headers = { "content-type": "application/x-ndjson", "transfer-encoding": "chunked" };
  const head = toRequestText({ method: "GET", url: `${place.url}/stream/${channel}`, headers });
  connection.write(head.replace(/^GET/, "POST"));
  const answer = await connection.waitFor("\r\n\r\n");
  if (!answer.startsWith("HTTP/1.1 200")) throw new Error(`/stream was answered ${answer}`);
  const toBytes = (data: string) => {
    const line = `{"type":"${EVENT_TYPE}","data":${data}}\n`;
    return `${line.length.toString(16)}\r\n${line}\r\n`;
  };
  return publishOn(connection, toBytes, '"sequence"', '"error"');
};
