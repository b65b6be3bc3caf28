import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { ServedTarget } from "../conformance/serve-target.ts";
import { serveTarget } from "../conformance/serve-target.ts";
import {
  CODE,
  FLAG,
  fields,
  frame,
  postHead,
  RawHttp2,
  request,
  requestFields,
  setting,
  TYPE,
  toGet,
  uint32,
} from "./http2-wire.ts";

/**
 * The cases of h2spec (github.com/summerwind/h2spec), by the sections of RFC 9113 and RFC 7541 that they are of, written
 * anew: there is no binary of it here. Where a rule is broken, a server may always end the connection.
 */
let target: ServedTarget;
const open: RawHttp2[] = [];
beforeAll(async () => {
  target = await serveTarget({ MAX_CONNECTION_STREAMS: "100" }, { withGateway: true });
}, 60_000);
afterEach(() => {
  for (const raw of open.splice(0)) raw.close();
});
afterAll(() => target.stop());

async function connect(isTls: boolean, settings?: Buffer): Promise<RawHttp2> {
  const { tlsPort = 0, grpcPort = 0 } = target.gateway ?? {};
  const raw = await RawHttp2.open(isTls ? tlsPort : grpcPort, isTls, settings);
  open.push(raw);
  return raw;
}

const END = FLAG.END_STREAM | FLAG.END_HEADERS;
const { PROTOCOL_ERROR, FLOW_CONTROL_ERROR, STREAM_CLOSED, FRAME_SIZE_ERROR, COMPRESSION_ERROR } = CODE;
/** A GET without one of its pseudo-headers. */
const without = (name: string) => fields(...toGet("/health").filter(([own]) => own !== name));
const large = (bytes: number) => Buffer.alloc(bytes);

