import { env, runInDurableObject } from "cloudflare:test";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { After } from "../../core/cursor.ts";
import { EARLIEST, LATEST } from "../../core/cursor.ts";
import { DEFAULT_LIMITS } from "../../core/limits.ts";
import { ChannelLog, MAX_PAGE_CHARS } from "../../durable-objects/channel-log.ts";
import { ChannelPages } from "../../durable-objects/channel-pages.ts";
import { cursorAt } from "../../durable-objects/channel-state.ts";

const RETENTION = 10;
const NAME = "demo/pages";

/** Runs in a fresh object. */
const withLog = <R>(run: (log: ChannelLog) => R) =>
  runInDurableObject(env.CHANNEL.get(env.CHANNEL.newUniqueId()), (_object, { storage }) =>
    run(new ChannelLog(storage, { ...DEFAULT_LIMITS, RETENTION_MAX_EVENTS: RETENTION })),
  );

const events = (count: number, text = "") =>
  Array.from({ length: count }, (_, n) => ({
    type: "t",
    json: JSON.stringify({ n, text }),
    dedupeKey: undefined,
  }));

describe("a page of what was appended now", () => {
  it("is what the log would be read as, from wherever and however much is asked for", () =>
    withLog((log) => {
      const pages = new ChannelPages(log);
      const step = fc.record({
        // More than is kept, too, of which the first are gone before anybody has read them.
        appended: fc.integer({ min: 1, max: RETENTION + 3 }),
        asked: fc.array(
          fc.record({ back: fc.integer({ min: 0, max: 15 }), limit: fc.integer({ min: 1, max: 15 }) }),
          { minLength: 1, maxLength: 5 },
        ),
      });
      let nowMs = 1;
      fc.assert(
        fc.property(fc.array(step, { minLength: 1, maxLength: 4 }), (steps) => {
          for (const { appended, asked } of steps) {
            nowMs += 1;
            const { fresh } = log.append(NAME, events(appended), undefined, nowMs);
            pages.keepNew(fresh);
            const { state } = log;
            const before = cursorAt(state, state.head - appended) as After;
            const wanted = [
              { after: before, limit: 100 },
              ...asked.map(({ back, limit }) => ({
                after: cursorAt(state, Math.max(0, state.head - back)) as After,
                limit,
              })),
              { after: EARLIEST, limit: 100 },
              { after: LATEST, limit: 1 },
            ];
            for (const { after, limit } of wanted) {
              const read = new ChannelPages(log);
              expect(pages.read(after, limit)).toEqual(read.read(after, limit));
              pages.keepNew(fresh);
              expect(pages.readText(after, limit)).toEqual(read.readText(after, limit));
            }
          }
        }),
        { numRuns: 50 },
      );
    }));

  it("is not read from the log", () =>
    withLog((log) => {
      const pages = new ChannelPages(log);
      log.append(NAME, events(1), undefined, 1);
      const before = cursorAt(log.state, log.state.head) as After;
      const { fresh } = log.append(NAME, events(2), undefined, 2);
      pages.keepNew(fresh);
      log.read = () => {
        throw new Error("It was read.");
      };
      expect(pages.read(before, 100)).toMatchObject({ ok: true, value: { events: fresh, upToDate: true } });
      expect(() => pages.read(before, 1)).toThrow("It was read.");
    }));

  it("is left to the log where it is too much for one", () =>
    withLog((log) => {
      const pages = new ChannelPages(log);
      log.append(NAME, events(1), undefined, 1);
      const before = cursorAt(log.state, log.state.head) as After;
      const { fresh } = log.append(NAME, events(3, "x".repeat(MAX_PAGE_CHARS / 2)), undefined, 2);
      pages.keepNew(fresh);
      const page = pages.read(before, 100);
      expect(page).toEqual(new ChannelPages(log).read(before, 100));
      expect(page).toMatchObject({ ok: true, value: { upToDate: false } });
    }));
});
