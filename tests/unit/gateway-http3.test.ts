import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ByteSource } from "../../gateway/http3/byte-source.ts";
import { parseHead } from "../../gateway/http3/request-head.ts";
import { decodeVarint, encodeVarint } from "../../gateway/http3/varint.ts";
import { decodeHuffman } from "../../gateway/qpack/huffman.ts";
import { decodeFields, encodeFields, FieldsTooLarge, QpackError } from "../../gateway/qpack/qpack.ts";
import { STATIC_TABLE } from "../../gateway/qpack/static-table.ts";

const fromHex = (hex: string) => Uint8Array.from(Buffer.from(hex.replaceAll(" ", ""), "hex"));
const MAX_BYTES = 65_536;

function toStream(chunks: readonly Uint8Array[]): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start(controller) {
      for (const chunk of chunks) controller.enqueue(chunk);
      controller.close();
    },
  });
}

describe("variable-length integers", () => {
  it.each([
    ["25", 37],
    ["4025", 37],
    ["7bbd", 15_293],
    ["9d7f3e7d", 494_878_333],
  ])("reads %s as RFC 9000 does (appendix A.1)", (hex, value) => {
    expect(decodeVarint(fromHex(hex))).toEqual({ value, length: hex.length / 2 });
  });

  it("are read back as they were written", () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), (value) => {
        const bytes = encodeVarint(value);
        expect(decodeVarint(bytes)).toEqual({ value, length: bytes.byteLength });
      }),
    );
  });

  it.each([-1, 1.5, 2 ** 53])("cannot be %s", (value) => {
    expect(() => encodeVarint(value)).toThrow(RangeError);
  });
});

describe("Huffman's strings", () => {
  it.each([
    ["f1e3 c2e5 f23a 6ba0 ab90 f4ff", "www.example.com"],
    ["a8eb 1064 9cbf", "no-cache"],
    ["d07a be94 1054 d444 a820 0595 040b 8166 e082 a62d 1bff", "Mon, 21 Oct 2013 20:13:21 GMT"],
  ])("reads %s as RFC 7541 does (appendix C)", (hex, text) => {
    expect(new TextDecoder().decode(decodeHuffman(fromHex(hex)))).toBe(text);
  });

  it.each([
    ["a whole byte of padding", "f1e3c2e5f23a6ba0ab90f4ffff"],
    ["padding that is not all ones", "a8eb10649cb8"],
    ["the end of the string within it", "ffffffffff"],
  ])("refuses %s", (_name, hex) => {
    expect(() => decodeHuffman(fromHex(hex))).toThrow(RangeError);
  });
});

describe("field sections", () => {
  it("has the static table of RFC 9204 (appendix A)", () => {
    expect(STATIC_TABLE).toHaveLength(99);
    expect(STATIC_TABLE[0]).toEqual([":authority", ""]);
    expect(STATIC_TABLE[25]).toEqual([":status", "200"]);
    expect(STATIC_TABLE[98]).toEqual(["x-frame-options", "sameorigin"]);
  });

  it("reads the first example of RFC 9204 (appendix B.1)", () => {
    const section = fromHex("0000 510b 2f69 6e64 6578 2e68 746d 6c");
    expect(decodeFields(section, MAX_BYTES)).toEqual([[":path", "/index.html"]]);
  });

  it("reads back what it wrote, whatever the names and values", () => {
    const name = fc.stringMatching(/^[a-z0-9-]{1,40}$/);
    fc.assert(
      fc.property(fc.array(fc.tuple(name, fc.string({ unit: "binary", maxLength: 300 }))), (fields) => {
        expect(decodeFields(encodeFields(fields), 10 * MAX_BYTES)).toEqual(fields);
      }),
    );
  });

  it.each([
    ["a dynamic table", "0100 80"],
    ["an entry of the dynamic table", "0000 80"],
    ["an entry past the end of the static table", "0000 ff7f"],
    ["a string past the end", "0000 510b2f"],
    ["an integer without end", "0000 ff ffffffffffffff"],
    ["nothing at all", ""],
  ])("refuses %s", (_name, hex) => {
    expect(() => decodeFields(fromHex(hex), MAX_BYTES)).toThrow(QpackError);
  });

  it("refuses more than it takes", () => {
    expect(() => decodeFields(encodeFields([["a", "x".repeat(1000)]]), 1000)).toThrow(FieldsTooLarge);
  });

  it("throws nothing else at bytes of any kind", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        try {
          decodeFields(bytes, MAX_BYTES);
        } catch (thrown) {
          if (!(thrown instanceof QpackError || thrown instanceof FieldsTooLarge)) throw thrown;
        }
      }),
      { numRuns: 2000 },
    );
  });
});

describe("the head of a request", () => {
  const fields = (...more: [string, string][]): [string, string][] => [
    [":method", "GET"],
    [":scheme", "https"],
    [":authority", "localhost"],
    [":path", "/"],
    ...more,
  ];

  it("is read", () => {
    expect(parseHead(fields(["a", "b"]), "::1")).toMatchObject({
      method: "GET",
      path: "/",
      headers: [["a", "b"]],
      origin: { remoteAddress: "::1", authority: "localhost", version: "3" },
    });
  });

  it.each<[string, [string, string][]]>([
    [
      "no method",
      [
        [":scheme", "https"],
        [":path", "/"],
      ],
    ],
    ["a pseudo-header that nobody knows", fields([":status", "200"])],
    ["a pseudo-header twice", fields([":path", "/b"])],
    ["a pseudo-header after a header", [["a", "b"], ...fields()]],
    ["a name in capitals", fields(["Accept", "x"])],
    ["a line break in a value", fields(["a", "b\r\nhost: evil"])],
    ["a header of HTTP/1.1's connections", fields(["transfer-encoding", "chunked"])],
    [
      "a line break in the path",
      [
        [":method", "GET"],
        [":scheme", "https"],
        [":path", "/ HTTP/1.1\r\nx: y"],
      ],
    ],
    [
      "a path that is none",
      [
        [":method", "GET"],
        [":scheme", "https"],
        [":path", "http://evil/"],
      ],
    ],
  ])("refuses %s", (_name, given) => {
    expect(() => parseHead(given, "::1")).toThrow("malformed");
  });
});

describe("bytes from a stream", () => {
  it("are given as they are asked for, however they come", async () => {
    const whole = Uint8Array.from({ length: 100 }, (_, index) => index);
    await fc.assert(
      fc.asyncProperty(fc.array(fc.integer({ min: 1, max: 30 })), async (cuts) => {
        const chunks: Uint8Array[] = [];
        let offset = 0;
        for (const cut of cuts) {
          chunks.push(whole.subarray(offset, offset + cut));
          offset += cut;
        }
        chunks.push(whole.subarray(offset));
        const source = new ByteSource(toStream(chunks));
        expect(await source.varint()).toBe(0);
        expect([...(await source.bytes(40))]).toEqual([...whole.subarray(1, 41)]);
        await source.skip(9);
        expect((await source.some(1))?.[0]).toBe(50);
        await expect(source.bytes(50)).rejects.toThrow("ended within");
      }),
    );
  });
});
