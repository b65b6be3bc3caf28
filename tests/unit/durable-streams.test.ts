import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fromBase64, toBase64 } from "../../core/base64.ts";
import type { ChannelName } from "../../core/channel-name.ts";
import type { Json } from "../../core/event.ts";
import { DEFAULT_LIMITS } from "../../core/limits.ts";
import type { StreamInfo, StreamKind } from "../../core/stream.ts";
import { encodeMessages, toJsonMessage, toStreamBytes, withFirstBytes } from "../../core/stream-messages.ts";
import { nextCollapseCursor } from "../../functions/durable-streams/collapse-cursor.ts";
import { LiveBody } from "../../functions/durable-streams/live-body.ts";
import { encodeRecordEvents } from "../../functions/durable-streams/live-events.ts";

const UTF8 = new TextEncoder();
const target = (kind: StreamKind, contentType = "application/json") => ({
  channel: "demo/a" as ChannelName,
  kind,
  contentType,
});
const defaults = { source: "/me", nowMs: 0, limits: DEFAULT_LIMITS };
const encode = (kind: StreamKind, body: string | Uint8Array, limits = DEFAULT_LIMITS) =>
  encodeMessages(
    target(kind, kind === "bytes" ? "text/plain" : undefined),
    typeof body === "string" ? UTF8.encode(body) : body,
    { ...defaults, limits },
  );

describe("the messages of an append", () => {
  it.each<[string, readonly Json[]]>([
    ['{"a":1}', [{ a: 1 }]],
    ["[1,2]", [1, 2]],
    ["[[1,2],[3]]", [[1, 2], [3]]],
    ["[[[1]]]", [[[1]]]],
    [" null ", [null]],
    ["[]", []],
    ["", []],
  ])("%s in JSON mode are %j", (body, expected) => {
    const messages = encode("json", body).map(({ event }) => toJsonMessage("json", event.type, event.json));
    expect(messages.map((json) => JSON.parse(json))).toEqual(expected);
  });

  it.each(["{", "\u0000", "[1,]", "NaN", "[1][2]"])("%j is no JSON", (body) => {
    expect(() => encode("json", body)).toThrow(expect.objectContaining({ code: "invalid_argument" }));
  });

  it("that are not UTF-8 are no JSON", () => {
    expect(() => encode("json", new Uint8Array([0x22, 0xff, 0x22]))).toThrow(/JSON/);
  });

  it("are bounded in number", () => {
    const limits = { ...DEFAULT_LIMITS, MAX_APPEND_MESSAGES: 2 };
    expect(encode("json", "[1,2]", limits)).toHaveLength(2);
    expect(() => encode("json", "[1,2,3]", limits)).toThrow(
      expect.objectContaining({ code: "payload_too_large" }),
    );
  });

  it("are events as such in a channel of events, whose id makes a duplicate", () => {
    const [plain, whole] = encode(
      "events",
      '[{"type":"a"},{"specversion":"1.0","id":"1","source":"/s","type":"b"}]',
    );
    expect(plain).toMatchObject({ event: { type: "a", dedupeKey: undefined } });
    expect(whole).toMatchObject({ id: "1", event: { type: "b", dedupeKey: "/s\n1" } });
    expect(toJsonMessage("events", "b", whole?.event.json ?? "")).toBe(whole?.event.json);
  });

  it("of bytes are the same bytes, however many events they need", () => {
    const limits = { ...DEFAULT_LIMITS, MAX_EVENT_BYTES: 4096 };
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 10_000 }), (bytes) => {
        const parts = encode("bytes", bytes, limits).map(({ event }) => [...toStreamBytes(event.json)]);
        expect(parts.flat()).toEqual([...bytes]);
      }),
      { numRuns: 50 },
    );
  });
});

describe("an event of another door as bytes", () => {
  it.each<[Json, string]>([
    [{ data: "grüße" }, "grüße"],
    [{ data: { a: [1] } }, '{"a":[1]}'],
    [{ data: null }, "null"],
    [{ data_base64: "AAH/" }, "\u0000\u0001\ufffd"],
    [{}, ""],
  ])("%j is %j", (event, expected) => {
    expect(new TextDecoder().decode(toStreamBytes(JSON.stringify(event)))).toBe(expected);
  });

  it("can be cut in the middle", () => {
    expect(JSON.parse(withFirstBytes('{"id":"1","data":"hello"}', 3))).toEqual({
      id: "1",
      data_base64: "aGVs",
    });
  });
});

describe("base64", () => {
  it("is undone whatever the bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 20_000 }), (bytes) => {
        expect(fromBase64(toBase64(bytes))).toEqual(bytes);
      }),
    );
  });
});

