import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { encodeGrpcWebText, GrpcWebTextDecoder } from "../../wire/grpc-web-text.ts";

const ascii = (text: string) => new TextEncoder().encode(text);
const decode = (...chunks: readonly string[]): Buffer => {
  const decoder = new GrpcWebTextDecoder();
  const parts = chunks.map((chunk) => decoder.push(ascii(chunk)));
  decoder.finish();
  return Buffer.concat(parts);
};

describe("gRPC-Web's text form", () => {
  it.each([
    [["aGVsbG8="], "hello"],
    [["aGVs", "bG8="], "hello"],
    [["a", "G", "V", "s", "b", "G", "8", "="], "hello"],
    [["aGU=bGxv"], "hello"],
    [["aA==ZQ==bA==bA==bw=="], "hello"],
    [["aA=", "=ZWxs", "bw=="], "hello"],
    [[""], ""],
  ])("decodes %j", (chunks, text) => {
    expect(decode(...chunks).toString()).toBe(text);
  });

  it.each([
    ["aGVsbG8"],
    ["a"],
    ["===="],
    ["a==="],
    ["aG=s"],
    ["aG V"],
    ["aGV*"],
    ["aGVs\n"],
    ["-_-_"],
    ["=GVs"],
  ])("refuses %j", (text) => {
    expect(() => decode(text)).toThrow();
  });

  it("gives back what was encoded, in whatever pieces either side sends it", () => {
    fc.assert(
      fc.property(
        fc.array(fc.uint8Array({ maxLength: 200 })),
        fc.integer({ min: 1, max: 17 }),
        (parts, size) => {
          const text = parts.map((part) => Buffer.from(encodeGrpcWebText(part)).toString()).join("");
          const chunks = text.match(new RegExp(`.{1,${size}}`, "g")) ?? [];
          expect(decode(...chunks).equals(Buffer.concat(parts))).toBe(true);
        },
      ),
    );
  });

  it("encodes what is larger than a call can have arguments", () => {
    const bytes = new Uint8Array(500_000).fill(7);
    expect(Buffer.from(encodeGrpcWebText(bytes)).toString()).toBe(Buffer.from(bytes).toString("base64"));
  });
});
