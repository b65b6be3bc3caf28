import { concatBytes } from "../../wire/bytes.ts";
import { ByteSource, Truncated } from "../http3/byte-source.ts";
import { encodeVarint } from "../http3/varint.ts";

/** Capsule types (draft-ietf-webtrans-http3 §4.7, §5). */
const CLOSE_SESSION = 0x2843;
const DRAIN_SESSION = 0x78ae;

const MAX_CAPSULE_BYTES = 8 * 1024;
/** Of a reason, in UTF-8 (§5). */
const MAX_REASON_BYTES = 1024;

/** Why a session ended. */
export interface CloseInfo {
  readonly code: number;
  readonly reason: string;
}

export function encodeClose({ code, reason }: CloseInfo): Uint8Array {
  const text = new TextEncoder().encode(reason).subarray(0, MAX_REASON_BYTES);
  const payload = new Uint8Array(4 + text.byteLength);
  new DataView(payload.buffer).setUint32(0, code);
  payload.set(text, 4);
  return concatBytes([encodeVarint(CLOSE_SESSION), encodeVarint(payload.byteLength), payload]);
}

/** Asks the client to open its next session elsewhere, and to end this one. */
export function encodeDrain(): Uint8Array {
  return concatBytes([encodeVarint(DRAIN_SESSION), encodeVarint(0)]);
}

/** Reads capsules (RFC 9297 §3.2) until the session ends, and says how. @throws Truncated, and what a reset throws */
export async function untilClosed(body: AsyncIterator<Uint8Array>): Promise<CloseInfo> {
  const source = new ByteSource(toStream(body));
  for (;;) {
    const type = await source.varint();
    // A stream that just ends is a session closed without a word.
    if (type === undefined) return { code: 0, reason: "" };
    const length = await source.varint();
    if (length === undefined) throw new Truncated("The stream ended within a capsule.");
    if (type !== CLOSE_SESSION) {
      await source.skip(length);
      continue;
    }
    if (length < 4 || length > MAX_CAPSULE_BYTES)
      throw new Truncated("A capsule has another length than it must.");
    const payload = await source.bytes(length);
    const code = new DataView(payload.buffer, payload.byteOffset).getUint32(0);
    return { code, reason: new TextDecoder().decode(payload.subarray(4)) };
  }
}

function toStream(body: AsyncIterator<Uint8Array>): ReadableStream<Uint8Array> {
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const { done, value } = await body.next();
        if (done === true) controller.close();
        else controller.enqueue(value);
      },
    },
    { highWaterMark: 0 },
  );
}
