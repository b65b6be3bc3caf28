import { describe, expect, it } from "vitest";
import { EverywireError } from "../../clients/typescript/error.ts";
import { Inbox } from "../../clients/typescript/inbox.ts";
import { ERROR_CODES as CLIENT_CODES } from "../../clients/typescript/index.ts";
import { Ladder } from "../../clients/typescript/ladder.ts";
import { LineCutter } from "../../clients/typescript/line-cutter.ts";
import type { Ended } from "../../clients/typescript/outcome.ts";
import { decideOutcome } from "../../clients/typescript/outcome.ts";
import { isBehind } from "../../clients/typescript/position.ts";
import type { Transport, TransportName } from "../../clients/typescript/transport.ts";
import type { Line, MessageFormat } from "../../clients/typescript/webtransport/format.ts";
import { jsonFormat } from "../../clients/typescript/webtransport/json-format.ts";
import { LengthCutter, withLength } from "../../clients/typescript/webtransport/length-cutter.ts";
import { msgpackFormat } from "../../clients/typescript/webtransport/msgpack-format.ts";
import { protobufFormat } from "../../clients/typescript/webtransport/protobuf-format.ts";
import { ERROR_CODES } from "../../core/error.ts";
import { jsonFormat as gatewayJson } from "../../gateway/webtransport/json-format.ts";
import type { MessageFormat as GatewayFormat } from "../../gateway/webtransport/message-format.ts";
import { msgpackFormat as gatewayMsgpack } from "../../gateway/webtransport/msgpack-format.ts";
import { protobufFormat as gatewayProtobuf } from "../../gateway/webtransport/protobuf-format.ts";

describe("the client's errors", () => {
  it("have the server's codes, all of them and no others", () => {
    expect([...CLIENT_CODES].sort()).toEqual([...ERROR_CODES].sort());
  });
});

describe("what is done when a connection has ended", () => {
  const lost: Ended = {
    error: new EverywireError("unavailable", ""),
    isWithheld: false,
    wasOpen: true,
    shortLives: 0,
    silences: 0,
    refusedTokens: 0,
    goneInRow: 0,
  };
  const told = (code: EverywireError["code"]) => new EverywireError(code, "", { isTold: true });

  it.each([
    ["was cut after it had worked", {}, "retry"],
    ["never opened", { wasOpen: false }, "probe"],
    ["was cut soon, for the third time", { shortLives: 3 }, "probe"],
    ["fell silent once", { silences: 1 }, "retry"],
    ["fell silent twice", { silences: 2 }, "probe"],
    ["was answered later than a probe", { wasOpen: false, isWithheld: true }, "step-down"],
    ["is not allowed", { error: told("permission_denied") }, "fail"],
    [
      "is refused by something on the way, which looks like us",
      { error: new EverywireError("permission_denied", "") },
      "retry",
    ],
    ["has a token that ended", { error: told("unauthenticated"), refusedTokens: 1 }, "renew"],
    ["has a new token that is no good either", { error: told("unauthenticated"), refusedTokens: 2 }, "fail"],
    ["has too much to do", { error: told("rate_limited") }, "retry"],
    ["has no such door", { error: told("not_found"), wasOpen: false }, "probe"],
    ["is of a channel that was deleted", { error: told("gone"), goneInRow: 1 }, "retry"],
    ["is of a channel that was closed", { error: told("gone"), goneInRow: 2 }, "finish"],
  ] as const)("one that %s", (_, ended, outcome) => {
    expect(decideOutcome({ ...lost, ...ended })).toBe(outcome);
  });
});

describe("the ladder", () => {
  const wire = (name: TransportName) => ({ name }) as Transport;
  const transports = [wire("websocket"), wire("sse"), wire("long-poll")];
  const create = (storage?: Map<string, string>) =>
    new Ladder({
      transports,
      blockMs: 1000,
      storageKey: "here",
      storage: storage && {
        getItem: (key) => storage.get(key) ?? null,
        setItem: (key, value) => storage.set(key, value),
      },
    });

  it("takes the best that is not known to fail, and the last where all are", () => {
    const ladder = create();
    expect(ladder.choose(0).name).toBe("websocket");
    ladder.onBlocked("websocket", 0);
    expect(ladder.choose(0).name).toBe("sse");
    for (const { name } of transports) ladder.onBlocked(name, 0);
    expect(ladder.choose(0).name).toBe("long-poll");
  });

  it("tries a better one again later, each time later, and at once when it has proven itself", () => {
    const ladder = create();
    ladder.onBlocked("websocket", 0);
    expect(ladder.better("sse", 0)).toBeUndefined();
    const first = ladder.untilBetterMs("sse", 0) ?? 0;
    expect(first).toBeGreaterThanOrEqual(750);
    expect(first).toBeLessThanOrEqual(1250);
    expect(ladder.better("sse", first + 1)?.name).toBe("websocket");
    ladder.onBlocked("websocket", 0);
    expect(ladder.untilBetterMs("sse", 0)).toBeGreaterThanOrEqual(1500);
    ladder.onProven("websocket");
    expect(ladder.choose(0).name).toBe("websocket");
    expect(ladder.untilBetterMs("websocket", 0)).toBeUndefined();
  });

  it("remembers in what it is given, and begins anew where that holds nonsense", () => {
    const storage = new Map<string, string>();
    create(storage).onBlocked("websocket", 0);
    expect(create(storage).choose(0).name).toBe("sse");
    for (const nonsense of ["{", "[1]", '{"websocket":1}', '[["websocket",{}]]', '[["websocket",null]]']) {
      storage.set("here", nonsense);
      expect(create(storage).choose(0).name).toBe("websocket");
    }
  });
});

