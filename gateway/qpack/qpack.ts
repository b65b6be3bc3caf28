/**
 * QPACK (RFC 9204) without a dynamic table: the peer is told that it may have none, and none is used towards it.
 */
import { decodeHuffman } from "./huffman.ts";
import { STATIC_TABLE } from "./static-table.ts";

/** A name in lower case, and its value. */
export type Field = readonly [name: string, value: string];

/** What a field counts beside its bytes (RFC 9114 §4.2.2). */
const FIELD_OVERHEAD_BYTES = 32;

/** The bytes are no field section that may come here. */
export class QpackError extends Error {
  override readonly name = "QpackError";
}

/** The fields are more than is taken. */
export class FieldsTooLarge extends Error {
  override readonly name = "FieldsTooLarge";
}

const BY_NAME = new Map<string, number>();
const BY_FIELD = new Map<string, number>();
for (const [index, [name, value]] of STATIC_TABLE.entries()) {
  if (!BY_NAME.has(name)) BY_NAME.set(name, index);
  BY_FIELD.set(`${name}\0${value}`, index);
}

const FROM_UTF8 = new TextDecoder();
const TO_UTF8 = new TextEncoder();

/** @throws QpackError, FieldsTooLarge */
export function decodeFields(section: Uint8Array, maxBytes: number): readonly Field[] {
  const reader = new SectionReader(section);
  if (reader.integer(reader.byte(), 8) !== 0) throw new QpackError("There is no dynamic table.");
  reader.integer(reader.byte(), 7);
  const fields: Field[] = [];
  let size = 0;
  while (reader.hasMore) {
    const field = readField(reader);
    size += field[0].length + field[1].length + FIELD_OVERHEAD_BYTES;
    if (size > maxBytes) throw new FieldsTooLarge("The header fields are too large.");
    fields.push(field);
  }
  return fields;
}

export function encodeFields(fields: readonly Field[]): Uint8Array {
  // Required Insert Count and Base: both zero without a dynamic table (§4.5.1).
  const bytes = [0, 0];
  for (const [name, value] of fields) {
    const whole = BY_FIELD.get(`${name}\0${value}`);
    if (whole !== undefined) {
      pushInteger(bytes, 0b1100_0000, 6, whole);
      continue;
    }
    const named = BY_NAME.get(name);
    if (named !== undefined) pushInteger(bytes, 0b0101_0000, 4, named);
    else pushString(bytes, 0b0010_0000, 3, name);
    pushString(bytes, 0, 7, value);
  }
  return Uint8Array.from(bytes);
}

/** One field line (§4.5.2 to §4.5.6). */
function readField(reader: SectionReader): Field {
  const first = reader.byte();
  if ((first & 0b1000_0000) !== 0) {
    if ((first & 0b0100_0000) === 0) throw new QpackError("There is no dynamic table.");
    return staticField(reader.integer(first, 6));
  }
  if ((first & 0b0100_0000) !== 0) {
    if ((first & 0b0001_0000) === 0) throw new QpackError("There is no dynamic table.");
    const [name] = staticField(reader.integer(first, 4));
    return [name, reader.string(reader.byte(), 7)];
  }
  if ((first & 0b0010_0000) === 0) throw new QpackError("There is no dynamic table.");
  const name = reader.string(first, 3);
  return [name, reader.string(reader.byte(), 7)];
}

function staticField(index: number): Field {
  const field = STATIC_TABLE[index];
  if (field === undefined) throw new QpackError("The static table has no such entry.");
  return field;
}

class SectionReader {
  readonly #bytes: Uint8Array;
  #offset = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get hasMore(): boolean {
    return this.#offset < this.#bytes.byteLength;
  }

  byte(): number {
    const byte = this.#bytes[this.#offset];
    if (byte === undefined) throw new QpackError("The field section is cut short.");
    this.#offset += 1;
    return byte;
  }

  /** An integer that begins in the lowest bits of this byte (RFC 7541 §5.1). */
  integer(first: number, prefixBits: number): number {
    const most = 2 ** prefixBits - 1;
    let value = first & most;
    if (value < most) return value;
    for (let shift = 0; ; shift += 7) {
      if (shift > 28) throw new QpackError("An integer is too large.");
      const byte = this.byte();
      value += (byte & 0x7f) * 2 ** shift;
      if ((byte & 0x80) === 0) return value;
    }
  }

  /** A string whose length begins in the lowest bits of this byte, after a bit that says whether it is Huffman's. */
  string(first: number, prefixBits: number): string {
    const isHuffman = ((first >> prefixBits) & 1) === 1;
    const length = this.integer(first, prefixBits);
    const end = this.#offset + length;
    if (end > this.#bytes.byteLength) throw new QpackError("The field section is cut short.");
    const bytes = this.#bytes.subarray(this.#offset, end);
    this.#offset = end;
    if (!isHuffman) return FROM_UTF8.decode(bytes);
    try {
      return FROM_UTF8.decode(decodeHuffman(bytes));
    } catch (thrown) {
      throw new QpackError(thrown instanceof Error ? thrown.message : "A string is not Huffman's.");
    }
  }
}

function pushInteger(bytes: number[], pattern: number, prefixBits: number, value: number): void {
  const most = 2 ** prefixBits - 1;
  if (value < most) {
    bytes.push(pattern | value);
    return;
  }
  bytes.push(pattern | most);
  let left = value - most;
  for (; left >= 128; left = Math.floor(left / 128)) bytes.push((left % 128) | 128);
  bytes.push(left);
}

function pushString(bytes: number[], pattern: number, prefixBits: number, text: string): void {
  const encoded = TO_UTF8.encode(text);
  pushInteger(bytes, pattern, prefixBits, encoded.byteLength);
  for (const byte of encoded) bytes.push(byte);
}
