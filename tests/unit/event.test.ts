import { CloudEvent } from "cloudevents";
import { describe, expect, it } from "vitest";
import type { ChannelName } from "../../core/channel-name.ts";
import { encodeEvent, parseCloudEvent, parsePlainEvent, withSequence } from "../../core/event.ts";

const defaults = { source: "/anonymous", nowMs: Date.UTC(2026, 10, 21) };
const channel = "demo/a" as ChannelName;

describe("an event", () => {
  it("takes what CloudEvents' own SDK makes, and gives it back as the SDK reads it", () => {
    const made = new CloudEvent({
      type: "com.example.made",
      source: "/sdk",
      data: { n: 1 },
      myext: "kept",
      count: 7,
    });
    const event = parseCloudEvent(JSON.parse(JSON.stringify(made)), defaults);
    const read = new CloudEvent(JSON.parse(withSequence(encodeEvent(event, channel), "s-1")));
    expect(read.validate()).toBe(true);
    expect(read).toMatchObject({ id: made.id, source: "/sdk", type: made.type, time: made.time });
    expect(read).toMatchObject({
      myext: "kept",
      count: 7,
      sequence: "s-1",
      subject: channel,
      data: { n: 1 },
    });
  });

  it.each<[string, object, string]>([
    ["nothing more", {}, ""],
    [
      "data",
      { data: { b: [1, "x"], a: null } },
      '"datacontenttype":"application/json","data":{"b":[1,"x"],"a":null}',
    ],
    ["data that are null", { data: null }, '"datacontenttype":"application/json","data":null'],
    [
      "data of a type",
      { data: "<a/>", datacontenttype: "text/xml" },
      '"datacontenttype":"text/xml","data":"<a/>"',
    ],
    ["bytes", { data_base64: "AAE=" }, '"data_base64":"AAE="'],
    [
      "a schema",
      { dataschema: "/s", data: 1 },
      '"datacontenttype":"application/json","dataschema":"/s","data":1',
    ],
    ["absent ones as null", { data_base64: null, dataschema: null, datacontenttype: null, ext: null }, ""],
    ["extensions", { zz: 1, aa: "b", ok: true, sequence: "x" }, '"zz":1,"aa":"b","ok":true'],
    [
      "a subject and data",
      { subject: "s", data: 0 },
      '"datacontenttype":"application/json","data":0,"publishersubject":"s"',
    ],
  ])("is written with %s, in one order", (_name, more, expected) => {
    const event = parsePlainEvent({ ...more, id: "i", type: "t", source: "/a" }, defaults);
    const head =
      '"specversion":"1.0","id":"i","source":"/a","type":"t","time":"2026-11-21T00:00:00.000Z","subject":"demo/a"';
    expect(encodeEvent(event, channel)).toBe(`{${expected === "" ? head : `${head},${expected}`}}`);
  });

  it("gets the time of its own publish, whichever came before", () => {
    const timeAt = (nowMs: number) => parsePlainEvent({ type: "t" }, { source: "/a", nowMs }).time;
    const times = [0, 0, 1, 0].map(timeAt);
    expect(times).toEqual([0, 0, 1, 0].map((nowMs) => new Date(nowMs).toISOString()));
  });

  it("gets an id, a source and a time where the plain form has none", () => {
    const event = parsePlainEvent({ type: "t" }, defaults);
    expect(event).toMatchObject({ source: "/anonymous", time: "2026-11-21T00:00:00.000Z", hasOwnId: false });
    expect(event.id).toMatch(/^evt_/);
  });

  it("keeps a subject of the publisher's own beside the channel", () => {
    const event = parsePlainEvent({ type: "t", subject: "mine" }, defaults);
    expect(JSON.parse(encodeEvent(event, channel))).toMatchObject({
      subject: channel,
      publishersubject: "mine",
    });
  });

  it("drops a sequence that came along, since the log gives it", () => {
    const event = parsePlainEvent({ type: "t", sequence: "forged" }, defaults);
    expect(JSON.parse(encodeEvent(event, channel))).not.toHaveProperty("sequence");
  });

  it("takes null data, and tells it from none", () => {
    expect(parsePlainEvent({ type: "t", data: null }, defaults)).toHaveProperty("data", null);
    expect(parsePlainEvent({ type: "t" }, defaults)).not.toHaveProperty("data");
  });

  it.each([
    ["a list", []],
    ["a text", "x"],
    ["null", null],
    ["no type", {}],
    ["an empty type", { type: "" }],
    ["a type that is no text", { type: 7 }],
    ["a line feed in its type", { type: "a\nid: 1" }],
    ["a type of the log's own", { type: "everywire.gap" }],
    ["both kinds of data", { type: "t", data: 1, data_base64: "AA==" }],
    ["data_base64 that is none", { type: "t", data_base64: "a-_b" }],
    ["a time that is none", { type: "t", time: "yesterday" }],
    ["a date that does not exist", { type: "t", time: "2026-13-45T00:00:00Z" }],
    ["an upper-case extension", { type: "t", traceParent: "x" }],
    ["an object as extension", { type: "t", ext: {} }],
    ["a fraction as extension", { type: "t", ext: 1.5 }],
    ["another specversion", { specversion: "0.3", id: "1", source: "/s", type: "t" }],
    ["a CloudEvent without id", { specversion: "1.0", source: "/s", type: "t" }],
    ["a CloudEvent without source", { specversion: "1.0", id: "1", type: "t" }],
    ["an id that is too long", { type: "t", id: "x".repeat(1025) }],
    [
      "33 extensions",
      { type: "t", ...Object.fromEntries(Array.from({ length: 33 }, (_, n) => [`e${n}`, n])) },
    ],
  ])("is not %s", (_name, value) => {
    expect(() => parsePlainEvent(value, defaults)).toThrowError(
      expect.objectContaining({ code: "invalid_argument" }),
    );
  });

  it("does not let __proto__ through as an attribute", () => {
    const value = JSON.parse('{"type":"t","__proto__":{"polluted":true}}');
    expect(() => parsePlainEvent(value, defaults)).toThrowError(/no attribute name/);
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  });
});
