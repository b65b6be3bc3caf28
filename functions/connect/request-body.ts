import { EverywireError } from "../../core/error.ts";
import { GrpcWebTextDecoder } from "../../wire/grpc-web-text.ts";
import { EnvelopeLimit } from "./envelope-limit.ts";
import { toConnectError, tooLarge } from "./errors.ts";

export interface RequestBodyOptions {
  /** gRPC-Web's base64. */
  readonly isText: boolean;
  /** Whether messages come in envelopes, as in gRPC-Web and on Connect's streams; otherwise the body is the message. */
  readonly isEnveloped: boolean;
  /** Of one message. */
  readonly maxBytes: number;
}

const MAX_DRAINED_BYTES = 32 * 1024 * 1024;

/**
 * The body of a call with one message, where it says its length and that is not too much: at once, and without a stream,
 * whose second read, that of its end, costs more than all the rest of a small body. Undefined for any other, which is
 * for {@link readChunks}.
 */
export async function readWhole(
  request: Request,
  { isText, maxBytes }: RequestBodyOptions,
): Promise<Uint8Array | undefined> {
  const length = request.headers.get("content-length");
  if (isText || length === null || !(Number(length) <= maxBytes)) return undefined;
  return new Uint8Array(await request.arrayBuffer());
}

/** What {@link readWhole} gave, as chunks. Even a small body can claim to hold a message that is too large. */
export async function* toChunks(
  bytes: Uint8Array,
  { isEnveloped, maxBytes }: RequestBodyOptions,
): AsyncGenerator<Uint8Array> {
  if (isEnveloped && new EnvelopeLimit(maxBytes).isExceededBy(bytes))
    throw toConnectError(tooLarge(maxBytes));
  if (bytes.byteLength > 0) yield bytes;
}

/**
 * The body's chunks, as binary, with every message held to the limit, whatever `Content-Length` says. The Connect
 * library has limits of its own, but tells of them without details, and in some calls past every interceptor.
 */
export async function* readChunks(request: Request, options: RequestBodyOptions): AsyncGenerator<Uint8Array> {
  const { isText, isEnveloped, maxBytes } = options;
  if (request.body === null) return;
  const text = isText ? new GrpcWebTextDecoder() : undefined;
  const envelopes = isEnveloped ? new EnvelopeLimit(maxBytes) : undefined;
  const reader = request.body.getReader();
  let length = 0;
  let isEnded = false;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      isEnded = done;
      if (done) break;
      const chunk = text === undefined ? value : decode(() => text.push(value));
      length += chunk.byteLength;
      if (envelopes === undefined ? length > maxBytes : envelopes.isExceededBy(chunk)) {
        isEnded = await drain(reader);
        throw toConnectError(tooLarge(maxBytes));
      }
      if (chunk.byteLength > 0) yield chunk;
    }
    if (text !== undefined) decode(() => text.finish());
  } finally {
    if (!isEnded) reader.cancel().catch(() => {});
  }
}

/**
 * Takes what is still coming, within reason, and throws it away: an HTTP/1.1 server that answers and closes while the
 * client still sends makes most clients see a broken connection in place of the answer. True at the end of it.
 */
async function drain(reader: ReadableStreamDefaultReader<Uint8Array>): Promise<boolean> {
  for (let length = 0; length < MAX_DRAINED_BYTES; ) {
    const { done, value } = await reader.read();
    if (done) return true;
    length += value.byteLength;
  }
  return false;
}

function decode<T>(run: () => T): T {
  try {
    return run();
  } catch {
    throw toConnectError(new EverywireError("invalid_argument", "The body is not base64."));
  }
}
