import { describe, expect, it } from "vitest";
import { parseChannelGlob, parseChannelName } from "../../core/channel-name.ts";
import type { OperationContext } from "../../core/context.ts";
import type { After } from "../../core/cursor.ts";
import { EARLIEST, LATEST } from "../../core/cursor.ts";
import { EverywireError } from "../../core/error.ts";
import { DEFAULT_LIMITS } from "../../core/limits.ts";
import { followEvents } from "../../core/operations/follow-events.ts";
import type { FeedRecord, Page, Subscription } from "../../core/ports.ts";

const event = (cursor: string): FeedRecord => ({ kind: "event", cursor, type: "t", json: `"${cursor}"` });
const position = (cursor: string): FeedRecord => ({ kind: "position", cursor });
const page = (cursors: readonly string[], next: string, upToDate: boolean, gap?: Page["gap"]): Page => ({
  events: cursors.map((sequence) => ({ sequence, type: "t", json: `"${sequence}"` })),
  next,
  upToDate,
  gap,
});
const SLOW = new EverywireError("unavailable", "Too slow.");

/** Follows a channel that gives these pages and these subscriptions, and nothing else. */
async function follow(
  after: After,
  pages: Page[],
  feeds: { readonly records: FeedRecord[][]; readonly end?: Error }[],
) {
  const asked: string[] = [];
  const ports = {
    channels: {
      async read(_channel: string, request: { after: After }) {
        asked.push(`read ${request.after}`);
        const next = pages.shift();
        if (next === undefined) throw new Error("No page is left.");
        return next;
      },
      async subscribe(_channel: string, request: { after: After }): Promise<Subscription> {
        asked.push(`subscribe ${request.after}`);
        const feed = feeds.shift();
        if (feed === undefined) throw new Error("No feed is left.");
        async function* records() {
          yield* feed?.records ?? [];
          if (feed?.end !== undefined) throw feed.end;
        }
        return { [Symbol.asyncIterator]: records, close: () => asked.push("close") };
      },
    },
  };
  const context = {
    identity: { kind: "anonymous", address: "" },
    ports,
    limits: DEFAULT_LIMITS,
    policy: { anonymousChannels: [parseChannelGlob("**")], orderOwner: async () => undefined },
    nowMs: 0,
    targets: { allowsPrivate: false },
    hasRateLimits: false,
  } as unknown as OperationContext;
  const subscription = await followEvents(context, parseChannelName("a"), after);
  return { asked, subscription };
}

const flatten = async (subscription: Subscription) => (await Array.fromAsync(subscription)).flat();

describe("followEvents", () => {
  it("reads what is there page by page, and then listens, without telling twice where it stands", async () => {
    const { asked, subscription } = await follow(
      EARLIEST,
      [page(["1", "2"], "2", false), page(["3"], "3", true)],
      [{ records: [[position("3")], [event("4")]] }],
    );
    expect(await flatten(subscription)).toEqual([position("earliest"), ...["1", "2", "3", "4"].map(event)]);
    expect(asked.filter((call) => call !== "close")).toEqual(["read earliest", "read 2", "subscribe 3"]);
  });

  it("only listens where only what comes next was asked for", async () => {
    const { asked, subscription } = await follow(LATEST, [], [{ records: [[position("7")], [event("8")]] }]);
    expect(await flatten(subscription)).toEqual([position("7"), event("8")]);
    expect(asked[0]).toBe("subscribe latest");
  });

  it("goes back to the log where it was too slow, with nothing lost and nothing twice", async () => {
    const { asked, subscription } = await follow(
      LATEST,
      [page(["3", "4"], "4", true)],
      [{ records: [[position("1")], [event("2")]], end: SLOW }, { records: [[position("4")], [event("5")]] }],
    );
    expect(await flatten(subscription)).toEqual([position("1"), ...["2", "3", "4", "5"].map(event)]);
    expect(asked.filter((call) => call !== "close")).toEqual(["subscribe latest", "read 2", "subscribe 4"]);
  });

  it("gives up where there is no headway, and where the channel is gone", async () => {
    const stuck = await follow(
      "1" as After,
      [page([], "1", true)],
      [{ records: [[position("1")]], end: SLOW }],
    );
    await expect(flatten(stuck.subscription)).rejects.toBe(SLOW);
    const gone = new EverywireError("gone", "It was deleted.");
    const deleted = await follow(LATEST, [], [{ records: [[position("1")], [event("2")]], end: gone }]);
    await expect(flatten(deleted.subscription)).rejects.toBe(gone);
  });

  it("tells of a gap before any event", async () => {
    const gap = { requested: "1", resumedAt: "5" };
    const { subscription } = await follow("1" as After, [page(["6"], "6", true, gap)], [{ records: [] }]);
    expect((await flatten(subscription)).map(({ kind }) => kind)).toEqual(["position", "gap", "event"]);
  });

  it("stops when it is closed", async () => {
    const { asked, subscription } = await follow(
      EARLIEST,
      [page(["1"], "1", false), page(["2"], "2", false)],
      [],
    );
    for await (const records of subscription) {
      expect(records).toEqual([position("earliest"), event("1")]);
      break;
    }
    subscription.close();
    expect(asked).toEqual(["read earliest"]);
  });
});
