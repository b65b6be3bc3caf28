/** A value of Cap'n Proto's text format, as workerd reads its configuration (workerd.capnp has the schema). */
export type CapnpValue = string | boolean | CapnpEmbed | readonly CapnpValue[] | CapnpStruct;

/** Fields in order; one that is undefined is left out. */
export interface CapnpStruct {
  readonly [field: string]: CapnpValue | undefined;
}

/** A file's text, taken in when the configuration is read. */
export class CapnpEmbed {
  readonly path: string;

  /** @param path relative to the configuration */
  constructor(path: string) {
    this.path = path;
  }
}

/** Encodes a value in Cap'n Proto's text format. */
export function encodeCapnp(value: CapnpValue, indent = ""): string {
  if (typeof value === "string") return encodeText(value);
  if (typeof value === "boolean") return String(value);
  if (value instanceof CapnpEmbed) return `embed ${encodeText(value.path)}`;
  const isList = Array.isArray(value);
  const inner = `${indent}  `;
  const parts = isList
    ? (value as readonly CapnpValue[]).map((item) => encodeCapnp(item, inner))
    : Object.entries(value as CapnpStruct).flatMap(([name, field]) =>
        field === undefined ? [] : [`${name} = ${encodeCapnp(field, inner)}`],
      );
  const [open, close] = isList ? ["[", "]"] : ["(", ")"];
  const line = `${open}${parts.join(", ")}${close}`;
  if (line.length + indent.length <= 100 && !line.includes("\n")) return line;
  return `${open}\n${parts.map((part) => `${inner}${part}`).join(",\n")}\n${indent}${close}`;
}

/** Its strings are bytes between quotes: what is not printable ASCII is escaped, byte by byte. */
function encodeText(text: string): string {
  const bytes = Array.from(new TextEncoder().encode(text), (byte) => {
    if (byte === 0x22 || byte === 0x5c) return `\\${String.fromCharCode(byte)}`;
    if (byte >= 0x20 && byte < 0x7f) return String.fromCharCode(byte);
    return `\\x${byte.toString(16).padStart(2, "0")}`;
  });
  return `"${bytes.join("")}"`;
}
