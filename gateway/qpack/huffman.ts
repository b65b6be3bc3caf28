/**
 * Bits of the code of each byte, and of the end of a string (RFC 7541, appendix B). The code is canonical: codes of one
 * length count up in the order of their bytes, so the lengths say all.
 */
// biome-ignore format: a table
const CODE_LENGTHS: readonly number[] = [
  13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28,
  28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28, 6, 10, 10, 12, 13, 6, 8, 11,
  10, 10, 8, 11, 8, 6, 6, 6, 5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8,
  15, 6, 12, 10, 13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7,
  7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6, 15, 5, 6, 5,
  6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5, 6, 7, 6, 5, 5, 6, 7, 7,
  7, 7, 7, 15, 11, 14, 13, 28, 20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23,
  23, 23, 24, 23, 24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24,
  22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23, 21, 21, 22, 21,
  23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23, 26, 26, 20, 19, 22, 23, 22, 25,
  26, 26, 26, 27, 27, 26, 24, 25, 19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26,
  28, 27, 27, 27, 20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23,
  26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26, 30,
];

const END_OF_STRING = 256;
/** Padding is less than a byte long (RFC 7541 §5.2). */
const MAX_PADDING_BITS = 7;

/** A branch, or the byte at the end of one. */
type Node = Branch | number;
interface Branch {
  zero: Node | undefined;
  one: Node | undefined;
}

const ROOT = createTree();

/** Decodes a string. @throws RangeError where the bytes are no such string */
export function decodeHuffman(bytes: Uint8Array): Uint8Array {
  // The shortest codes have five bits.
  const decoded = new Uint8Array(Math.ceil((bytes.byteLength * 8) / 5));
  let length = 0;
  let branch = ROOT;
  let pendingBits = 0;
  let isPadding = true;
  for (const byte of bytes) {
    for (let bit = 7; bit >= 0; bit -= 1) {
      const isOne = ((byte >> bit) & 1) === 1;
      const node = isOne ? branch.one : branch.zero;
      pendingBits += 1;
      isPadding &&= isOne;
      if (node === undefined || node === END_OF_STRING) throw new RangeError("A Huffman code is not known.");
      if (typeof node === "number") {
        decoded[length] = node;
        length += 1;
        branch = ROOT;
        pendingBits = 0;
        isPadding = true;
      } else branch = node;
    }
  }
  if (pendingBits > MAX_PADDING_BITS || !isPadding)
    throw new RangeError("A Huffman string ends within a code.");
  return decoded.subarray(0, length);
}

function createTree(): Branch {
  const root: Branch = { zero: undefined, one: undefined };
  const symbols = CODE_LENGTHS.map((bits, symbol) => ({ bits, symbol }));
  symbols.sort((a, b) => a.bits - b.bits || a.symbol - b.symbol);
  let code = 0;
  let before = symbols[0]?.bits ?? 0;
  for (const [index, { bits, symbol }] of symbols.entries()) {
    if (index > 0) code = (code + 1) * 2 ** (bits - before);
    before = bits;
    insert(root, code, bits, symbol);
  }
  return root;
}

function insert(root: Branch, code: number, bits: number, symbol: number): void {
  let branch = root;
  for (let bit = bits - 1; bit > 0; bit -= 1) {
    const side = ((code >>> bit) & 1) === 1 ? "one" : "zero";
    const next = branch[side];
    const child: Branch = typeof next === "object" ? next : { zero: undefined, one: undefined };
    branch[side] = child;
    branch = child;
  }
  branch[(code & 1) === 1 ? "one" : "zero"] = symbol;
}
