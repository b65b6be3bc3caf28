import { Code, ConnectError, createContextValues } from "@connectrpc/connect";
import type { UniversalHandler } from "@connectrpc/connect/protocol";
import { EverywireError } from "../../core/error.ts";
import { encodeGrpcWebText } from "../../wire/grpc-web-text.ts";
import type { EdgeContext } from "../boundary/edge.ts";
import { takeRequest, toOperationContext } from "../boundary/edge.ts";
import type { Call } from "./call.ts";
import { CALL_KEY } from "./call.ts";
import { parseContentType, toTextType } from "./content-type.ts";
import { readChunks } from "./request-body.ts";
import { collect, toReadableStream } from "./response-body.ts";

/** Heartbeats for which a reader may leave a chunk untaken before it is given up. */
const MAX_MISSED_HEARTBEATS = 3;
const INTERNAL_TRAILER = `grpc-status: ${Code.Internal}\r\n`;

/**
 * Answers one HTTP request with a method's handler, which the Connect library made for Connect and gRPC-Web both.
 *
 * @param refusal an error of the boundary (a bad token, a rate), to be told in the wire's own way
 * @throws EverywireError `unsupported_media_type`
 */
export async function handleCall(
  c: EdgeContext,
  handler: UniversalHandler,
  refusal?: EverywireError,
): Promise<Response> {
  const { methodKind } = handler.method;
  const gone = new AbortController();
  const leave = () => gone.abort(new ConnectError("The client has left.", Code.Canceled));
  c.req.raw.signal.addEventListener("abort", leave, { once: true });
  const early = Promise.withResolvers<Headers>();
  const call: Call = {
    requestId: c.env.requestId,
    refusal,
    operation: () => toOperationContext(c),
    takeRequest: () => takeRequest(c.get("edge"), c.get("identity")),
    sendHeaders: (headers) => early.resolve(new Headers(headers)),
    isInvoked: false,
  };
  const answered = ask(c, handler, call, gone.signal);
  if (methodKind === "unary" || methodKind === "client_streaming") {
    const { status, header, body } = await answered;
    const bytes = body === undefined ? new Uint8Array() : await collect(body);
    if (call.refusal === undefined && isParseFault(call, status, bytes)) {
      const name = handler.method.input.typeName;
      const fault = new EverywireError("invalid_argument", `The request is not a valid ${name}.`);
      return handleCall(c, handler, fault);
    }
    return toResponse(c, status, new Headers(header), (encode) => encode(bytes));
  }
  const first = await Promise.race([answered, early.promise]);
  const [status, header] =
    first instanceof Headers ? [200, first] : [first.status, new Headers(first.header)];
  const { HEARTBEAT_SECONDS } = c.get("edge").settings.limits;
  return toResponse(c, status, header, (encodeChunk) =>
    toReadableStream(bodyOf(answered), {
      encodeChunk,
      onEnd: leave,
      stallMs: MAX_MISSED_HEARTBEATS * HEARTBEAT_SECONDS * 1000,
    }),
  );
}

async function ask(c: EdgeContext, handler: UniversalHandler, call: Call, signal: AbortSignal) {
  const request = c.req.raw;
  const { binaryType, isText, isEnveloped } = parseContentType(request.headers.get("content-type"));
  const header = new Headers(request.headers);
  if (isText) header.set("content-type", binaryType);
  // The Connect library would reserve whatever length the client claims.
  header.delete("content-length");
  const maxBytes = c.get("edge").settings.limits.MAX_REQUEST_BYTES;
  const answer = await handler({
    // Connect offers bidi streams on HTTP/2 alone, where most servers are full duplex; workerd is on HTTP/1.1 too.
    httpVersion: "2",
    method: request.method,
    url: request.url,
    header,
    body: readChunks(request, { isText, isEnveloped, maxBytes }),
    signal,
    contextValues: createContextValues().set(CALL_KEY, call),
  });
  if (answer.status === 415) {
    throw new EverywireError(
      "unsupported_media_type",
      "Send application/proto, application/json, application/connect+proto, application/connect+json, or application/grpc-web.",
    );
  }
  return answer;
}

async function* bodyOf(answered: ReturnType<typeof ask>): AsyncGenerator<Uint8Array> {
  const { body } = await answered;
  if (body !== undefined) yield* body;
}

function toResponse(
  c: EdgeContext,
  status: number,
  headers: Headers,
  toBody: (encodeChunk: (chunk: Uint8Array) => Uint8Array) => Uint8Array | ReadableStream<Uint8Array>,
): Response {
  const { isText } = parseContentType(c.req.raw.headers.get("content-type"));
  if (isText) headers.set("content-type", toTextType(headers.get("content-type") ?? ""));
  headers.set("cache-control", "no-store, no-transform");
  return new Response(toBody(isText ? encodeGrpcWebText : (chunk) => chunk) as BodyInit, {
    status,
    headers,
    // What Connect has compressed must not be compressed again because of its header.
    ...(headers.has("content-encoding") ? { encodeBody: "manual" } : {}),
  });
}

/** Bytes that are no message end as `internal` in the Connect library, before any service is asked. */
function isParseFault(call: Call, status: number, body: Uint8Array): boolean {
  if (call.isInvoked) return false;
  return status === 500 || new TextDecoder("latin1").decode(body).includes(INTERNAL_TRAILER);
}
