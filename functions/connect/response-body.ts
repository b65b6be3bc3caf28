import { EverywireError } from "../../core/error.ts";
import { concatBytes } from "../../wire/bytes.ts";
import { gather } from "./gather.ts";

const CHUNK_BYTES = 64 * 1024;

export interface ResponseBodyOptions {
  /** Told when the client leaves or takes nothing any more. */
  readonly onEnd: () => void;
  /** How long the client may leave a chunk untaken. */
  readonly stallMs: number;
  /** Applied to each chunk: gRPC-Web's text form. */
  readonly encodeChunk: (chunk: Uint8Array) => Uint8Array;
}

/**
 * A response body that its reader pulls: the service is asked for no more than the reader takes. Messages that are
 * there at the same time go out as one chunk of up to 64 KiB.
 *
 * It is a `ReadableStream` with `pull`, rather than a pipe that is written to, because workerd calls `cancel` when the
 * client leaves, while a pending `write` never ends (see functions/sse/event-stream.ts).
 */
export function toReadableStream(
  envelopes: AsyncIterable<Uint8Array>,
  options: ResponseBodyOptions,
): ReadableStream<Uint8Array> {
  const chunks = gather(envelopes, isFull);
  let watchdog: ReturnType<typeof setTimeout> | undefined;
  const calm = () => {
    if (watchdog !== undefined) clearTimeout(watchdog);
  };
  const end = () => {
    calm();
    options.onEnd();
    chunks.return().catch(() => {});
  };
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        calm();
        const { done, value } = await chunks.next();
        if (done === true) {
          options.onEnd();
          controller.close();
          return;
        }
        controller.enqueue(options.encodeChunk(concatBytes(value)));
        watchdog = setTimeout(() => {
          end();
          controller.error(new EverywireError("unavailable", "The reader takes nothing."));
        }, options.stallMs);
      },
      cancel: end,
    },
    // Asked for only when it is read: with a mark of 1 the stream would hold one chunk more, and pull it at once.
    { highWaterMark: 0 },
  );
}

function isFull(group: readonly Uint8Array[]): boolean {
  let length = 0;
  for (const { byteLength } of group) length += byteLength;
  return length >= CHUNK_BYTES;
}

/** The whole of a body that ends by itself: the answer to a unary call. */
export async function collect(envelopes: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  for await (const part of envelopes) parts.push(part);
  return concatBytes(parts);
}
