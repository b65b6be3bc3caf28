import { randomUUID } from "node:crypto";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { connect } from "node:http2";
import { gatewayOf } from "../place.ts";
import type { OpenPublisher } from "../publisher.ts";
import { Answers, EVENT_TYPE } from "../publisher.ts";
import { encodePublish, toEnvelope } from "../rpc-messages.ts";

const HEADERS = {
  ":method": "POST",
  ":path": "/everywire.v1.ChannelService/Publish",
  "content-type": "application/grpc+proto",
  te: "trailers",
};

/** gRPC's unary call, all of them on one connection. */
export const publishGrpc: OpenPublisher = async (place, channel) => {
  const session = connect(`http://${place.host}:${gatewayOf(place).grpcPort}`);
  await once(session, "connect");
  session.on("error", () => undefined);
  const { socket } = session;
  return {
    get traffic() {
      return { sentBytes: socket.bytesWritten ?? 0, receivedBytes: socket.bytesRead ?? 0 };
    },
    send: (data) =>
      new Promise((resolve, reject) => {
        const stream = session.request(HEADERS);
        let status: unknown;
        stream.on("trailers", (trailers) => {
          status = trailers["grpc-status"];
        });
        stream.on("error", reject);
        stream.on("close", () =>
          status === "0" ? resolve() : reject(new Error(`gRPC's status is ${status}.`)),
        );
        stream.resume();
        stream.end(toEnvelope(encodePublish(channel, data)));
      }),
    close: () => session.destroy(),
  };
};

/** A datagram for each event, answered by one. */
export const publishUdp: OpenPublisher = async (place, channel) => {
  const socket = createSocket("udp4");
  socket.connect(gatewayOf(place).udpPort, place.host);
  await once(socket, "connect");
  const answers = new Answers();
  const run = randomUUID().slice(0, 8);
  let sentBytes = 0;
  let receivedBytes = 0;
  let count = 0;
  let proof: string | undefined;
  socket.on("error", (error) => answers.fail(error.message));
  socket.on("message", (bytes) => {
    receivedBytes += bytes.length;
    const told = JSON.parse(bytes.toString()) as { readonly op: string; readonly proof?: string };
    proof = told.proof ?? proof;
    if (told.op === "ack") answers.take();
    else answers.fail(`An event was answered ${bytes}`);
  });
  return {
    get traffic() {
      return { sentBytes, receivedBytes };
    },
    send: (data) => {
      const answered = answers.next();
      count += 1;
      const proved = proof === undefined ? "" : `,"proof":"${proof}"`;
      const text = `{"op":"publish","channel":"${channel}","type":"${EVENT_TYPE}","id":"${run}-${count}","data":${data}${proved}}`;
      sentBytes += text.length;
      socket.send(text, () => undefined);
      return answered;
    },
    close: () => socket.close(),
  };
};