describe("Stream-Cursor", () => {
  const nowMs = Date.UTC(2026, 0, 1);
  const current = nextCollapseCursor(null, nowMs, 0);

  it("is the number of the interval, the same for everyone in it", () => {
    expect(Number(current)).toBe((nowMs - Date.UTC(2024, 9, 9)) / 20_000);
    expect(nextCollapseCursor(null, nowMs + 19_999, 0.9)).toBe(current);
    expect(Number(nextCollapseCursor(null, nowMs + 20_000, 0))).toBe(Number(current) + 1);
  });

  it("never is what the client had, and never less", () => {
    fc.assert(
      fc.property(
        fc.nat(1_000_000_000),
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        (given, random) => {
          expect(Number(nextCollapseCursor(String(given), nowMs, random))).toBeGreaterThan(given);
        },
      ),
    );
  });

  it.each(["", "x", "-1", "1e9", "9".repeat(40), "1.5"])("takes %j for nothing", (given) => {
    expect(nextCollapseCursor(given, nowMs, 0)).toBe(current);
  });
});

describe("live events", () => {
  const info = (kind: StreamKind, contentType: string): StreamInfo => ({
    kind,
    contentType,
    tail: "t",
    isClosed: false,
    ttlSeconds: undefined,
    expiresAtMs: undefined,
  });
  const toControl = (offset: string) => ({ offset, collapseCursor: "7", isUpToDate: true, isClosed: false });
  const record = (json: object, cursor = "c1") =>
    ({ kind: "event", cursor, type: "stream.append", json: JSON.stringify(json) }) as const;
  const control =
    'id: c1\nevent: control\ndata:{"streamNextOffset":"c1","streamCursor":"7","upToDate":true}\n\n';

  it.each([
    ["json", "application/json", { data: { a: "x\ny" } }, 'data:[{"a":"x\\ny"}]\n'],
    [
      "bytes",
      "text/plain",
      { data_base64: toBase64(UTF8.encode("a\r\nb\rc\n d")) },
      "data:a\ndata:b\ndata:c\ndata:  d\n",
    ],
    ["bytes", "image/png", { data_base64: "AAEC" }, "data:AAEC\n"],
  ] as const)(
    "of %s, %s: each is data and where it ends, with that as the id of both",
    (kind, type, json, data) => {
      const text = encodeRecordEvents(info(kind, type), [record(json)], toControl);
      expect(text).toBe(`id: c1\nevent: data\n${data}\n${control}`);
    },
  );

  it("are one for all that came at once, and none for what is not stored", () => {
    const records = [
      record({ data: 1 }, "c0"),
      { kind: "ephemeral", type: "x", json: "{}" } as const,
      record({ data: 2 }),
    ];
    expect(encodeRecordEvents(info("json", "application/json"), records, toControl)).toContain(
      "data:[1,2]\n",
    );
    expect(encodeRecordEvents(info("json", "application/json"), records.slice(1, 2), toControl)).toBe("");
  });
});

describe("a live body", () => {
  /** A source that gives what it is told to, and notes that it was let go of. */
  function open(chunks: readonly string[], more: { endsInMs?: number; fails?: boolean } = {}) {
    const released = Promise.withResolvers<void>();
    const faults: unknown[] = [];
    async function* produce() {
      yield* chunks;
      if (more.fails === true) throw new Error("fault");
      await released.promise;
    }
    const body = new LiveBody({
      chunks: produce(),
      heartbeat: ": h\n\n",
      heartbeatMs: 5,
      endsInMs: more.endsInMs ?? 60_000,
      release: () => released.resolve(),
      onFault: (fault) => faults.push(fault),
    });
    return { body, faults, released: released.promise };
  }

  it("gives what comes, then signs of life, until its time is over", async () => {
    const { body } = open(["a", "", "b"], { endsInMs: 50 });
    expect(await new Response(body.stream).text()).toMatch(/^ab(: h\n\n)+$/);
  });

  it("lets go of its source when the client leaves", async () => {
    const { body, released } = open(["a"]);
    const reader = body.stream.getReader();
    await reader.read();
    await reader.cancel();
    await released;
  });

  it("ends in order where the source fails, and tells us", async () => {
    const { body, faults, released } = open(["a"], { fails: true });
    expect(await new Response(body.stream).text()).toBe("a");
    expect(faults).toHaveLength(1);
    await released;
  });

  it("gives up a reader that takes nothing", async () => {
    const { body, released } = open(["a", "b", "c"]);
    await released;
    await expect(new Response(body.stream).text()).rejects.toThrow();
  });
});
