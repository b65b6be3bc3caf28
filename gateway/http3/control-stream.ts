import type { ByteSource } from "./byte-source.ts";
import { FRAME, HTTP2_FRAMES, STREAM } from "./frames.ts";
import { Http3Error } from "./http3-error.ts";
import { decodeVarint, varintLength } from "./varint.ts";

const MAX_FRAME_BYTES = 16 * 1024;
/** "Set Dynamic Table Capacity" to zero (RFC 9204 §4.3.1): the one instruction that is allowed where there is no table. */
const NO_TABLE = 0b0010_0000;
/** Identifiers of HTTP/2's settings, which must not come here (RFC 9114 §7.2.4.1). */
const HTTP2_SETTINGS = new Set([0x2, 0x3, 0x4, 0x5]);

/** The streams of a client that last as long as its connection: control, and QPACK's two. Each may be there once. */
export class ControlStream {
  readonly #seen = new Set<number>();

  /** @throws Http3Error when it ends, and where it breaks a rule (RFC 9114 §6.2.1) */
  async read(source: ByteSource): Promise<void> {
    this.#once(STREAM.CONTROL);
    let hasSettings = false;
    for (;;) {
      const type = await source.varint();
      if (type === undefined)
        throw new Http3Error("H3_CLOSED_CRITICAL_STREAM", "The control stream was closed.");
      const length = (await source.varint()) ?? 0;
      if (!hasSettings && type !== FRAME.SETTINGS)
        throw new Http3Error("H3_MISSING_SETTINGS", "Settings come first.");
      if ((hasSettings && type === FRAME.SETTINGS) || isMisplaced(type)) {
        throw new Http3Error("H3_FRAME_UNEXPECTED", "A frame is on the wrong stream.");
      }
      if (length > MAX_FRAME_BYTES) throw new Http3Error("H3_EXCESSIVE_LOAD", "A frame is too large.");
      const payload = await source.bytes(length);
      if (type === FRAME.SETTINGS) checkSettings(payload);
      hasSettings = true;
    }
  }

  /** @throws Http3Error */
  async readQpack(source: ByteSource, type: typeof STREAM.ENCODER | typeof STREAM.DECODER): Promise<void> {
    this.#once(type);
    for await (const chunk of source.rest()) {
      if (type === STREAM.ENCODER && chunk.some((byte) => byte !== NO_TABLE)) {
        throw new Http3Error("QPACK_ENCODER_STREAM_ERROR", "There is no dynamic table.");
      }
    }
    throw new Http3Error("H3_CLOSED_CRITICAL_STREAM", "A stream of QPACK was closed.");
  }

  #once(type: number): void {
    if (this.#seen.has(type))
      throw new Http3Error("H3_STREAM_CREATION_ERROR", "That stream is there already.");
    this.#seen.add(type);
  }
}

function isMisplaced(type: number): boolean {
  return (
    HTTP2_FRAMES.has(type) || type === FRAME.DATA || type === FRAME.HEADERS || type === FRAME.PUSH_PROMISE
  );
}

function checkSettings(payload: Uint8Array): void {
  const seen = new Set<number>();
  let rest = payload;
  const take = (): number => {
    if (rest.byteLength < varintLength(rest[0] ?? 0))
      throw new Http3Error("H3_FRAME_ERROR", "The settings are cut short.");
    const { value, length } = decodeVarint(rest);
    rest = rest.subarray(length);
    return value;
  };
  while (rest.byteLength > 0) {
    const id = take();
    if (seen.has(id) || HTTP2_SETTINGS.has(id))
      throw new Http3Error("H3_SETTINGS_ERROR", "A setting must not be there.");
    seen.add(id);
    take();
  }
}
