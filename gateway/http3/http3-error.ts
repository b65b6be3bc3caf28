/** Error codes of HTTP/3 (RFC 9114 §8.1) and QPACK (RFC 9204 §6), as far as they are told. */
export const HTTP3_CODES = {
  H3_NO_ERROR: 0x100,
  H3_GENERAL_PROTOCOL_ERROR: 0x101,
  H3_INTERNAL_ERROR: 0x102,
  H3_STREAM_CREATION_ERROR: 0x103,
  H3_CLOSED_CRITICAL_STREAM: 0x104,
  H3_FRAME_UNEXPECTED: 0x105,
  H3_FRAME_ERROR: 0x106,
  H3_EXCESSIVE_LOAD: 0x107,
  H3_ID_ERROR: 0x108,
  H3_SETTINGS_ERROR: 0x109,
  H3_MISSING_SETTINGS: 0x10a,
  QPACK_DECOMPRESSION_FAILED: 0x200,
  QPACK_ENCODER_STREAM_ERROR: 0x201,
  QPACK_DECODER_STREAM_ERROR: 0x202,
} as const;

/** What ends the whole connection. */
export class Http3Error extends Error {
  override readonly name = "Http3Error";
  readonly code: number;

  constructor(name: keyof typeof HTTP3_CODES, message: string) {
    super(message);
    this.code = HTTP3_CODES[name];
  }
}