/** What ends the connection, and with which codes it may. */
const connectionErrors: readonly (readonly [
  rule: string,
  sent: readonly Buffer[],
  codes: readonly number[],
])[] = [
  [
    "4.2: a frame larger than the maximum",
    [postHead(1), frame(TYPE.DATA, 0, 1, large(16_385))],
    [FRAME_SIZE_ERROR],
  ],
  ["4.2: large headers beyond it", [frame(TYPE.HEADERS, END, 1, large(16_385))], [FRAME_SIZE_ERROR]],
  ["4.3: a header block that is none", [frame(TYPE.HEADERS, END, 1, Buffer.of(0x40))], [COMPRESSION_ERROR]],
  [
    "4.3: another frame within a header block",
    [frame(TYPE.HEADERS, FLAG.END_STREAM, 1, requestFields()), frame(TYPE.PRIORITY, 0, 1, Buffer.alloc(5))],
    [PROTOCOL_ERROR],
  ],
  [
    "4.3: headers of another stream within a header block",
    [frame(TYPE.HEADERS, FLAG.END_STREAM, 1, requestFields()), request(3)],
    [PROTOCOL_ERROR],
  ],
  [
    "5.1: DATA on an idle stream",
    [frame(TYPE.DATA, FLAG.END_STREAM, 1, Buffer.from("x"))],
    [PROTOCOL_ERROR, STREAM_CLOSED],
  ],
  ["5.1: RST_STREAM on an idle stream", [frame(TYPE.RST_STREAM, 0, 1, uint32(8))], [PROTOCOL_ERROR]],
  ["5.1: WINDOW_UPDATE on an idle stream", [frame(TYPE.WINDOW_UPDATE, 0, 1, uint32(100))], [PROTOCOL_ERROR]],
  [
    "5.1: CONTINUATION on an idle stream",
    [frame(TYPE.CONTINUATION, FLAG.END_HEADERS, 1, requestFields())],
    [PROTOCOL_ERROR],
  ],
  ["5.1.1: an even stream", [request(2)], [PROTOCOL_ERROR]],
  [
    "5.5: an unknown frame within a header block",
    [frame(TYPE.HEADERS, FLAG.END_STREAM, 1, requestFields()), frame(0xff, 0, 1)],
    [PROTOCOL_ERROR],
  ],
  ["6.1: DATA on stream 0", [frame(TYPE.DATA, 0, 0, Buffer.from("x"))], [PROTOCOL_ERROR]],
  [
    "6.1: padding that is longer than the payload",
    [postHead(1), frame(TYPE.DATA, FLAG.PADDED, 1, Buffer.of(9, 1, 2))],
    [PROTOCOL_ERROR],
  ],
  ["6.2: HEADERS on stream 0", [frame(TYPE.HEADERS, END, 0, requestFields())], [PROTOCOL_ERROR]],
  [
    "6.2: padding of headers that is too long",
    [frame(TYPE.HEADERS, END | FLAG.PADDED, 1, Buffer.concat([Buffer.of(255), requestFields()]))],
    [PROTOCOL_ERROR],
  ],
  ["6.4: RST_STREAM on stream 0", [frame(TYPE.RST_STREAM, 0, 0, uint32(8))], [PROTOCOL_ERROR]],
  [
    "6.4: RST_STREAM of a wrong length",
    [postHead(1), frame(TYPE.RST_STREAM, 0, 1, Buffer.alloc(3))],
    [FRAME_SIZE_ERROR],
  ],
  [
    "6.5: an acknowledgement of SETTINGS with a payload",
    [frame(TYPE.SETTINGS, FLAG.ACK, 0, setting(1, 1))],
    [FRAME_SIZE_ERROR],
  ],
  ["6.5: SETTINGS on a stream", [frame(TYPE.SETTINGS, 0, 1, setting(3, 1))], [PROTOCOL_ERROR]],
  ["6.5: SETTINGS of a wrong length", [frame(TYPE.SETTINGS, 0, 0, Buffer.alloc(5))], [FRAME_SIZE_ERROR]],
  ["6.5.2: ENABLE_PUSH that is neither", [frame(TYPE.SETTINGS, 0, 0, setting(2, 2))], [PROTOCOL_ERROR]],
  [
    "6.5.2: INITIAL_WINDOW_SIZE above the maximum",
    [frame(TYPE.SETTINGS, 0, 0, setting(4, 0x8000_0000))],
    [FLOW_CONTROL_ERROR],
  ],
  [
    "6.5.2: MAX_FRAME_SIZE below the least",
    [frame(TYPE.SETTINGS, 0, 0, setting(5, 16_383))],
    [PROTOCOL_ERROR],
  ],
  [
    "6.5.2: MAX_FRAME_SIZE above the maximum",
    [frame(TYPE.SETTINGS, 0, 0, setting(5, 16_777_216))],
    [PROTOCOL_ERROR],
  ],
  [
    "6.6: PUSH_PROMISE of a client",
    [postHead(1), frame(TYPE.PUSH_PROMISE, FLAG.END_HEADERS, 1, Buffer.concat([uint32(2), requestFields()]))],
    [PROTOCOL_ERROR],
  ],
  ["6.7: PING on a stream", [frame(TYPE.PING, 0, 1, Buffer.alloc(8))], [PROTOCOL_ERROR]],
  ["6.7: PING of a wrong length", [frame(TYPE.PING, 0, 0, Buffer.alloc(6))], [FRAME_SIZE_ERROR]],
  ["6.8: GOAWAY on a stream", [frame(TYPE.GOAWAY, 0, 1, Buffer.alloc(8))], [PROTOCOL_ERROR]],
  ["6.9: WINDOW_UPDATE of nothing", [frame(TYPE.WINDOW_UPDATE, 0, 0, uint32(0))], [PROTOCOL_ERROR]],
  [
    "6.9: WINDOW_UPDATE of a wrong length",
    [frame(TYPE.WINDOW_UPDATE, 0, 0, Buffer.alloc(3))],
    [FRAME_SIZE_ERROR],
  ],
  [
    "6.9.1: a window above the maximum",
    [
      frame(TYPE.WINDOW_UPDATE, 0, 0, uint32(0x7fff_ffff)),
      frame(TYPE.WINDOW_UPDATE, 0, 0, uint32(0x7fff_ffff)),
    ],
    [FLOW_CONTROL_ERROR],
  ],
  [
    "6.10: CONTINUATION after the end of the headers",
    [postHead(1), frame(TYPE.CONTINUATION, FLAG.END_HEADERS, 1, fields(["a", "b"]))],
    [PROTOCOL_ERROR, STREAM_CLOSED],
  ],
  [
    "6.10: CONTINUATION on stream 0",
    [frame(TYPE.HEADERS, FLAG.END_STREAM, 1, requestFields()), frame(TYPE.CONTINUATION, FLAG.END_HEADERS, 0)],
    [PROTOCOL_ERROR],
  ],
  [
    "6.10: DATA in place of a CONTINUATION",
    [frame(TYPE.HEADERS, 0, 1, requestFields()), frame(TYPE.DATA, FLAG.END_STREAM, 1, Buffer.from("x"))],
    [PROTOCOL_ERROR],
  ],
  [
    "HPACK 2.3.3: an index beyond both tables",
    [frame(TYPE.HEADERS, END, 1, Buffer.of(0xff, 0x80, 0x01))],
    [COMPRESSION_ERROR],
  ],
  [
    "HPACK 4.2: a change of the table's size at the end",
    [frame(TYPE.HEADERS, END, 1, Buffer.concat([requestFields(), Buffer.of(0x20)]))],
    [COMPRESSION_ERROR],
  ],
  [
    "HPACK 5.2: Huffman padding of more than 7 bits",
    [
      frame(
        TYPE.HEADERS,
        END,
        1,
        Buffer.concat([requestFields(), Buffer.of(0, 4), Buffer.from("test"), Buffer.of(0x82, 0xff, 0xff)]),
      ),
    ],
    [COMPRESSION_ERROR],
  ],
  [
    "HPACK 5.2: Huffman padding of zeros",
    [
      frame(
        TYPE.HEADERS,
        END,
        1,
        Buffer.concat([requestFields(), Buffer.of(0, 4), Buffer.from("test"), Buffer.of(0x81, 0x00)]),
      ),
    ],
    [COMPRESSION_ERROR],
  ],
  ["HPACK 6.1: the index 0", [frame(TYPE.HEADERS, END, 1, Buffer.of(0x80))], [COMPRESSION_ERROR]],
  [
    "HPACK 6.3: a table larger than was allowed",
    [frame(TYPE.HEADERS, END, 1, Buffer.concat([Buffer.of(0x3f, 0xe1, 0xff, 0x03), requestFields()]))],
    [COMPRESSION_ERROR],
  ],
];

