import { describe, expect, it } from "vitest";
import type { ChannelName } from "../core/channel-name.ts";
import type { After } from "../core/cursor.ts";
import { EARLIEST, LATEST } from "../core/cursor.ts";
import { DEFAULT_LIMITS } from "../core/limits.ts";
import type { Channels, EncodedEvent, FeedRecord, Subscription } from "../core/ports.ts";

/** What every implementation of `Channels` must do; a file for each runs it. `open` gives the same channels each time. */
export function describeChannels(open: () => Channels): void {
  const newName = () => `contract/${crypto.randomUUID()}` as ChannelName;
  const event = (n: number, dedupeKey?: string): EncodedEvent => ({
    type: "t",
    json: JSON.stringify({ specversion: "1.0", data: n }),
    dedupeKey,
  });
  const append = (name: ChannelName, ...events: EncodedEvent[]) =>
    open().append(name, { events, rateKey: undefined });
  const dataOf = (json: string) => (JSON.parse(json) as { data: unknown }).data;
  const read = async (name: ChannelName, after: After, limit = 100) => open().read(name, { after, limit });
  const stamped = (name: ChannelName, epoch: number, sequence: number) =>
    open().append(name, {
      events: [event(sequence)],
      rateKey: undefined,
      producer: { id: "p", epoch, sequence },
    });
  /** Records until there are `count` of one kind. */
  const take = async (subscription: Subscription, kind: FeedRecord["kind"], count: number) => {
    const found: FeedRecord[] = [];
    for await (const records of subscription) {
      found.push(...records.filter((record) => record.kind === kind));
      if (found.length >= count) break;
    }
    return found;
  };

  describe("a log", () => {
    it("gives events back in order, page by page, with growing sequences", async () => {
      const name = newName();
      const receipts = await append(name, event(1), event(2), event(3));
      const first = await read(name, EARLIEST, 2);
      expect(first.upToDate).toBe(false);
      const rest = await read(name, first.next as After);
      expect([...first.events, ...rest.events].map(({ json }) => dataOf(json))).toEqual([1, 2, 3]);
      expect(rest.upToDate).toBe(true);
      const sequences = receipts.map(({ sequence }) => sequence);
      expect([...sequences].sort()).toEqual(sequences);
      expect([...first.events, ...rest.events].map(({ sequence }) => sequence)).toEqual(sequences);
    });

    it("stores an event once, within an append and across appends", async () => {
      const name = newName();
      const [first] = await append(name, event(1, "a"));
      const again = await append(name, event(2, "b"), event(2, "b"), event(1, "a"));
      expect(again.map(({ duplicate }) => duplicate)).toEqual([false, true, true]);
      expect(again[2]?.sequence).toBe(first?.sequence);
      expect((await read(name, EARLIEST)).events).toHaveLength(2);
    });

    it("takes appends on a line as it takes others, also among them", async () => {
      const name = newName();
      const line = await open().openAppendLine(name);
      const [first] = await line.append({ events: [event(1), event(2, "a")], rateKey: undefined });
      await append(name, event(3));
      const again = await line.append({ events: [event(2, "a"), event(4)], rateKey: undefined });
      expect(again.map(({ duplicate }) => duplicate)).toEqual([true, false]);
      const { events } = await read(name, EARLIEST);
      expect(events.map(({ json }) => dataOf(json))).toEqual([1, 2, 3, 4]);
      expect(events[0]?.sequence).toBe(first?.sequence);
      line.close();
      expect(line.isOpen).toBe(false);
      await append(name, event(5));
    });

    it("knows a producer's repeat, refuses what skips one, and fences off an older epoch", async () => {
      const name = newName();
      const [first] = await stamped(name, 0, 0);
      expect(await stamped(name, 0, 0)).toEqual([{ ...first, duplicate: true }]);
      await expect(stamped(name, 0, 2)).rejects.toMatchObject({ code: "precondition_failed" });
      await expect(stamped(name, 1, 1)).rejects.toMatchObject({ code: "invalid_argument" });
      await stamped(name, 1, 0);
      await expect(stamped(name, 0, 1)).rejects.toMatchObject({ code: "permission_denied" });
      expect((await read(name, EARLIEST)).events).toHaveLength(2);
    });

    it("takes so many publishes of one identity a second, whatever way they come, and says when there is room again", async () => {
      const name = newName();
      const rateKey = `user:${crypto.randomUUID()}`;
      const { PUBLISHES_PER_SECOND } = DEFAULT_LIMITS;
      const events = Array.from({ length: PUBLISHES_PER_SECOND }, (_, n) => event(n));
      await open().append(name, { events, rateKey });
      const refusal = { code: "rate_limited", retryAfterMs: expect.any(Number) };
      await expect(open().append(name, { events, rateKey })).rejects.toMatchObject(refusal);
      await expect(open().takeRate(name, rateKey, PUBLISHES_PER_SECOND)).rejects.toMatchObject(refusal);
      await expect(open().broadcast(name, events, rateKey)).rejects.toMatchObject(refusal);
      // Somebody else's bucket is full, and what was refused is nowhere.
      await open().append(name, { events: [event(-1)], rateKey: `user:${crypto.randomUUID()}` });
      const page = await read(name, EARLIEST, 1000);
      expect(page.events.map(({ json }) => dataOf(json))).toEqual([...events.keys(), -1]);
    });

    it("ends, and says in the next life what a cursor of the last one misses", async () => {
      const name = newName();
      expect(await open().delete(name)).toBe(false);
      const [old] = await append(name, event(1, "a"));
      expect(await open().delete(name)).toBe(true);
      const [fresh] = await append(name, event(1, "a"));
      expect(fresh?.duplicate).toBe(false);
      expect(String(fresh?.sequence) > String(old?.sequence)).toBe(true);
      const page = await read(name, old?.sequence as After);
      expect(page.gap?.requested).toBe(old?.sequence);
      expect(page.events).toHaveLength(1);
    });

    it("keeps every append of many at once, each once", async () => {
      const name = newName();
      const receipts = await Promise.all(Array.from({ length: 40 }, (_, n) => append(name, event(n))));
      expect(new Set(receipts.map(([receipt]) => receipt?.sequence)).size).toBe(40);
      const { events } = await read(name, EARLIEST);
      expect(new Set(events.map(({ json }) => dataOf(json))).size).toBe(40);
    });
  });

  describe("a live reader", () => {
    it("gets what it missed and then what comes, whole and in order", async () => {
      const name = newName();
      await append(name, event(1), event(2));
      const subscription = await open().subscribe(name, { after: EARLIEST });
      const taking = take(subscription, "event", 4);
      await append(name, event(3));
      await append(name, event(4));
      const records = await taking;
      expect(records.map((record) => "json" in record && dataOf(record.json))).toEqual([1, 2, 3, 4]);
    });

    it("waits on a channel that was never written to, and is cut when it is deleted", async () => {
      const name = newName();
      const subscription = await open().subscribe(name, { after: LATEST });
      await append(name, event(1));
      const all = (async () => {
        for await (const records of subscription)
          if (records.some(({ kind }) => kind === "event")) await open().delete(name);
      })();
      await expect(all).rejects.toMatchObject({ code: "gone" });
    });

    it("gets what is not stored, and no page has it", async () => {
      const name = newName();
      await append(name, event(1));
      const subscription = await open().subscribe(name, { after: LATEST });
      const taking = take(subscription, "ephemeral", 1);
      await open().broadcast(name, [event(9)], undefined);
      expect(await taking).toMatchObject([{ kind: "ephemeral", type: "t" }]);
      expect((await read(name, EARLIEST)).events).toHaveLength(1);
    });

    it("wakes from a long poll by what comes", async () => {
      const name = newName();
      const waiting = open().wait(name, { after: LATEST, limit: 10, timeoutMs: 10_000 });
      await append(name, event(1));
      expect((await waiting).events.map(({ json }) => dataOf(json))).toEqual([1]);
    });
  });
}
