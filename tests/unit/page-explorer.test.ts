import { execFileSync } from "node:child_process";
import { describe, expect, it } from "vitest";
import { prefersHtml } from "../../functions/page/decode.ts";
import { EnvelopeDecoder, encodeEnvelope } from "../../web/explorer/envelope.ts";
import { toHexDump } from "../../web/explorer/hex.ts";
import { quoteShell } from "../../web/explorer/quote-shell.ts";
import { toShell } from "../../web/explorer/snippets/shell.ts";

describe("what a browser and what a program ask for at the root", () => {
  it.each([
    ["text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", true],
    ["text/html;q=0.5, application/json;q=0.4", true],
    ["application/json", false],
    ["application/json, text/html;q=0.5", false],
    ["*/*", false],
    ["text/html;q=0", false],
    ["", false],
    [undefined, false],
  ])("%s", (accept, isPage) => expect(prefersHtml(accept)).toBe(isPage));
});

describe("envelopes", () => {
  const decoder = () => new EnvelopeDecoder((bytes) => new TextDecoder().decode(bytes));

  it("are cut out of a body wherever its pieces begin and end", () => {
    const body = [
      encodeEnvelope(new TextEncoder().encode("one")),
      encodeEnvelope(new TextEncoder().encode("two")),
    ];
    const all = Uint8Array.from(body.flatMap((part) => [...part]));
    for (let cut = 0; cut <= all.length; cut += 1) {
      const reader = decoder();
      const texts = [...reader.push(all.slice(0, cut), "in"), ...reader.push(all.slice(cut), "in")];
      expect(texts).toEqual(["one", "two"]);
    }
  });

  it("tell trailers, ends and compressed messages from the rest", () => {
    const withFlags = (flags: number) => {
      const bytes = encodeEnvelope(new TextEncoder().encode("grpc-status: 0"));
      bytes[0] = flags;
      return decoder().push(bytes, "in");
    };
    expect([withFlags(0x80), withFlags(2), withFlags(1)]).toEqual([
      ["trailers\ngrpc-status: 0"],
      ["end of stream\ngrpc-status: 0"],
      ["14 compressed bytes"],
    ]);
  });
});

describe("commands to copy", () => {
  it.each(["plain", "it's", '$HOME `ls` "x" \\ !', "", "a\nb", "ünïcödé"])(
    "quote %j so that a shell takes it as it is",
    (text) => {
      expect(execFileSync("bash", ["-c", `printf %s ${quoteShell(text)}`]).toString()).toBe(text);
    },
  );

  it("write binary bodies so that every byte arrives", () => {
    const body = Uint8Array.from({ length: 256 }, (_, index) => index);
    const call = { kind: "http", method: "POST", path: "/x", headers: {}, body, isStream: false } as const;
    const [print = ""] = toShell(call, "http://h").split(" | curl");
    expect([...execFileSync("bash", ["-c", print])]).toEqual([...body]);
  });

  it("say which bytes there are, and how many more", () => {
    expect(toHexDump(new TextEncoder().encode("hi\n"))).toMatch(/^0000 {2}68 69 0a +hi·$/);
    expect(toHexDump(new Uint8Array(3000))).toMatch(/… 952 bytes more$/);
  });
});
