import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { NdjsonLine } from "../../wire/ndjson.ts";
import { NdjsonSplitter } from "../../wire/ndjson.ts";

const bytesOf = (text: string) => new TextEncoder().encode(text);

function split(chunks: readonly Uint8Array[], maxLineBytes = 1000): [number, string | undefined][] {
  const splitter = new NdjsonSplitter(maxLineBytes);
  const lines: NdjsonLine[] = [];
  for (const chunk of chunks) lines.push(...splitter.push(chunk));
  lines.push(...splitter.end());
  return lines.map(({ number, bytes }) => [number, bytes && new TextDecoder().decode(bytes)]);
}

/** Cuts bytes at the given places. */
function cut(bytes: Uint8Array, places: readonly number[]): Uint8Array[] {
  const ends = [...new Set(places.map((place) => place % (bytes.length + 1)))].sort((a, b) => a - b);
  return [...ends, bytes.length].map((end, index) => bytes.slice(index === 0 ? 0 : ends[index - 1], end));
}

describe("NdjsonSplitter", () => {
  it.each<[string, string, [number, string | undefined][]]>([
    ["nothing", "", []],
    ["one line", "a\n", [[1, "a"]]],
    [
      "a last line without its end",
      "a\nb",
      [
        [1, "a"],
        [2, "b"],
      ],
    ],
    [
      "empty lines, which count and are left out",
      "\n\na\n \t\n\r\nb\n",
      [
        [3, "a"],
        [6, "b"],
      ],
    ],
    [
      "CRLF, whose CR is white space to JSON",
      "a\r\nb\r\n",
      [
        [1, "a\r"],
        [2, "b\r"],
      ],
    ],
    [
      "characters of several bytes",
      "ü☂😀\n☂",
      [
        [1, "ü☂😀"],
        [2, "☂"],
      ],
    ],
    ["U+2028, which ends no line", "a\u2028b\n", [[1, "a\u2028b"]]],
    ["a line that is just not too long", "1234567890\n", [[1, "1234567890"]]],
    [
      "a line that is too long",
      "a\n12345678901\nb\n",
      [
        [1, "a"],
        [2, undefined],
        [3, "b"],
      ],
    ],
    [
      "a last line that is too long",
      "a\n12345678901",
      [
        [1, "a"],
        [2, undefined],
      ],
    ],
    [
      "two lines in a row that are too long",
      "12345678901\n12345678901\nb",
      [
        [1, undefined],
        [2, undefined],
        [3, "b"],
      ],
    ],
  ])("cuts %s, however its bytes are split", (_name, text, expected) => {
    const bytes = bytesOf(text);
    const limit = 10;
    expect(split([bytes], Math.max(limit, 10))).toEqual(expected);
    for (let at = 0; at <= bytes.length; at += 1) {
      expect(split([bytes.slice(0, at), bytes.slice(at)], limit)).toEqual(expected);
    }
    expect(
      split(
        [...bytes].map((byte) => Uint8Array.of(byte)),
        limit,
      ),
    ).toEqual(expected);
  });

  it("gives the lines that were put in, whatever they are and wherever the chunks end", () => {
    const line = fc.string({ unit: "binary", maxLength: 40 }).map((text) => JSON.stringify(text));
    fc.assert(
      fc.property(fc.array(line), fc.array(fc.nat()), fc.boolean(), (lines, places, hasEnd) => {
        const text = lines.join("\n") + (hasEnd && lines.length > 0 ? "\n" : "");
        const found = split(cut(bytesOf(text), places));
        expect(found.map(([, json]) => JSON.parse(json ?? "null"))).toEqual(
          lines.map((json) => JSON.parse(json)),
        );
        expect(found.map(([number]) => number)).toEqual(lines.map((_, index) => index + 1));
      }),
    );
  });

  it("skips exactly the lines that are too long, wherever the chunks end", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 30 })), fc.array(fc.nat()), (lengths, places) => {
        const bytes = bytesOf(lengths.map((length) => `${"x".repeat(length)}\n`).join(""));
        const found = split(cut(bytes, places), 15);
        expect(found.map(([, text]) => text?.length)).toEqual(
          lengths.map((length) => (length > 15 ? undefined : length)),
        );
      }),
    );
  });
});