/** What ends one stream, as malformed (RFC 9113 §8.1.1); a 4xx says the same. */
const malformed: readonly (readonly [rule: string, sent: readonly Buffer[]])[] = [
  ["8.2.1: a name in upper case", [request(1, requestFields(["X-Test", "1"]))]],
  ["8.3: a pseudo-header that nobody knows", [request(1, requestFields([":test", "1"]))]],
  ["8.3: a pseudo-header of an answer", [request(1, requestFields([":status", "200"]))]],
  [
    "8.3: a pseudo-header after another field",
    [
      request(
        1,
        fields(
          [":method", "GET"],
          ["a", "b"],
          [":scheme", "http"],
          [":path", "/health"],
          [":authority", "x"],
        ),
      ),
    ],
  ],
  ["8.2.2: connection", [request(1, requestFields(["connection", "keep-alive"]))]],
  ["8.2.2: te that is not trailers", [request(1, requestFields(["te", "gzip"]))]],
  ["8.3.1: no :method", [request(1, without(":method"))]],
  ["8.3.1: no :scheme", [request(1, without(":scheme"))]],
  ["8.3.1: no :path", [request(1, without(":path"))]],
  ["8.3.1: an empty :path", [request(1, fields(...toGet("")))]],
  ["8.3.1: :method twice", [request(1, requestFields([":method", "GET"]))]],
  ["8.3.1: :path twice", [request(1, requestFields([":path", "/"]))]],
  [
    "8.1: trailers that do not end the stream",
    [postHead(1), frame(TYPE.HEADERS, FLAG.END_HEADERS, 1, fields(["a", "b"]))],
  ],
  [
    "8.1: a pseudo-header in trailers",
    [postHead(1), frame(TYPE.HEADERS, END, 1, fields([":method", "GET"]))],
  ],
  [
    "8.1.1: a body shorter than content-length",
    [
      postHead(1, "/channels/demo/x", ["content-length", "4"]),
      frame(TYPE.DATA, FLAG.END_STREAM, 1, Buffer.from("abc")),
    ],
  ],
  [
    "8.1.1: a body longer than content-length",
    [
      postHead(1, "/channels/demo/x", ["content-length", "2"]),
      frame(TYPE.DATA, FLAG.END_STREAM, 1, Buffer.from("abc")),
    ],
  ],
  ["5.1: HEADERS on a half-closed stream", [request(1, fields(...toGet("/sse/demo/h2"))), request(1)]],
  [
    "5.1: DATA on a half-closed stream",
    [request(1, fields(...toGet("/sse/demo/h2"))), frame(TYPE.DATA, FLAG.END_STREAM, 1, Buffer.from("x"))],
  ],
  ["6.3: PRIORITY of a wrong length", [postHead(1), frame(TYPE.PRIORITY, 0, 1, Buffer.alloc(4))]],
  ["6.9: WINDOW_UPDATE of nothing on a stream", [postHead(1), frame(TYPE.WINDOW_UPDATE, 0, 1, uint32(0))]],
  [
    "6.9.1: a stream's window above the maximum",
    [
      postHead(1),
      frame(TYPE.WINDOW_UPDATE, 0, 1, uint32(0x7fff_ffff)),
      frame(TYPE.WINDOW_UPDATE, 0, 1, uint32(0x7fff_ffff)),
    ],
  ],
  ["a space in :path", [request(1, fields(...toGet("/a b")))]],
  ["a character beyond ASCII in :path", [request(1, fields(...toGet("/\u00e9")))]],
];

