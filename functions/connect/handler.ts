import { Code, ConnectError, createContextValues } from "@connectrpc/connect";
import type { UniversalHandler } from "@connectrpc/connect/protocol";
import { EverywireError } from "../../core/error.ts";
import { encodeGrpcWebText } from "../../wire/grpc-web-text.ts";
import type { EdgeContext } from "../boundary/edge.ts";
import { takeRequest, toOperationContext } from "../boundary/edge.ts";
import type { Call } from "./call.ts";
import { CALL_KEY } from "./call.ts";
import { COMPRESS_MIN_BYTES } from "./compression.ts";
import type { RequestForm } from "./content-type.ts";
import { parseContentType, toTextType } from "./content-type.ts";
import type { RequestBodyOptions } from "./request-body.ts";
import { readChunks, readWhole, toChunks } from "./request-body.ts";
import { collect, toReadableStream } from "./response-body.ts";
import type { UnaryMethod } from "./unary.ts";
import { callUnary } from "./unary.ts";

/** Heartbeats for which a reader may leave a chunk untaken before it is given up. */
const MAX_MISSED_HEARTBEATS = 3;
const INTERNAL_TRAILER = `grpc-status: ${Code.Internal}\r\n`;

/** What answers the calls of one method. */
export interface CallHandler {
  readonly handler: UniversalHandler;
  /** Where the plain call need not go through the library. */
  readonly unary: UnaryMethod | undefined;
}

/**
 * Answers one HTTP request with a method's handler, which the Connect library made for Connect and gRPC-Web both.
 *
 * @param refusal an error of the boundary (a bad token, a rate), to be told in the wire's own way
 * @throws EverywireError `unsupported_media_type`
 */
export async function handleCall(
  c: EdgeContext,
  { handler, unary }: CallHandler,
  refusal?: EverywireError,
): Promise<Response> {
  const { methodKind } = handler.method;
  const early = Promise.withResolvers<Headers>();
  const call: Call = {
    requestId: c.env.requestId,
    refusal,
    operation: () => toOperationContext(c),
    takeRequest: () => takeRequest(c.get("edge"), c.get("identity")),
    sendHeaders: (headers) => early.resolve(new Headers(headers)),
    settled: undefined,
    isInvoked: false,
  };
  let whole: Uint8Array | undefined;
  // A call that is refused already is answered before its body is read.
  if (methodKind === "unary" && refusal === undefined) {
    whole = await readWhole(c.req.raw, formOf(c));
    const values = createContextValues().set(CALL_KEY, call);
    const outcome = whole && unary && (await callUnary(c.req.raw, whole, unary, values, COMPRESS_MIN_BYTES));
    if (outcome?.kind === "answer") return outcome.response;
    call.settled = outcome?.settled;
  }
  const gone = new AbortController();
  const leave = () => gone.abort(new ConnectError("The client has left.", Code.Canceled));
  // A unary call is over sooner than anybody could leave it, and asking for the request's signal has its price.
  if (methodKind !== "unary") c.req.raw.signal.addEventListener("abort", leave, { once: true });
  const answered = ask(c, handler, call, { signal: gone.signal, whole });
  if (methodKind === "unary" || methodKind === "client_streaming") {
    const { status, header, body } = await answered;
    const bytes = body === undefined ? new Uint8Array() : await collect(body);
    if (call.refusal === undefined && isParseFault(call, status, bytes)) {
      const name = handler.method.input.typeName;
      const fault = new EverywireError("invalid_argument", `The request is not a valid ${name}.`);
      return handleCall(c, { handler, unary }, fault);
    }
    return toResponse(c, status, toOwnHeaders(header), (encode) => encode(bytes));
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

/** The form of a request's body. */
function formOf(c: EdgeContext): RequestForm & RequestBodyOptions {
  const { MAX_REQUEST_BYTES: maxBytes } = c.get("edge").settings.limits;
  return { ...parseContentType(c.req.raw.headers.get("content-type")), maxBytes };
}

async function ask(
  c: EdgeContext,
  handler: UniversalHandler,
  call: Call,
  { signal, whole }: { readonly signal: AbortSignal; readonly whole: Uint8Array | undefined },
) {
  const request = c.req.raw;
  const form = formOf(c);
  const { binaryType, isText } = form;
  let header = request.headers;
  if (whole === undefined) {
    header = new Headers(header);
    if (isText) header.set("content-type", binaryType);
    // The Connect library would reserve whatever length the client claims.
    header.delete("content-length");
  }
  const answer = await handler({
    // Connect offers bidi streams on HTTP/2 alone, where most servers are full duplex; workerd is on HTTP/1.1 too.
    httpVersion: "2",
    method: request.method,
    url: request.url,
    header,
    body: whole === undefined ? readChunks(request, form) : toChunks(whole, form),
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

/** The Connect library makes headers anew for each answer, so that they may be changed in place. */
function toOwnHeaders(header: HeadersInit | undefined): Headers {
  return header instanceof Headers ? header : new Headers(header);
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
