import { env, runInDurableObject } from "cloudflare:test";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { After } from "../../core/cursor.ts";
import type { Limits } from "../../core/limits.ts";
import { DEFAULT_LIMITS } from "../../core/limits.ts";
import type { EncodedEvent } from "../../core/ports.ts";
import { ChannelLog } from "../../durable-objects/channel-log.ts";
import { cursorAt, resolveStart } from "../../durable-objects/channel-state.ts";

const T0 = Date.UTC(2026, 10, 21);
const small: Limits = { ...DEFAULT_LIMITS, RETENTION_MAX_EVENTS: 100, RETENTION_MAX_AGE_SECONDS: 1000 };
const event = (n: number, dedupeKey?: string): EncodedEvent => ({ type: "t", json: `{"n":${n}}`, dedupeKey });
const numbers = (log: ChannelLog, from: number) =>
  log.read(from, 10_000).events.map(({ json }) => (JSON.parse(json) as { n: number }).n);

let names = 0;
/** Runs in a fresh object; `reopen` loads the log again, as after an eviction. */
function withLog<R>(
  limits: Limits,
  run: (log: ChannelLog, reopen: () => ChannelLog, state: DurableObjectState) => R,
) {
  names += 1;
  const stub = env.CHANNEL.getByName(`log/${names}`);
  return runInDurableObject(stub, (_object, state) => {
    const reopen = () => new ChannelLog(state.storage, limits);
    return run(reopen(), reopen, state);
  });
}

