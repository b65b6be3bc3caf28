import { EverywireError } from "../../core/error.ts";

/**
 * Reads a body, and stops reading where it is too large, whatever `Content-Length` says. What is left of it then is read
 * before the refusal is sent (unread-body.ts).
 *
 * @throws EverywireError `payload_too_large`
 */
export async function readBytes(request: Request, maxBytes: number): Promise<Uint8Array<ArrayBuffer>> {
  const declared = request.headers.get("content-length");
  if (declared !== null && Number(declared) > maxBytes) throw tooLarge(maxBytes);
  if (declared !== null) {
    // At once, and without a look at `body`, which would make a stream of it.
    const bytes = new Uint8Array(await request.arrayBuffer());
    if (bytes.byteLength > maxBytes) throw tooLarge(maxBytes);
    return bytes;
  }
  if (request.body === null) return new Uint8Array();
  return readChunks(request.body, maxBytes);
}

async function readChunks(
  body: ReadableStream<Uint8Array>,
  maxBytes: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  const reader = body.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    length += value.byteLength;
    if (length > maxBytes) {
      reader.releaseLock();
      throw tooLarge(maxBytes);
    }
    chunks.push(value);
  }
  const bytes = new Uint8Array(length);
  let offset = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, offset);
    offset += chunk.byteLength;
  }
  return bytes;
}

const UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: false });

/** @throws EverywireError `payload_too_large`, or `invalid_argument` where the bytes are not UTF-8 */
async function readText(request: Request, maxBytes: number): Promise<string> {
  return decodeUtf8(await readBytes(request, maxBytes));
}

/** @throws EverywireError `payload_too_large`, or `invalid_argument` where the body is not JSON */
export async function readJson(request: Request, maxBytes: number): Promise<unknown> {
  return parseJson(await readText(request, maxBytes));
}

/** @throws EverywireError `invalid_argument` */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new EverywireError("invalid_argument", "The body is not JSON.");
  }
}

/** @throws EverywireError `invalid_argument` */
export function decodeUtf8(bytes: Uint8Array): string {
  try {
    return UTF8.decode(bytes);
  } catch {
    throw new EverywireError("invalid_argument", "The body is not UTF-8.");
  }
}

/** The media type of a request, without its parameters, in lower case; "" where there is none. */
export function mediaType(request: Request): string {
  const header = request.headers.get("content-type");
  return header === null ? "" : (header.split(";", 1)[0] ?? "").trim().toLowerCase();
}

function tooLarge(maxBytes: number): EverywireError {
  return new EverywireError("payload_too_large", `The body has at most ${maxBytes} bytes.`);
}
