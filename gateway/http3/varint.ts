/** Variable-length integers (RFC 9000 §16): two bits of length, then the value, in one to eight bytes. */

const MAX_ONE_BYTE = 2 ** 6;
const MAX_TWO_BYTES = 2 ** 14;
const MAX_FOUR_BYTES = 2 ** 30;

/** @throws RangeError for what is no whole number from 0 to 2^53 - 1 */
export function encodeVarint(value: number): Uint8Array {
  if (!Number.isSafeInteger(value) || value < 0) throw new RangeError(`${value} is no varint.`);
  if (value < MAX_ONE_BYTE) return Uint8Array.of(value);
  if (value < MAX_TWO_BYTES) return Uint8Array.of(0x40 | (value >> 8), value & 0xff);
  if (value < MAX_FOUR_BYTES) {
    const bytes = new Uint8Array(4);
    new DataView(bytes.buffer).setUint32(0, value + 2 * MAX_FOUR_BYTES);
    return bytes;
  }
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(value) | (3n << 62n));
  return bytes;
}

/** How many bytes the integer takes that begins with this one. */
export function varintLength(first: number): number {
  return 1 << (first >> 6);
}

/**
 * The integer at the start of the bytes, which are all there. What is larger than 2^53 - 1 is not exact: no length,
 * stream or type of use is.
 */
export function decodeVarint(bytes: Uint8Array): { readonly value: number; readonly length: number } {
  const [first = 0] = bytes;
  const length = varintLength(first);
  let value = first & 0x3f;
  for (let index = 1; index < length; index += 1) value = value * 256 + (bytes[index] ?? 0);
  return { value, length };
}