describe("the log of a channel", () => {
  it("writes nothing before the first append", () =>
    withLog(small, (log, _reopen, state) => {
      expect(log.read(0, 10).events).toEqual([]);
      const tables = state.storage.sql.exec("SELECT name FROM sqlite_master WHERE name = 'log'").toArray();
      expect(tables).toEqual([]);
      expect(log.delete()).toBe(false);
    }));

  it("gives events back in order with growing sequences, also after it was loaded again", () =>
    withLog(small, (log, reopen) => {
      const first = log.append("c", [event(1), event(2)], undefined, T0).receipts;
      const second = log.append("c", [event(3)], undefined, T0).receipts;
      const sequences = [...first, ...second].map(({ sequence }) => sequence);
      expect([...sequences].sort()).toEqual(sequences);
      const again = reopen();
      expect(numbers(again, 0)).toEqual([1, 2, 3]);
      expect(again.read(0, 10).events.map(({ sequence }) => sequence)).toEqual(sequences);
      expect(again.append("c", [event(4)], undefined, T0).receipts[0]?.sequence).toBe(
        cursorAt(again.state, 4),
      );
    }));

  it("stores an id once, across batches and across a reload", () =>
    withLog(small, (log, reopen) => {
      const [first] = log.append("c", [event(1, "a")], undefined, T0).receipts;
      const batch = log.append("c", [event(2, "b"), event(2, "b"), event(1, "a")], undefined, T0);
      expect(batch.receipts.map(({ duplicate }) => duplicate)).toEqual([false, true, true]);
      expect(batch.receipts[2]?.sequence).toBe(first?.sequence);
      expect(batch.fresh).toHaveLength(1);
      expect(reopen().append("c", [event(1, "a")], undefined, T0).receipts[0]).toEqual({
        ...first,
        duplicate: true,
      });
      expect(numbers(log, 0)).toEqual([1, 2]);
    }));

  it("appends a batch whole or not at all", () =>
    withLog(small, (log, reopen) => {
      log.append("c", [event(0)], undefined, T0);
      const broken = { type: null, json: "{}", dedupeKey: undefined } as unknown as EncodedEvent;
      expect(() => log.append("c", [event(1), broken], undefined, T0)).toThrowError();
      expect(numbers(log, 0)).toEqual([0]);
      expect(numbers(reopen(), 0)).toEqual([0]);
      log.append("c", [event(2)], undefined, T0);
      expect(numbers(reopen(), 0)).toEqual([0, 2]);
    }));

  it.each([2, 31, 32, 33, 64, 70])("appends %i events together whole or not at all, each as it is", (count) =>
    withLog(DEFAULT_LIMITS, (log, reopen) => {
      log.append("c", [event(0)], undefined, T0);
      const events = Array.from({ length: count }, (_, index) =>
        index % 3 === 0 ? event(1 + index, `k${index}`) : { ...event(1 + index), type: `t${index}` },
      );
      const broken = { type: null, json: "{}", dedupeKey: undefined } as unknown as EncodedEvent;
      expect(() => log.append("c", [...events.slice(1), broken], undefined, T0)).toThrowError();
      expect(log.state.head).toBe(1);
      expect(numbers(reopen(), 0)).toEqual([0]);

      const { receipts } = log.append("c", events, undefined, T0 + 5);
      const again = reopen();
      expect(again.read(1, 1000).events).toEqual(
        events.map(({ type, json }, index) => {
          const sequence = receipts[index]?.sequence ?? "";
          return { sequence, type, json: `{"sequence":"${sequence}",${json.slice(1)}` };
        }),
      );
      const repeated = again.append("c", events, undefined, T0 + 6);
      expect(repeated.receipts.map(({ duplicate }) => duplicate)).toEqual(
        events.map((_, index) => index % 3 === 0),
      );
      expect(again.state.head).toBe(1 + count + repeated.fresh.length);
    }),
  );

  it("lets the oldest go by count, exactly, although rows are deleted in runs", () =>
    withLog(small, (log, reopen) => {
      for (let n = 1; n <= 250; n += 1) log.append("c", [event(n)], undefined, T0);
      expect(numbers(log, 0)).toEqual(Array.from({ length: 100 }, (_, index) => 151 + index));
      expect(numbers(reopen(), 0)).toEqual(numbers(log, 0));
      expect(log.state).toMatchObject({ head: 250, first: 151 });
    }));

  it("still knows an id whose event has gone, for the dedupe window and no longer", () =>
    withLog({ ...small, RETENTION_MAX_EVENTS: 1 }, (log, reopen) => {
      const [first] = log.append("c", [event(0, "kept")], undefined, T0).receipts;
      for (let n = 1; n <= 130; n += 1) log.append("c", [event(n)], undefined, T0 + n);
      expect(numbers(log, 0)).toEqual([130]);
      const later = T0 + small.DEDUPE_WINDOW_SECONDS * 1000;
      expect(reopen().append("c", [event(0, "kept")], undefined, later - 1).receipts[0]).toEqual({
        ...first,
        duplicate: true,
      });
      const again = reopen();
      again.forgetDuplicates(later + 1);
      expect(again.oldestDedupeMs).toBeUndefined();
      expect(again.append("c", [event(0, "kept")], undefined, later + 1).receipts[0]?.duplicate).toBe(false);
    }));

  it("lets events go by age, and goes on with the next number when all have gone", () =>
    withLog(small, (log, reopen) => {
      log.append("c", [event(1)], undefined, T0);
      log.append("c", [event(2)], undefined, T0 + 600_000);
      log.expire(T0 + 1_000_001);
      expect(numbers(log, 0)).toEqual([2]);
      log.expire(T0 + 9_000_000);
      expect(numbers(log, 0)).toEqual([]);
      expect(log.oldestMs).toBeUndefined();
      const again = reopen();
      expect(again.state).toMatchObject({ head: 2, first: 3 });
      expect(numbers(again, 0)).toEqual([]);
      again.append("c", [event(3)], undefined, T0 + 9_000_000);
      expect(numbers(again, 0)).toEqual([3]);
      expect(again.oldestMs).toBe(T0 + 9_000_000);
    }));

  it("begins a new life when it was deleted", () =>
    withLog(small, (log, reopen) => {
      log.append("c", [event(1, "a")], undefined, T0);
      const old = cursorAt(log.state, 1) as After;
      expect(log.delete()).toBe(true);
      expect(log.delete()).toBe(false);
      const emptied = cursorAt(log.state, 0) as After;
      expect(resolveStart(log.state, old).gap).toBeDefined();
      const again = reopen();
      const [receipt] = again.append("c", [event(2, "a")], undefined, T0 + 5).receipts;
      expect(receipt?.duplicate).toBe(false);
      expect((receipt?.sequence ?? "") > old).toBe(true);
      expect(resolveStart(again.state, old)).toMatchObject({ number: 0, gap: { requested: old } });
      expect(resolveStart(again.state, emptied)).toEqual({ number: 0, gap: undefined });
    }));

  it("bounds a page by its size, and still moves on when one event is larger", () =>
    withLog(small, (log) => {
      const large = (n: number): EncodedEvent => ({
        type: "t",
        json: `{"n":${n},"x":"${"x".repeat(700_000)}"}`,
        dedupeKey: undefined,
      });
      for (const n of [1, 2, 3]) log.append("c", [large(n)], undefined, T0);
      const page = log.read(0, 100);
      expect(page).toMatchObject({ last: 1 });
      expect(page.events).toHaveLength(1);
      expect(log.read(page.last, 100).last).toBe(2);
    }));

  it("keeps a producer's place in the same transaction as its events", () =>
    withLog(small, (log, reopen) => {
      log.append("c", [event(1)], { id: "p", epoch: 3, sequence: 7 }, T0);
      expect(reopen().findProducer("p")).toEqual({ epoch: 3, sequence: 7, cursor: cursorAt(log.state, 1) });
      expect(reopen().findProducer("q")).toBeUndefined();
    }));

  it("agrees with a plain list, whatever is appended, forgotten, deleted and loaded again", async () => {
    const steps = fc.array(
      fc.oneof(
        {
          weight: 8,
          arbitrary: fc.record({
            do: fc.constant("append" as const),
            keys: fc.array(fc.nat(30), { minLength: 1, maxLength: 4 }),
          }),
        },
        { weight: 2, arbitrary: fc.record({ do: fc.constant("reload" as const) }) },
        { weight: 1, arbitrary: fc.record({ do: fc.constant("delete" as const) }) },
      ),
      { maxLength: 60 },
    );
    await fc.assert(
      fc.asyncProperty(steps, (script) =>
        withLog({ ...small, RETENTION_MAX_EVENTS: 20 }, (first, reopen) => {
          let log = first;
          let model: { key: number; n: number }[] = [];
          let n = 0;
          for (const step of script) {
            if (step.do === "reload") log = reopen();
            else if (step.do === "delete") {
              log.delete();
              model = [];
            } else {
              const events = step.keys.map((key) => {
                n += 1;
                return { key, n };
              });
              log.append(
                "c",
                events.map((made) => event(made.n, String(made.key))),
                undefined,
                T0,
              );
              for (const made of events) if (!model.some(({ key }) => key === made.key)) model.push(made);
            }
            expect(numbers(log, 0)).toEqual(model.slice(-20).map((made) => made.n));
          }
        }),
      ),
      { numRuns: 25 },
    );
  });
});
