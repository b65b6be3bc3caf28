import { create, fromBinary, fromJson, toBinary } from "@bufbuild/protobuf";
import { ValueSchema } from "@bufbuild/protobuf/wkt";
import { decode, encode } from "@msgpack/msgpack";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { FrameSplitter } from "../../gateway/grpc/frame-splitter.ts";
import { parseTimeout } from "../../gateway/grpc/status.ts";
import type { HeaderList } from "../../gateway/http/headers.ts";
import { toClientHeaders, toRecord, toWorkerHeaders } from "../../gateway/http/headers.ts";
import { jsonFormat } from "../../gateway/webtransport/json-format.ts";
import { withLength } from "../../gateway/webtransport/length-prefixed.ts";
import type { MessageFormat } from "../../gateway/webtransport/message-format.ts";
import { msgpackFormat } from "../../gateway/webtransport/msgpack-format.ts";
import { protobufFormat } from "../../gateway/webtransport/protobuf-format.ts";
import { SessionRequestSchema, SessionResponseSchema } from "../../proto/gen/everywire/v1/session_pb.ts";

/** Cuts bytes at random places. */
function cut(bytes: Uint8Array, sizes: readonly number[]): Uint8Array[] {
  const chunks: Uint8Array[] = [];
  let offset = 0;
  for (const size of sizes) {
    chunks.push(bytes.subarray(offset, offset + size));
    offset += size;
  }
  return [...chunks, bytes.subarray(offset)];
}

describe("the frames of a gRPC-Web answer", () => {
  const frame = (flags: number, body: Uint8Array) => {
    const header = new Uint8Array(5);
    header[0] = flags;
    new DataView(header.buffer).setUint32(1, body.byteLength);
    return Buffer.concat([header, body]);
  };

  it("go through byte for byte, and the trailers are kept, however they are cut", () => {
    const bytes = fc.uint8Array({ maxLength: 60 });
    fc.assert(
      fc.property(fc.array(bytes), bytes, fc.array(fc.nat(20)), (messages, trailers, sizes) => {
        const sent = Buffer.concat(messages.map((message) => frame(0, message)));
        const splitter = new FrameSplitter();
        const passed = cut(Buffer.concat([sent, frame(0x80, trailers)]), sizes).flatMap((chunk) => [
          // A part may be a view on what is changed by the next.
          ...Array.from(splitter.push(chunk), (part) => Buffer.from(part)),
        ]);
        expect(Buffer.concat(passed).equals(sent)).toBe(true);
        expect(splitter.trailers?.bytes).toEqual(new Uint8Array(trailers));
      }),
    );
  });

  it("knows that trailers may be compressed, and refuses those without end", () => {
    const splitter = new FrameSplitter();
    expect([...splitter.push(frame(0x81, Uint8Array.of(1)))]).toEqual([]);
    expect(splitter.trailers).toMatchObject({ isCompressed: true });
    expect(() => [...new FrameSplitter().push(Uint8Array.of(0x80, 0xff, 0xff, 0xff, 0xff))]).toThrow(
      "too long",
    );
  });

  it.each([
    ["1H", 3_600_000],
    ["5S", 5000],
    ["20m", 20],
    ["100u", 0.1],
    ["1x", undefined],
    ["", undefined],
    ["99999999H", undefined],
  ])("reads the timeout %j", (text, timeoutMs) => {
    expect(parseTimeout(text)).toBe(timeoutMs);
  });
});

describe("headers", () => {
  const origin = {
    remoteAddress: "192.0.2.1",
    authority: "example.com",
    scheme: "https",
    version: "2",
  } as const;

  it("of one connection stay on it, and nobody says in another's place where he is", () => {
    const headers: HeaderList = [
      ["connection", "keep-alive, X-Mine"],
      ["x-mine", "1"],
      ["te", "trailers"],
      ["host", "evil"],
      ["x-forwarded-for", "10.0.0.1"],
      ["cf-connecting-ip", "10.0.0.1"],
      ["accept", "*/*"],
    ];
    expect(toRecord(toWorkerHeaders(headers, origin, false))).toEqual({
      accept: "*/*",
      "x-forwarded-for": "192.0.2.1",
      "x-forwarded-proto": "https",
      "x-forwarded-host": "example.com",
      via: "2 everywire-gateway",
    });
    expect(toRecord(toWorkerHeaders([], origin, true))).toMatchObject({ "cf-connecting-ip": "192.0.2.1" });
  });

  it("that repeat are kept, and cookies are put together", () => {
    const headers: HeaderList = [
      ["set-cookie", "a=1"],
      ["set-cookie", "b=2"],
      ["transfer-encoding", "chunked"],
    ];
    expect(toRecord(toClientHeaders(headers))).toEqual({ "set-cookie": ["a=1", "b=2"] });
    expect(
      toRecord([
        ["cookie", "a=1"],
        ["cookie", "b=2"],
      ]),
    ).toEqual({ cookie: "a=1; b=2" });
  });
});