/** What should end the connection, and what nghttp2, which Node has, overlooks instead: nobody gains anything by it. */
const overlooked: readonly (readonly [rule: string, sent: readonly Buffer[], streamId: number])[] = [
  ["5.1.1: a number below the last one", [request(5), request(3)], 3],
  ["6.3: PRIORITY on stream 0", [frame(TYPE.PRIORITY, 0, 0, Buffer.alloc(5))], 0],
];

/** What is in order, however odd. */
const allowed: readonly (readonly [rule: string, sent: readonly Buffer[]])[] = [
  ["4.1: a frame of an unknown type", [frame(0xff, 0xff, 0, Buffer.alloc(8)), request(1)]],
  ["4.1: flags that nobody knows", [frame(TYPE.PING, 0xfe, 0, Buffer.alloc(8)), request(1)]],
  ["4.1: the reserved bit", [frame(TYPE.PING, 0, 0x8000_0000, Buffer.alloc(8)), request(1)]],
  ["6.5.2: a setting that nobody knows", [frame(TYPE.SETTINGS, 0, 0, setting(0xff, 1)), request(1)]],
  [
    "6.2: headers with padding",
    [
      frame(
        TYPE.HEADERS,
        END | FLAG.PADDED,
        1,
        Buffer.concat([Buffer.of(8), requestFields(), Buffer.alloc(8)]),
      ),
    ],
  ],
  [
    "6.2: headers with a priority",
    [
      frame(
        TYPE.HEADERS,
        END | FLAG.PRIORITY,
        1,
        Buffer.concat([Buffer.of(0, 0, 0, 0, 15), requestFields()]),
      ),
    ],
  ],
  [
    "6.10: headers in three pieces",
    [
      frame(TYPE.HEADERS, FLAG.END_STREAM, 1, requestFields().subarray(0, 5)),
      frame(TYPE.CONTINUATION, 0, 1, requestFields().subarray(5, 9)),
      frame(TYPE.CONTINUATION, FLAG.END_HEADERS, 1, requestFields().subarray(9)),
    ],
  ],
  ["5.3: PRIORITY on an idle stream", [frame(TYPE.PRIORITY, 0, 7, Buffer.of(0, 0, 0, 0, 15)), request(1)]],
  [
    "6.1: DATA with padding, and trailers",
    [
      postHead(1),
      frame(
        TYPE.DATA,
        FLAG.PADDED,
        1,
        Buffer.concat([Buffer.of(6), Buffer.from('{"type":"t"}'), Buffer.alloc(6)]),
      ),
      frame(TYPE.HEADERS, END, 1, fields(["a", "b"])),
    ],
  ],
  [
    "HPACK: a table that is turned off",
    [frame(TYPE.HEADERS, END, 1, Buffer.concat([Buffer.of(0x20), requestFields()]))],
  ],
];

