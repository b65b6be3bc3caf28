import { concatBytes } from "../../wire/bytes.ts";
import { encodeVarint } from "./varint.ts";

/** Frame types (RFC 9114 §7.2). */
export const FRAME = {
  DATA: 0x0,
  HEADERS: 0x1,
  CANCEL_PUSH: 0x3,
  SETTINGS: 0x4,
  PUSH_PROMISE: 0x5,
  GOAWAY: 0x7,
} as const;

/** Types of HTTP/2's frames, which must not come here (§7.2.8). */
export const HTTP2_FRAMES: ReadonlySet<number> = new Set([0x2, 0x6, 0x8, 0x9]);

/** Types of unidirectional streams (RFC 9114 §6.2, RFC 9204 §4.2, draft-ietf-webtrans-http3 §4.2). */
export const STREAM = { CONTROL: 0x0, PUSH: 0x1, ENCODER: 0x2, DECODER: 0x3, WEBTRANSPORT: 0x54 } as const;

/** What a bidirectional stream of a WebTransport session begins with, in a frame type's place. */
export const WEBTRANSPORT_BIDI = 0x41;

export function encodeFrame(type: number, payload: Uint8Array): Uint8Array {
  return concatBytes([encodeVarint(type), encodeVarint(payload.byteLength), payload]);
}

/** Identifiers and values of settings, in their order. */
export function encodeSettings(settings: readonly (readonly [id: number, value: number])[]): Uint8Array {
  const parts = settings.flatMap(([id, value]) => [encodeVarint(id), encodeVarint(value)]);
  return encodeFrame(FRAME.SETTINGS, concatBytes(parts));
}
