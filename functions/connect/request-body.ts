import { EverywireError } from "../../core/error.ts";
import { GrpcWebTextDecoder } from "../../wire/grpc-web-text.ts";
import { toConnectError } from "./errors.ts";

/** What stands before a message on a stream: a byte of flags and its length. */
export const ENVELOPE_BYTES = 5;

export interface RequestBodyOptions {
  readonly isText: boolean;
  /** Of the whole body; undefined for a stream of messages, where each has its own limit. */
  readonly maxBytes: number | undefined;
}

/** The body's chunks, as binary, held to their limit whatever `Content-Length` says. */
export async function* readChunks(request: Request, options: RequestBodyOptions): AsyncGenerator<Uint8Array> {
  if (request.body === null) return;
  const text = options.isText ? new GrpcWebTextDecoder() : undefined;
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
      if (options.maxBytes !== undefined && length > options.maxBytes)
        throw toConnectError(tooLarge(options.maxBytes));
      if (chunk.byteLength > 0) yield chunk;
    }
    if (text !== undefined) decode(() => text.finish());
  } finally {
    if (!isEnded) reader.cancel().catch(() => {});
  }
}

function decode<T>(run: () => T): T {
  try {
    return run();
  } catch {
    throw toConnectError(new EverywireError("invalid_argument", "The body is not base64."));
  }
}

export function tooLarge(maxBytes: number): EverywireError {
  return new EverywireError("payload_too_large", `A message has at most ${maxBytes} bytes.`);
}