describe("a position", () => {
  it("is behind another as the log has them, and behind every word", () => {
    const earlier = "0mwq73v9h22b-0000000001";
    const later = "0mwq73v9h22b-00000000a0";
    expect(isBehind(later, earlier)).toBe(true);
    expect(isBehind(earlier, earlier)).toBe(false);
    expect(isBehind(earlier, "earliest")).toBe(true);
    expect(isBehind("0mwr00000000-0000000001", later)).toBe(true);
  });
});

describe("the inbox", () => {
  it("keeps order between what waits and who waits, and ends when everything was taken", async () => {
    const inbox = new Inbox<number>();
    const waiting = [inbox.next(), inbox.next()];
    for (let n = 0; n < 3000; n += 1) inbox.push(n);
    expect(await Promise.all(waiting)).toEqual([
      { done: false, value: 0 },
      { done: false, value: 1 },
    ]);
    inbox.end(new EverywireError("gone", ""));
    for (let n = 2; n < 3000; n += 1) expect((await inbox.next()).value).toBe(n);
    await expect(inbox.next()).rejects.toMatchObject({ code: "gone" });
  });
});

describe("cutting a stream", () => {
  it("gives the same lines wherever its chunks end, also within a character", () => {
    const bytes = new TextEncoder().encode('{"a":"ä€"}\r\n\n{"b":1}\n');
    for (let step = 1; step <= bytes.length; step += 1) {
      const cutter = new LineCutter();
      const lines: string[] = [];
      for (let start = 0; start < bytes.length; start += step) {
        lines.push(...cutter.push(bytes.subarray(start, start + step)));
      }
      expect(lines).toEqual(['{"a":"ä€"}', "", '{"b":1}']);
    }
  });

  it("gives the same messages wherever its chunks end", () => {
    const messages = [new Uint8Array(0), new Uint8Array([1, 2, 3]), new Uint8Array(70_000).fill(7)];
    const bytes = Buffer.concat(messages.map(withLength));
    for (const step of [1, 2, 3, 5, 4096, bytes.length]) {
      const lengths: number[] = [];
      const cutter = new LengthCutter((message) => ({ length: lengths.push(message.byteLength) }));
      for (let start = 0; start < bytes.length; start += step) {
        for (const _ of cutter.push(bytes.subarray(start, start + step)));
      }
      expect(lengths).toEqual([0, 3, 70_000]);
    }
  });
});

describe("messages between the client and the gateway", () => {
  const formats: readonly (readonly [string, MessageFormat, GatewayFormat])[] = [
    ["JSON", jsonFormat, gatewayJson],
    ["MessagePack", msgpackFormat, gatewayMsgpack],
    ["Protobuf", protobufFormat, gatewayProtobuf],
  ];
  const asked: readonly Line[] = [
    { op: "hello", ref: "1", token: "t" },
    { op: "subscribe", ref: "2", channel: "demo/a", after: "earliest" },
    { op: "unsubscribe", ref: "3", channel: "demo/a" },
    { op: "publish", ref: "4", channel: "demo/a", type: "t", id: "i", data: { a: [1, null, "ä"] }, extra: 7 },
    { op: "publish", ref: "5", channel: "demo/a", type: "t", data_base64: "AAEC/w==" },
    { op: "ping", ref: "6" },
  ];
  const event = { specversion: "1.0", id: "i", source: "/a", type: "t", time: "2026-11-21T00:00:00Z" };
  const answered: readonly Line[] = [
    { op: "ack", ref: "4", id: "i", sequence: "s", duplicate: true },
    { op: "subscribed", ref: "2", channel: "demo/a", after: "s" },
    { op: "error", ref: "9", code: "rate_limited", message: "no", channel: "", retryAfterMs: 7 },
    {
      ...event,
      subject: "demo/a",
      sequence: "s",
      datacontenttype: "application/json",
      data: { n: 1.5 },
      x: true,
    },
    { ...event, subject: "demo/a", sequence: "s", datacontenttype: "image/png", data_base64: "AAEC/w==" },
  ];

  it.each(formats)("mean the same on both ends, in %s", (_, client, gateway) => {
    const splitter = gateway.createSplitter(100_000);
    for (const line of asked) {
      expect([...splitter.push(client.encode(line))]).toEqual([{ line, fault: undefined }]);
      expect(gateway.decodeDatagram(client.encodeDatagram(line)).line).toEqual(line);
    }
    const cutter = client.createCutter();
    for (const line of answered) expect([...cutter.push(gateway.encode(line))]).toEqual([line]);
  });
});
