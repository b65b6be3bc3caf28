import { once } from "node:events";
import type { OutgoingHttpHeaders } from "node:http2";
import { connect } from "node:http2";
import { connect as connectTcp } from "node:net";
import type { Place } from "../place.ts";
import { gatewayOf } from "../place.ts";
import type { OpenReader } from "../reader.ts";
import { encodeSubscribe, toEnvelope } from "../rpc-messages.ts";

/** A request over HTTP/2 in clear whose answer is a stream, on a connection of its own, through the gateway. */
function createHttp2Reader(
  toHeaders: (channel: string, after: string) => OutgoingHttpHeaders,
  toBody: (channel: string, after: string) => Uint8Array | undefined,
): OpenReader {
  return async (place: Place, { channel, after, onBytes, onEnd }) => {
    const { host, readerHost } = place;
    const port = gatewayOf(place).grpcPort;
    const own = readerHost === undefined ? {} : { localAddress: readerHost };
    const session = connect(`http://${host}:${port}`, {
      settings: { initialWindowSize: 1024 * 1024 },
      createConnection: () => connectTcp({ port, host, noDelay: true, ...own }),
    });
    let isClosed = false;
    const failed = Promise.withResolvers<never>();
    failed.promise.catch(() => undefined);
    const end = (why: string) => {
      failed.reject(new Error(why));
      if (!isClosed) onEnd(why);
    };
    session.on("error", (error) => end(error.message));
    await Promise.race([once(session, "connect"), failed.promise]);
    session.setLocalWindowSize(4 * 1024 * 1024);
    const stream = session.request(toHeaders(channel, after), { endStream: false });
    stream.on("error", (error) => end(error.message));
    stream.on("close", () => end("The stream ended."));
    stream.on("data", onBytes);
    stream.end(toBody(channel, after));
    const [headers] = await Promise.race([once(stream, "response"), failed.promise]);
    const { ":status": status, "grpc-status": grpcStatus } = headers as Record<string, unknown>;
    if (status !== 200 || (grpcStatus !== undefined && grpcStatus !== "0")) {
      throw new Error(`It was answered ${JSON.stringify(headers)}`);
    }
    const { socket } = session;
    return {
      get traffic() {
        return { sentBytes: socket.bytesWritten ?? 0, receivedBytes: socket.bytesRead ?? 0 };
      },
      close: () => {
        isClosed = true;
        session.destroy();
      },
    };
  };
}

/** gRPC: `ChannelService/Subscribe` through the gateway. */
export const readGrpc = createHttp2Reader(
  () => ({
    ":method": "POST",
    ":path": "/everywire.v1.ChannelService/Subscribe",
    "content-type": "application/grpc+proto",
    te: "trailers",
  }),
  (channel, after) => toEnvelope(encodeSubscribe(channel, after)),
);

/** Server-sent events over HTTP/2. */
export const readSseHttp2 = createHttp2Reader(
  (channel, after) => ({
    ":method": "GET",
    ":path": `/sse/${channel}?after=${after}`,
    accept: "text/event-stream",
  }),
  () => undefined,
);
