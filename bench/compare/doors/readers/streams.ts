import type { RequestParts } from "../../../http-connection.ts";
import { toRequestText } from "../../../http-connection.ts";
import { ByteConnection } from "../byte-connection.ts";
import type { OpenReader } from "../reader.ts";
import { encodeSubscribe, toEnvelope } from "../rpc-messages.ts";

/** What both carriers of GraphQL subscribe to. */
export const SUBSCRIPTION = `subscription ($channel: String!, $after: String) {
  events(channel: $channel, after: $after) { id source type time subject sequence data }
}`;

const LAST_CHUNK = Buffer.from("0\r\n\r\n");
/** What Durable Streams call our two words. */
const OFFSETS: Readonly<Record<string, string>> = { earliest: "-1", latest: "now" };

/**
 * A request whose answer is a stream of events.
 *
 * @param live what the answer says once nothing will be missed
 */
function createStreamReader(
  toParts: (channel: string, after: string) => Omit<RequestParts, "url"> & { readonly path: string },
  live: string,
): OpenReader {
  return async (place, { channel, after, onBytes, onEnd }) => {
    const connection = await ByteConnection.open(place.httpPort, place.host, place.readerHost);
    const { path, ...parts } = toParts(channel, after);
    connection.write(toRequestText({ ...parts, url: `${place.url}${path}` }));
    const answer = await connection.waitFor(live, onBytes);
    if (!answer.startsWith("HTTP/1.1 200")) throw new Error(`${path} was answered ${answer.slice(0, 300)}`);
    connection.onData = (chunk) => {
      onBytes(chunk);
      // A reader that the server ends keeps its connection: only the last chunk says so (RFC 9112 §7.1).
      if (chunk.subarray(-LAST_CHUNK.length).equals(LAST_CHUNK)) {
        // What an error on any of these wires says of itself.
        const [, message] = /"message":"([^"]+)"[^\n]*\s*0?\s*$/.exec(chunk.toString("latin1")) ?? [];
        onEnd(`the server ended the stream${message === undefined ? "" : `: ${message}`}`);
      }
    };
    connection.onEnd = onEnd;
    return {
      get traffic() {
        return connection.traffic;
      },
      close: () => connection.close(),
    };
  };
}

/** `GET /sse/{channel}`; its first block with an id says where it stands. */
export const readSse = createStreamReader(
  (channel, after) => ({
    method: "GET",
    path: `/sse/${channel}?after=${after}`,
    headers: { accept: "text/event-stream" },
  }),
  "\nid: ",
);

/** `GET /stream/{channel}`. */
export const readNdjson = createStreamReader(
  (channel, after) => ({ method: "GET", path: `/stream/${channel}?after=${after}` }),
  "\r\n\r\n",
);

/** `GET /v1/stream/{channel}?live=sse` of a channel that is there. */
export const readDurableStream = createStreamReader(
  (channel, after) => ({
    method: "GET",
    path: `/v1/stream/${channel}?offset=${OFFSETS[after] ?? after}&live=sse`,
  }),
  "streamNextOffset",
);

/** GraphQL's subscription over server-sent events. */
export const readGraphqlSse = createStreamReader(
  (channel, after) => ({
    method: "POST",
    path: "/graphql",
    headers: { "content-type": "application/json", accept: "text/event-stream" },
    body: JSON.stringify({ query: SUBSCRIPTION, variables: { channel, after } }),
  }),
  ": live",
);

/** Connect's streaming in JSON. */
export const readConnect = createStreamReader(
  (channel, after) => ({
    method: "POST",
    path: "/everywire.v1.ChannelService/Subscribe",
    headers: { "content-type": "application/connect+json", "connect-protocol-version": "1" },
    body: toEnvelope(Buffer.from(JSON.stringify({ channel, after }))).toString("latin1"),
  }),
  "\r\n\r\n",
);

/** gRPC-Web in protobuf. */
export const readGrpcWeb = createStreamReader(
  (channel, after) => ({
    method: "POST",
    path: "/everywire.v1.ChannelService/Subscribe",
    headers: { "content-type": "application/grpc-web+proto", "x-grpc-web": "1" },
    body: toEnvelope(encodeSubscribe(channel, after)).toString("latin1"),
  }),
  "\r\n\r\n",
);
