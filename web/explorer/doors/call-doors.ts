import type { ExplorerDoor, HttpCall, Inputs } from "../call.ts";
import { parseData, postJson, toHeaders } from "../call.ts";
import { EnvelopeDecoder, encodeEnvelope } from "../envelope.ts";

const SERVICE = "/everywire.v1.ChannelService";

export const connect: ExplorerDoor = {
  name: "connect",
  title: "Connect",
  note: "A unary call is a POST with JSON. A stream has an envelope of five bytes before each message: flags and length.",
  via: "connect",
  calls: {
    publish: (inputs) =>
      postJson(inputs, `${SERVICE}/Publish`, {
        channel: inputs.channel,
        type: inputs.type,
        data: parseData(inputs),
      }),
    read: ({ channel, after, ...inputs }) =>
      postJson({ channel, after, ...inputs }, `${SERVICE}/Read`, { channel, after, limit: 10 }),
    subscribe: (inputs): HttpCall => ({
      kind: "http",
      method: "POST",
      path: `${SERVICE}/Subscribe`,
      headers: toHeaders(inputs, {
        "content-type": "application/connect+json",
        "connect-protocol-version": "1",
      }),
      body: encodeEnvelope(
        new TextEncoder().encode(JSON.stringify({ channel: inputs.channel, after: inputs.after })),
      ),
      isStream: true,
      decode: new EnvelopeDecoder((bytes) => new TextDecoder().decode(bytes)),
    }),
  },
};

/** Loaded when it is first wanted: protobuf comes with it. */
async function toGrpcCall(method: "Publish" | "Read" | "Subscribe", inputs: Inputs): Promise<HttpCall> {
  const { encodeRequest, decodeRequest, decodeResponse } = await import("../channel-messages.ts");
  return {
    kind: "http",
    method: "POST",
    path: `${SERVICE}/${method}`,
    headers: toHeaders(inputs, { "content-type": "application/grpc-web+proto", "x-grpc-web": "1" }),
    body: encodeEnvelope(encodeRequest(method, inputs)),
    isStream: method === "Subscribe",
    decode: new EnvelopeDecoder((bytes, direction) =>
      direction === "out" ? decodeRequest(method, bytes) : decodeResponse(method, bytes),
    ),
  };
}

export const grpcWeb: ExplorerDoor = {
  name: "grpc-web",
  title: "gRPC-Web",
  note: "Protobuf in envelopes of five bytes; the last one, with the flag 0x80, is the trailers: the status.",
  via: "grpc-web",
  calls: {
    publish: (inputs) => toGrpcCall("Publish", inputs),
    read: (inputs) => toGrpcCall("Read", inputs),
    subscribe: (inputs) => toGrpcCall("Subscribe", inputs),
  },
};
