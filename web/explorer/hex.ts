const PER_LINE = 16;
const MAX_BYTES = 2048;

/**
 * Bytes as lines of 16: where they stand, in hexadecimal, and as ASCII.
 *
 * @example toHexDump(new TextEncoder().encode("hi")) // "0000  68 69 …  hi"
 */
export function toHexDump(bytes: Uint8Array): string {
  const lines: string[] = [];
  for (let offset = 0; offset < Math.min(bytes.byteLength, MAX_BYTES); offset += PER_LINE) {
    const part = Array.from(bytes.subarray(offset, Math.min(offset + PER_LINE, MAX_BYTES)));
    const hex = part.map((byte) => byte.toString(16).padStart(2, "0"));
    const left = hex.slice(0, 8).join(" ");
    const right = hex.slice(8).join(" ");
    const text = part.map((byte) => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : "·")).join("");
    lines.push(`${offset.toString(16).padStart(4, "0")}  ${left.padEnd(23)}  ${right.padEnd(23)}  ${text}`);
  }
  if (bytes.byteLength > MAX_BYTES) lines.push(`… ${bytes.byteLength - MAX_BYTES} bytes more`);
  return lines.join("\n");
}
