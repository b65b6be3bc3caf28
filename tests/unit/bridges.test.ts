import { appendFileSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { matchesGlob, parseChannelGlob } from "../../core/channel-name.ts";
import { toChannel, toRoutingKey } from "../../gateway/amqp/routing-key.ts";
import { CursorFile } from "../../gateway/mirror/cursor-file.ts";
import { Glob } from "../../gateway/mirror/glob.ts";
import { PacketIds } from "../../gateway/mqtt-bridge/packet-ids.ts";
import { fitAnswer } from "../../gateway/udp/answer.ts";
import { Proofs } from "../../gateway/udp/proof.ts";
import { SourceRate } from "../../gateway/udp/source-rate.ts";

const segment = fc.stringMatching(/^[A-Za-z0-9._~:@-]{1,64}$/);
const channelName = fc.array(segment, { minLength: 1, maxLength: 8 }).map((segments) => segments.join("/"));

describe("a routing key", () => {
  it("is a channel's name, and back, without loss", () => {
    fc.assert(
      fc.property(channelName, (channel) => {
        const key = toRoutingKey(channel);
        expect(key.length).toBeLessThanOrEqual(255);
        expect(toChannel(key)).toBe(key.endsWith(".%") ? undefined : channel);
      }),
    );
    expect(toRoutingKey("a/v1.2/b")).toBe("a.v1%2E2.b");
  });

  it.each(["", ".", "a..b", "a b", "%", "a.%", "a.%2F", "a.%2e", "ä"])("is no channel: %j", (key) => {
    expect(toChannel(key)).toBeUndefined();
  });
});

describe("a pattern of channels", () => {
  it("matches what the Worker's patterns match", () => {
    const short = fc.array(fc.constantFrom("a", "b"), { minLength: 1, maxLength: 5 });
    const pattern = fc.array(fc.constantFrom("a", "b", "*", "**"), { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(short, pattern, (name, glob) => {
        const [channel, text] = [name.join("/"), glob.join("/")];
        const own = new Glob(text);
        expect(own.matches(channel)).toBe(matchesGlob(channel, parseChannelGlob(text)));
        if (own.matches(channel)) expect(channel.startsWith(own.prefix)).toBe(true);
      }),
    );
  });
});

describe("a file of cursors", () => {
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "everywire-cursors-"));
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));

  it("knows the last step of each channel, also when it was cut in the middle of one", () => {
    const path = join(directory, "cursors");
    const first = new CursorFile(path);
    first.set(
      new Map([
        ["a", "1"],
        ["b", "1"],
      ]),
    );
    first.set(new Map([["a", "2"]]));
    // Not closed, as after a crash.
    appendFileSync(path, "b 2");
    const second = new CursorFile(path);
    expect([second.get("a"), second.get("b"), second.get("c")]).toEqual(["2", "1", undefined]);
    expect(readFileSync(path, "utf8")).toBe("a 2 .\nb 1 .\n");
    second.close();
    second.set(new Map([["a", "3"]]));
    expect(new CursorFile(path).get("a")).toBe("2");
  });

  it("does not grow for ever", () => {
    const path = join(directory, "cursors");
    const file = new CursorFile(path);
    for (let n = 0; n < 25_000; n += 1) file.set(new Map([["a", String(n)]]));
    expect(readFileSync(path, "utf8").split("\n").length).toBeLessThan(10_010);
    expect(new CursorFile(path).get("a")).toBe("24999");
  });
});

describe("the number of an MQTT packet", () => {
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "everywire-packets-"));
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));

  it("names the same event only where the broker says that it repeats, also after a crash", () => {
    const path = join(directory, "packets");
    const message = { topic: "t", payload: Buffer.from("on"), messageId: 1, isRepeated: false };
    const repeated = { ...message, isRepeated: true };
    const ids = new PacketIds(path);
    const first = ids.toId(message);
    // The number is free again, and the next message says the same: it is another one.
    const second = ids.toId(message);
    expect(second).not.toBe(first);
    expect(ids.toId(repeated)).toBe(second);
    // Not closed, as after a crash.
    const restarted = new PacketIds(path);
    expect(restarted.toId(repeated)).toBe(second);
    // What was first sent under the number never came.
    const other = { ...repeated, payload: Buffer.from("off") };
    const third = restarted.toId(other);
    expect(third).not.toBe(second);
    expect(restarted.toId(other)).toBe(third);
    restarted.forget();
    expect(restarted.toId(other)).not.toBe(third);
    expect(new Set([1, 2].map(() => ids.toId({ ...message, messageId: undefined }))).size).toBe(2);
  });
});

describe("over UDP", () => {
  it("an answer fits into what it may have, or is none", () => {
    const answer = { op: "ack", ref: "r", id: "i".repeat(40), sequence: "s".repeat(24), duplicate: true };
    for (let size = 0; size < 200; size += 1) {
      const bytes = fitAnswer(answer, size);
      if (bytes === undefined) continue;
      expect(bytes.length).toBeLessThanOrEqual(size);
      expect(JSON.parse(Buffer.from(bytes).toString())).toMatchObject({ op: "ack" });
    }
    const whole = fitAnswer(answer, 1000) ?? new Uint8Array();
    expect(JSON.parse(Buffer.from(whole).toString())).toEqual(answer);
    expect(Buffer.from(fitAnswer(answer, whole.length - 1) ?? []).toString()).not.toContain("iii");
  });

  it("a proof is good for its own address, and for one to two minutes", () => {
    let nowMs = 600_000;
    const proofs = new Proofs(() => nowMs);
    const proof = proofs.issue("127.0.0.1 1");
    expect(proofs.isGood("127.0.0.1 1", proof)).toBe(true);
    expect(proofs.isGood("127.0.0.1 2", proof)).toBe(false);
    expect(new Proofs(() => nowMs).isGood("127.0.0.1 1", proof)).toBe(false);
    for (const other of ["", "AAAAAAAA", `${proof}A`, undefined, 7, {}]) {
      expect(proofs.isGood("127.0.0.1 1", other)).toBe(false);
    }
    nowMs += 60_000;
    expect(proofs.isGood("127.0.0.1 1", proof)).toBe(true);
    nowMs += 60_000;
    expect(proofs.isGood("127.0.0.1 1", proof)).toBe(false);
  });

  it("a source has so many a second, and no more memory than that takes", () => {
    const rate = new SourceRate(10);
    const taken = Array.from({ length: 30 }, () => rate.take("a", 0)).filter(Boolean).length;
    expect(taken).toBe(10);
    expect(rate.take("b", 0)).toBe(true);
    expect(rate.take("a", 100)).toBe(true);
    expect(rate.take("a", 100)).toBe(false);
    for (let n = 0; n < 5000; n += 1) rate.take(`flood ${n}`, 100);
    // Forgotten, and so full again.
    expect(rate.take("a", 100)).toBe(true);
  });
});
