import fc from "fast-check";
import { expect, it } from "vitest";
import type { RelayItem } from "../../wire/relay-text.ts";
import {
  decodeRelayNews,
  encodeRelayItem,
  encodeRelayNews,
  parseRelayName,
  toRelayName,
} from "../../wire/relay-text.ts";

/** What JSON of an event may be: any text without control characters. */
const json = fc.json();
const type = fc.stringMatching(/^[a-z.]{1,20}$/);
const cursor = fc.stringMatching(/^[0-9a-z]{12}-[0-9a-z]{10}$/);
const item: fc.Arbitrary<RelayItem> = fc.oneof(
  fc.record({ kind: fc.constant("event" as const), sequence: cursor, type, json }),
  fc.record({
    kind: fc.constant("ephemeral" as const),
    type,
    json,
    except: fc.option(fc.nat(), { nil: undefined }),
  }),
  fc.record({ kind: fc.constant("end" as const), at: cursor }),
  fc.constant({ kind: "close" as const }),
);

it("carries to a relay what happened, in order", () => {
  const place = fc.record({ life: fc.nat(), at: cursor, isClosed: fc.boolean() });
  fc.assert(
    fc.property(place, fc.array(item), fc.boolean(), (before, items, asksMembers) => {
      const text = encodeRelayNews(before, items.map(encodeRelayItem), asksMembers);
      expect(decodeRelayNews(text)).toEqual({ before, items, asksMembers });
    }),
  );
});

it("names a relay by its channel and its number", () => {
  expect(parseRelayName(toRelayName("rooms/a:b@c", 12))).toEqual({ channel: "rooms/a:b@c", relay: 12 });
});

it("refuses what is no such text", () => {
  expect(() => decodeRelayNews("0 x 0 0\u0001?\u0001\u0001")).toThrow();
});
