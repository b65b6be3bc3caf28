import { describe, expect, it } from "vitest";
import type { ChannelName } from "../../core/channel-name.ts";
import type { After } from "../../core/cursor.ts";
import { EARLIEST, formatCursor, LATEST } from "../../core/cursor.ts";
import type { CreateStreamRequest } from "../../core/stream.ts";
import type { LogState } from "../../durable-objects/channel-state.ts";
import type { StreamState } from "../../durable-objects/channel-stream-state.ts";
import {
  endsAtMs,
  isSameStream,
  PLAIN,
  resolveFork,
  toNewStream,
  toOwnCursor,
  toStreamInfo,
} from "../../durable-objects/channel-stream-state.ts";

const EPOCH = "0mi9x2k4qz7f";
const SOURCE_EPOCH = "0mi9x2k4aaaa";
const log: LogState = { epoch: EPOCH, endedLives: 0, head: 9, first: 4 };
const cursor = (number: number, epoch = EPOCH) => formatCursor(epoch, number) as After;
const request = (more: Partial<CreateStreamRequest> = {}): CreateStreamRequest => ({
  source: "/test",
  rateKey: undefined,
  contentType: undefined,
  ttlSeconds: undefined,
  expiresAtMs: undefined,
  isClosed: false,
  fork: undefined,
  body: new Uint8Array(),
  ...more,
});
const stream = (more: Partial<StreamState> = {}): StreamState => ({
  ...PLAIN,
  contentType: "text/plain",
  ...more,
});
const origin = { source: "a", number: 5, subOffset: 2, aliases: [{ epoch: SOURCE_EPOCH, number: 5 }] };
const fork = (offset: After | undefined, subOffset = 2) => ({
  source: "a" as ChannelName,
  offset,
  subOffset,
});

describe("what a stream is", () => {
  it.each([
    [undefined, "events", "application/json"],
    ["application/json; charset=utf-8", "json", "application/json; charset=utf-8"],
    ["Application/JSON", "json", "Application/JSON"],
    ["application/problem+json", "bytes", "application/problem+json"],
    ["text/plain", "bytes", "text/plain"],
  ])("stored as %j is of %s, and says %j", (contentType, kind, told) => {
    expect(toStreamInfo({ ...PLAIN, contentType }, log)).toMatchObject({
      kind,
      contentType: told,
      tail: cursor(9),
    });
  });

  it.each([
    [undefined, "application/octet-stream"],
    ["application/cloudevents+json", undefined],
    ["application/cloudevents-batch+json; charset=utf-8", undefined],
    ["text/plain", "text/plain"],
  ])("created as %j is stored as %j", (contentType, stored) => {
    expect(toNewStream(request({ contentType }), undefined, 0).contentType).toBe(stored);
  });

  it("has from its source what it is not told as a fork", () => {
    const source = stream({ contentType: "text/html", ttlSeconds: 60, isClosed: true, writerSequence: "9" });
    const made = toNewStream(request(), { source, fork: origin }, 1000);
    expect(made).toEqual({
      ...PLAIN,
      contentType: "text/html",
      ttlSeconds: 60,
      touchedMs: 1000,
      fork: origin,
    });
    const told = toNewStream(request({ expiresAtMs: 5000 }), { source, fork: origin }, 1000);
    expect(told).toMatchObject({ ttlSeconds: undefined, expiresAtMs: 5000 });
  });
});

describe("when a stream ends", () => {
  it.each([
    [{}, undefined],
    [{ expiresAtMs: 5000 }, 5000],
    [{ ttlSeconds: 0, touchedMs: 1000 }, 1000],
    [{ ttlSeconds: 60, touchedMs: 1000 }, 61_000],
  ])("%j: %j", (more, expected) => {
    expect(endsAtMs(stream(more))).toBe(expected);
  });
});

describe("creating what is there", () => {
  it.each<[string, StreamState, Partial<CreateStreamRequest>, boolean]>([
    ["nothing asked", stream(), {}, true],
    ["the type in other letters", stream(), { contentType: "Text/Plain; charset=utf-8" }, true],
    ["another type", stream(), { contentType: "text/html" }, false],
    ["JSON, where there are events", PLAIN, { contentType: "application/json" }, true],
    ["events, where there are events", PLAIN, { contentType: "application/cloudevents+json" }, true],
    [
      "events, where there is JSON",
      stream({ contentType: "application/json" }),
      { contentType: "application/cloudevents+json" },
      false,
    ],
    ["a lifetime, where there is none", stream(), { ttlSeconds: 60 }, false],
    ["none, where there is one", stream({ ttlSeconds: 60 }), {}, false],
    ["the same lifetime", stream({ ttlSeconds: 60 }), { ttlSeconds: 60 }, true],
    ["closed, where it is open", stream(), { isClosed: true }, false],
    ["open, where it is closed", stream({ isClosed: true }), {}, false],
    ["a fork, where it is none", stream(), { fork: fork(undefined) }, false],
    ["the same fork", stream({ fork: origin, ttlSeconds: 60 }), { fork: fork(undefined) }, true],
    ["the same fork by its offset", stream({ fork: origin }), { fork: fork(cursor(5, SOURCE_EPOCH)) }, true],
    ["a fork elsewhere", stream({ fork: origin }), { fork: fork(cursor(4, SOURCE_EPOCH)) }, false],
    ["a fork in another middle", stream({ fork: origin }), { fork: fork(undefined, 1) }, false],
    ["a fork of another", stream({ fork: { ...origin, source: "b" } }), { fork: fork(undefined) }, false],
  ])("with %s: %#", (_name, state, asked, expected) => {
    expect(isSameStream(state, request(asked))).toBe(expected);
  });
});

describe("where a fork begins", () => {
  it.each<[After | undefined, number]>([
    [undefined, 9],
    [LATEST, 9],
    [EARLIEST, 3],
    [cursor(3), 3],
    [cursor(9), 9],
  ])("%j is after %i", (offset, expected) => {
    expect(resolveFork(log, offset)).toBe(expected);
  });

  it.each<[After, string]>([
    [cursor(10), "invalid_argument"],
    [cursor(5, SOURCE_EPOCH), "invalid_argument"],
    [cursor(2), "gone"],
  ])("%j is refused as %s", (offset, code) => {
    expect(() => resolveFork(log, offset)).toThrow(expect.objectContaining({ code }));
  });
});

describe("a cursor of a fork's source", () => {
  const forked = stream({ fork: origin });
  it.each<[After, After]>([
    [cursor(5, SOURCE_EPOCH), cursor(5)],
    [cursor(0, SOURCE_EPOCH), cursor(0)],
    // What came to the source afterwards is not in the fork.
    [cursor(6, SOURCE_EPOCH), cursor(6, SOURCE_EPOCH)],
    [cursor(7), cursor(7)],
    [EARLIEST, EARLIEST],
  ])("%s is %s in the fork", (after, expected) => {
    expect(toOwnCursor(forked, log, after)).toBe(expected);
  });
});
