import type { Json } from "../../core/event.ts";

/** What the members of a list are called. */
const MEMBER_NAMES: Readonly<Record<string, string>> = { tags: "tag", items: "item" };

/**
 * Writes a value as XML 1.0: a member of an object is an element of its name, a member of a list an element of the
 * list's singular, in the same order as in JSON.
 *
 * @param dataName what the members of `data` are called
 */
export function encodeXml(root: string, value: Json, dataName: string): string {
  return `<?xml version="1.0" encoding="UTF-8"?>\n${encodeElement(root, value, dataName)}`;
}

function encodeElement(name: string, value: Json, dataName: string): string {
  if (value === null) return `<${name}/>`;
  if (typeof value !== "object") return `<${name}>${escapeText(String(value))}</${name}>`;
  let content = "";
  if (isList(value)) {
    const memberName = name === "data" ? dataName : (MEMBER_NAMES[name] ?? "item");
    for (const member of value) content += encodeElement(memberName, member, dataName);
  } else {
    for (const [key, member] of Object.entries(value)) {
      if (member !== undefined) content += encodeElement(key, member, dataName);
    }
  }
  return `<${name}>${content}</${name}>`;
}

/** Array.isArray does not narrow a readonly array. */
function isList(value: Json): value is readonly Json[] {
  return Array.isArray(value);
}

// What XML 1.0 has no way to write, not even as a reference (§2.2): most controls, lone surrogates, U+FFFE and U+FFFF.
const UNWRITABLE = /[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu;

/** A carriage return is written as a reference, or a parser would read it as a line feed (§2.11). */
function escapeText(text: string): string {
  return text
    .replace(UNWRITABLE, "\ufffd")
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll("\r", "&#13;");
}
