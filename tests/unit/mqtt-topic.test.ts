import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { matchesGlob, parseChannelGlob, parseChannelName } from "../../core/channel-name.ts";
import {
  assertTopicName,
  matchesTopicFilter,
  parseTopicFilter,
  toChannelGlob,
  toChannelName,
  toTopicName,
} from "../../core/mqtt-topic.ts";

/** Levels that are awkward: empty, spaces, any UTF-8, what looks like an escape, what a channel has no room for. */
const level = fc.oneof(
  fc.constantFrom(
    "",
    " ",
    ".",
    "..",
    "~~",
    "~~a",
    "~~@x",
    "~20",
    "%2f",
    "$SYS",
    "a",
    "ü",
    "名",
    "\ud83d\ude00",
    "\u0001",
  ),
  fc.string({ unit: "binary", maxLength: 20 }).map((text) => text.replace(/[+#/\0\ud800-\udfff]/g, "_")),
  fc.string({ minLength: 60, maxLength: 80 }).map((text) => text.replace(/[+#/\0]/g, "_")),
);
const topic = fc
  .array(level, { minLength: 1, maxLength: 12 })
  .map((levels) => levels.join("/"))
  .filter((text) => text !== "" && !/^\$(SYS|share)(\/|$)/.test(text));

describe("topics as channels", () => {
  it.each([
    ["rooms/lobby", "rooms/lobby"],
    ["a:b/c@d/~e", "a:b/c@d/~e"],
    ["/TopicA", "~~/TopicA"],
    ["a//b", "a/~~/b"],
    ["a/", "a/~~"],
    ["my topic", "~~my~20topic"],
    ["ü", "~~~c3~bc"],
    ["..", "~~.."],
    ["~~x", "~~~7e~7ex"],
    ["1/2/3/4/5/6/7/8", "1/2/3/4/5/6/7/8"],
    ["1/2/3/4/5/6/7/8/9", "1/2/3/4/5/6/7/~~8~2f9"],
  ])("writes %j as %j, and reads it back", async (text, channel) => {
    expect(await toChannelName(text)).toBe(channel);
    expect(toTopicName(channel)).toBe(text);
  });

  it("gives a channel's name to every topic, and the topic back unless only a hash of it fits", async () => {
    await fc.assert(
      fc.asyncProperty(topic, async (text) => {
        assertTopicName(text);
        const channel = parseChannelName(await toChannelName(text));
        const back = toTopicName(channel);
        if (back === undefined) expect(channel).toMatch(/~~@[A-Za-z0-9_-]{43}/);
        else expect(back).toBe(text);
      }),
      { numRuns: 2000 },
    );
  });

  it("gives two topics two channels", async () => {
    await fc.assert(
      fc.asyncProperty(topic, topic, async (one, other) => {
        fc.pre(one !== other);
        expect(await toChannelName(one)).not.toBe(await toChannelName(other));
      }),
      { numRuns: 2000 },
    );
  });

  it("leaves every channel of another wire visible under some topic", () => {
    for (const name of ["~~zz", "a/~~~ff", "~~~GG/x"]) expect(toTopicName(name)).toBe(name);
  });

  it.each(["", "a\0b", "a/+", "#", "a#", "x".repeat(65_536)])("refuses the topic %j", (text) => {
    expect(() => assertTopicName(text)).toThrow(expect.objectContaining({ code: "invalid_argument" }));
  });

  it.each(["$SYS/x", "$SYS", "$share/a/b"])("keeps %j for the server", (text) => {
    expect(() => assertTopicName(text)).toThrow(expect.objectContaining({ code: "permission_denied" }));
  });
});

describe("filters", () => {
  it.each(["a+", "a/#/b", "+a", "a/b#", "", "$share/g", "$share//a", "$share/+/a", "$share/g/"])(
    "refuses %j",
    (text) => {
      expect(() => parseTopicFilter(text)).toThrow(expect.objectContaining({ code: "invalid_argument" }));
    },
  );

  it("reads the group of a shared subscription", () => {
    expect(parseTopicFilter("$share/g/a/+")).toMatchObject({ share: "g", filter: "a/+", hasWildcard: true });
    expect(parseTopicFilter("$share/g//a")).toMatchObject({ share: "g", filter: "/a", hasWildcard: false });
  });

  // The examples of MQTT 5 §4.7.1 and §4.7.2.
  it.each([
    ["sport/tennis/player1/#", "sport/tennis/player1", true],
    ["sport/tennis/player1/#", "sport/tennis/player1/score/wimbledon", true],
    ["sport/#", "sport", true],
    ["#", "a/b", true],
    ["sport/tennis/+", "sport/tennis/player1", true],
    ["sport/tennis/+", "sport/tennis/player1/ranking", false],
    ["sport/+", "sport", false],
    ["sport/+", "sport/", true],
    ["+/+", "/finance", true],
    ["/+", "/finance", true],
    ["+", "/finance", false],
    ["#", "$SYS/x", false],
    ["+/monitor/Clients", "$SYS/monitor/Clients", false],
    ["$SYS/#", "$SYS/x", true],
  ])("%j matches %j: %j", (filter, text, matches) => {
    expect(matchesTopicFilter(text, filter)).toBe(matches);
  });

  it("has a glob that matches the channel of every topic that it matches", async () => {
    const wild = fc.oneof(
      { weight: 2, arbitrary: fc.constant("+") },
      { weight: 3, arbitrary: fc.constant("=") },
    );
    await fc.assert(
      fc.asyncProperty(topic, fc.array(wild, { maxLength: 12 }), fc.nat(13), async (text, wilds, end) => {
        const levels = text.split("/");
        const parts = levels.map((part, index) => (wilds[index] === "+" ? "+" : part));
        const filter = (end < levels.length ? [...parts.slice(0, end), "#"] : parts).join("/");
        fc.pre(matchesTopicFilter(text, filter));
        const glob = parseChannelGlob(await toChannelGlob(filter));
        expect(matchesGlob(await toChannelName(text), glob)).toBe(true);
      }),
      { numRuns: 2000 },
    );
  });
});
