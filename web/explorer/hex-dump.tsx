import { toHexDump } from "./hex.ts";

/** Bytes as hexadecimal, with the characters that they are in ASCII. */
export function HexDump({ bytes }: { readonly bytes: Uint8Array }) {
  return (
    <pre class="hex">
      <code>{toHexDump(bytes)}</code>
    </pre>
  );
}