const publish = { op: "publish", ref: "1", channel: "demo/a", type: "t", data: { a: [1, null, "ü"] } };

describe.each<[string, MessageFormat, (line: object) => Uint8Array]>([
  ["JSON", jsonFormat, (line) => Buffer.from(`${JSON.stringify(line)}\n`)],
  ["MessagePack", msgpackFormat, (line) => withLength(encode(line))],
  [
    "Protobuf",
    protobufFormat,
    (line) => {
      const { ref, channel, type, data } = line as typeof publish;
      const value = { channel, type, data: fromJson(ValueSchema, data) };
      const operation = { case: "publish" as const, value };
      return withLength(toBinary(SessionRequestSchema, create(SessionRequestSchema, { ref, operation })));
    },
  ],
])("lines in %s", (_name, format, write) => {
  it("are read, however they are cut", () => {
    const lines = [publish, { ...publish, ref: "2" }, { ...publish, ref: "3" }];
    const bytes = Buffer.concat(lines.map(write));
    fc.assert(
      fc.property(fc.array(fc.nat(30)), (sizes) => {
        const splitter = format.createSplitter(1000);
        const read = cut(bytes, sizes).flatMap((chunk) => [...splitter.push(chunk)]);
        expect([...read, ...splitter.end()].map(({ line }) => line)).toEqual(lines);
      }),
    );
  });

  it("that are too long are skipped, and the next is read", () => {
    const splitter = format.createSplitter(200);
    const long = { ...publish, data: { a: ["x".repeat(1000), null, ""] } };
    const read = [...splitter.push(Buffer.concat([write(long), write(publish)]))];
    expect(read).toMatchObject([{ line: undefined }, { line: publish, fault: undefined }]);
  });

  it("are bytes of any kind, and nothing is thrown at them", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
        const { line, fault } = format.decodeDatagram(bytes);
        expect(line === undefined).toBe(typeof fault === "string");
        const splitter = format.createSplitter(50);
        expect([...splitter.push(bytes), ...splitter.end()].length).toBeLessThanOrEqual(101);
      }),
    );
  });
});

describe("answers", () => {
  const bytes = Buffer.from([0, 255, 7]);
  const event = {
    specversion: "1.0",
    id: "1",
    source: "/a",
    type: "t",
    subject: "demo/a",
    sequence: "s-1",
    traceid: "x",
    data_base64: bytes.toString("base64"),
  };

  it("are messages of everywire.v1.SessionResponse", () => {
    const read = (line: object) =>
      fromBinary(SessionResponseSchema, protobufFormat.encodeDatagram({ ...line }));
    const { message } = read(event);
    expect(message).toMatchObject({ case: "event", value: { id: "1", sequence: "s-1", subject: "demo/a" } });
    if (message.case !== "event") throw new Error("It is an event.");
    expect(Buffer.from(message.value.dataBytes ?? [])).toEqual(bytes);
    expect(message.value.extensions.traceid?.kind).toEqual({ case: "stringValue", value: "x" });
    expect(read({ op: "ack", ref: 7, id: "i", sequence: "s", duplicate: true })).toMatchObject({
      ref: "7",
      message: { case: "ack", value: { id: "i", sequence: "s", duplicate: true } },
    });
    expect(read({ op: "error", code: "gone", message: "m", retryAfterMs: 1.5 })).toMatchObject({
      message: { case: "error", value: { code: "gone", message: "m", retryAfterMs: 2 } },
    });
  });

  it("carry bytes as bytes in MessagePack", () => {
    const { data_base64: _, ...rest } = event;
    expect(decode(msgpackFormat.encodeDatagram(event))).toEqual({
      ...rest,
      data_bytes: Uint8Array.from(bytes),
    });
    const sent = encode({ op: "publish", data_bytes: bytes });
    expect(msgpackFormat.decodeDatagram(sent).line).toEqual({
      op: "publish",
      data_base64: bytes.toString("base64"),
    });
  });
});
