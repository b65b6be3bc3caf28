import { once } from "node:events";
import type { ClientHttp2Session } from "node:http2";
import { connect, constants } from "node:http2";
import type { Sample } from "./rounds.ts";

export interface GrpcCall {
  /** `http://host:port`, in clear (h2c with prior knowledge). */
  readonly url: string;
  readonly path: string;
  /** The message, encoded. */
  readonly message: Uint8Array;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Streams and no client library: the frames of a unary call are the same every time. */
export async function loadGrpc(call: GrpcCall, concurrency: number, durationMs: number): Promise<Sample> {
  const session = connect(call.url);
  await once(session, "connect");
  const head = Buffer.alloc(5);
  head.writeUInt32BE(call.message.length, 1);
  const body = Buffer.concat([head, call.message]);
  const headers = {
    [constants.HTTP2_HEADER_METHOD]: "POST",
    [constants.HTTP2_HEADER_PATH]: call.path,
    "content-type": "application/grpc+proto",
    te: "trailers",
    ...call.headers,
  };
  const latenciesMs: number[] = [];
  const startedMs = performance.now();
  const run = async () => {
    for (let sentMs = startedMs; sentMs - startedMs < durationMs; ) {
      await callOnce(session, headers, body);
      const doneMs = performance.now();
      latenciesMs.push(doneMs - sentMs);
      sentMs = doneMs;
    }
  };
  try {
    await Promise.all(Array.from({ length: concurrency }, run));
    return { operations: latenciesMs.length, elapsedMs: performance.now() - startedMs, latenciesMs };
  } finally {
    session.destroy();
  }
}

/** @throws Error where its status is not OK */
function callOnce(
  session: ClientHttp2Session,
  headers: Readonly<Record<string, string>>,
  body: Buffer,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const stream = session.request(headers);
    let status: unknown = "missing";
    let bytes = 0;
    stream.on("response", (answer) => {
      status = answer["grpc-status"] ?? status;
    });
    stream.on("trailers", (trailers) => {
      status = trailers["grpc-status"];
    });
    stream.on("data", (chunk: Buffer) => {
      bytes += chunk.length;
    });
    stream.on("error", reject);
    stream.on("close", () => {
      if (status === "0" && bytes > 5) resolve();
      else reject(new Error(`grpc-status is ${String(status)}.`));
    });
    stream.end(body);
  });
}
