import type { Compression } from "@connectrpc/connect/protocol";
import { EverywireError } from "../../core/error.ts";
import { concatBytes } from "../../wire/bytes.ts";
import { toConnectError, tooLarge } from "./errors.ts";

/** Messages from this size on are compressed for who takes that. */
export const COMPRESS_MIN_BYTES = 1024;

/**
 * gzip (RFC 1952), as every Connect and gRPC client knows it.
 *
 * @param maxBytes of a message when it is unpacked
 */
export function createGzip(maxBytes: number): Compression {
  return {
    name: "gzip",
    compress: (bytes) => transform(bytes, new CompressionStream("gzip"), Number.MAX_SAFE_INTEGER),
    async decompress(bytes) {
      if (bytes.byteLength === 0) return new Uint8Array();
      return transform(bytes, new DecompressionStream("gzip"), maxBytes);
    },
  };
}

/** Reads no further than `maxBytes`: a few KiB of gzip can stand for a GiB. */
async function transform(
  bytes: Uint8Array,
  through: CompressionStream | DecompressionStream,
  maxBytes: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  const reader = new Blob([bytes as Uint8Array<ArrayBuffer>]).stream().pipeThrough(through).getReader();
  for (;;) {
    const { done, value } = await readOr(reader);
    if (done) break;
    length += value.byteLength;
    if (length > maxBytes) {
      reader.cancel().catch(() => {});
      throw toConnectError(tooLarge(maxBytes));
    }
    chunks.push(value);
  }
  return concatBytes(chunks) as Uint8Array<ArrayBuffer>;
}

async function readOr(reader: ReadableStreamDefaultReader<Uint8Array>) {
  try {
    return await reader.read();
  } catch {
    throw toConnectError(new EverywireError("invalid_argument", "The message is not gzip."));
  }
}