describe.each([
  ["in clear", false],
  ["over TLS", true],
] as const)("HTTP/2 %s", (_name, isTls) => {
  it.each(connectionErrors)("ends the connection: %s", async (_rule, sent, codes) => {
    const raw = await connect(isTls);
    raw.send(...sent);
    const code = await raw.goAway();
    if (code !== undefined) expect(codes).toContain(code);
  });

  it.each(malformed)("does not take it for a request: %s", async (_rule, sent) => {
    const raw = await connect(isTls);
    raw.send(...sent);
    const outcome = await raw.until(
      ({ type, streamId, flags, payload }) =>
        type === TYPE.GOAWAY ||
        (streamId === 1 && type === TYPE.RST_STREAM) ||
        // A refusal in HTTP: its status is the first field, which our HPACK writes as an index of 4xx, or in digits.
        (streamId === 1 &&
          type === TYPE.HEADERS &&
          (flags & FLAG.END_HEADERS) !== 0 &&
          isClientError(payload)),
    );
    if (outcome === undefined) expect(raw.isClosed).toBe(true);
  });

  it.each(overlooked)("does nothing for %s", async (_rule, sent, streamId) => {
    const raw = await connect(isTls);
    raw.send(...sent, request(7));
    expect(await raw.outcome(7)).toBe("answered");
    expect(raw.frames.filter(({ type, streamId: id }) => type === TYPE.HEADERS && id === streamId)).toEqual(
      [],
    );
  });

  it.each(allowed)("takes %s", async (_rule, sent) => {
    const raw = await connect(isTls);
    raw.send(...sent);
    expect(await raw.outcome(1)).toBe("answered");
  });

  it("sends no more than the client's window has room for, and the rest when there is room", async () => {
    const raw = await connect(isTls, frame(TYPE.SETTINGS, 0, 0, setting(4, 10)));
    raw.send(request(1, fields(...toGet("/openapi.json"))));
    const sizes = () =>
      raw.frames.filter(({ type }) => type === TYPE.DATA).map(({ payload }) => payload.length);
    const sum = () => sizes().reduce((total, size) => total + size, 0);
    await raw.until(({ type }) => type === TYPE.DATA && sum() >= 10);
    expect(await raw.ping()).toBe(true);
    expect(sum()).toBe(10);
    raw.send(frame(TYPE.WINDOW_UPDATE, 0, 1, uint32(25)));
    await raw.until(({ type }) => type === TYPE.DATA && sum() >= 35);
    expect(await raw.ping()).toBe(true);
    expect(sum()).toBe(35);
    // A smaller window from the beginning on leaves it below zero, and nothing is sent until it is above (§6.9.2).
    raw.send(frame(TYPE.SETTINGS, 0, 0, setting(4, 0)), frame(TYPE.WINDOW_UPDATE, 0, 1, uint32(10)));
    expect(await raw.ping()).toBe(true);
    expect(sum()).toBe(35);
    raw.send(frame(TYPE.WINDOW_UPDATE, 0, 1, uint32(5)));
    await raw.until(({ type }) => type === TYPE.DATA && sum() >= 40);
  });

  it("answers no more streams at a time than it has said", async () => {
    const raw = await connect(isTls);
    const path = fields(...toGet("/sse/demo/h2"));
    await raw.until(({ type, flags }) => type === TYPE.SETTINGS && (flags & FLAG.ACK) !== 0);
    raw.send(...Array.from({ length: 105 }, (_, n) => request(2 * n + 1, path)));
    await expect(raw.outcome(209)).resolves.toMatch(/^(RST_STREAM (7|1)|GOAWAY 1|closed)$/);
  });

  it.each([
    [
      "resets of what was just asked for",
      () =>
        Array.from({ length: 3000 }, (_, n) => [
          request(2 * n + 1),
          frame(TYPE.RST_STREAM, 0, 2 * n + 1, uint32(8)),
        ]).flat(),
    ],
    ["SETTINGS", () => Array.from({ length: 20_000 }, () => frame(TYPE.SETTINGS, 0, 0, setting(4, 65_535)))],
    ["PING", () => Array.from({ length: 50_000 }, () => frame(TYPE.PING, 0, 0, Buffer.alloc(8)))],
    ["empty DATA", () => [postHead(1), ...Array.from({ length: 50_000 }, () => frame(TYPE.DATA, 0, 1))]],
    [
      "empty CONTINUATION",
      () => [
        frame(TYPE.HEADERS, 0, 1, requestFields()),
        ...Array.from({ length: 50_000 }, () => frame(TYPE.CONTINUATION, 0, 1)),
      ],
    ],
    [
      "header fields without end",
      () => [
        frame(TYPE.HEADERS, 0, 1, requestFields()),
        ...Array.from({ length: 500 }, () =>
          frame(
            TYPE.CONTINUATION,
            0,
            1,
            fields(...Array.from({ length: 100 }, () => ["a", "x".repeat(100)] as const)),
          ),
        ),
      ],
    ],
    [
      "PRIORITY",
      () => [
        ...Array.from({ length: 50_000 }, (_, n) =>
          frame(TYPE.PRIORITY, 0, 2 * n + 1, Buffer.of(0, 0, 0, 0, 1)),
        ),
      ],
    ],
    [
      "WINDOW_UPDATE",
      () => [
        postHead(1),
        ...Array.from({ length: 50_000 }, () => frame(TYPE.WINDOW_UPDATE, 0, 1, uint32(1))),
      ],
    ],
  ])("outlives a flood of %s", async (_name, make) => {
    const raw = await connect(isTls);
    raw.send(...make());
    // It may end this connection for it; the others go on.
    await raw.ping().catch(() => {});
    raw.close();
    const other = await connect(isTls);
    other.send(request(1));
    expect(await other.outcome(1)).toBe("answered");
  });

  it("ends a connection that begins with something else", async () => {
    const { tlsPort = 0, grpcPort = 0 } = target.gateway ?? {};
    const raw = await RawHttp2.open(isTls ? tlsPort : grpcPort, isTls, request(1));
    open.push(raw);
    const code = await raw.goAway();
    if (code !== undefined) expect(code).toBe(PROTOCOL_ERROR);
  });
});

/** `:status` 400 or 404 by their index in HPACK's table (RFC 7541 A), or written out. */
function isClientError(block: Buffer): boolean {
  const [first = 0] = block;
  return first === 0x8c || first === 0x8d || /^4\d\d$/.test(block.subarray(2, 5).toString("latin1"));
}
