import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Waiters } from "../../durable-objects/channel-waiters.ts";

describe("long polls that are parked", () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  const park = (waiters: Waiters, ...timeoutsMs: readonly number[]) => {
    const startedMs = Date.now();
    const endedMs: (number | undefined)[] = timeoutsMs.map(() => undefined);
    for (const [index, timeoutMs] of timeoutsMs.entries()) {
      void waiters.park(timeoutMs).then(() => {
        endedMs[index] = Date.now() - startedMs;
      });
    }
    return endedMs;
  };

  it("end when their time is up, each at its own, whatever the others ask for", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 0, max: 60_000 }), { minLength: 1, maxLength: 5 }),
        async (timeoutsMs) => {
          const waiters = new Waiters();
          const endedMs = park(waiters, ...timeoutsMs);
          await vi.advanceTimersByTimeAsync(61_000);
          expect(endedMs).toEqual(timeoutsMs);
          expect(waiters.size).toBe(0);
        },
      ),
      { numRuns: 50 },
    );
  });

  it("end at once when they are woken, all of them", async () => {
    const waiters = new Waiters();
    const endedMs = park(waiters, 5000, 10, 30_000);
    expect(waiters.size).toBe(3);
    await vi.advanceTimersByTimeAsync(5);
    waiters.wakeAll();
    await vi.advanceTimersByTimeAsync(0);
    expect(endedMs).toEqual([5, 5, 5]);
    expect(waiters.size).toBe(0);
  });

  it("have one timer, however many come and go, and none when they have gone", async () => {
    const waiters = new Waiters();
    for (let round = 0; round < 100; round += 1) {
      park(waiters, 20_000);
      expect(vi.getTimerCount()).toBe(1);
      waiters.wakeAll();
      await vi.advanceTimersByTimeAsync(1);
    }
    await vi.advanceTimersByTimeAsync(1000);
    expect(vi.getTimerCount()).toBe(0);
    const endedMs = park(waiters, 20_000);
    await vi.advanceTimersByTimeAsync(20_000);
    expect(endedMs).toEqual([20_000]);
    expect(vi.getTimerCount()).toBe(0);
  });

  it("can be parked again by one that was woken", async () => {
    const waiters = new Waiters();
    let isWokenAgain = false;
    void waiters
      .park(1000)
      .then(() => waiters.park(1000))
      .then(() => {
        isWokenAgain = true;
      });
    waiters.wakeAll();
    await vi.advanceTimersByTimeAsync(0);
    expect(waiters.size).toBe(1);
    expect(isWokenAgain).toBe(false);
    await vi.advanceTimersByTimeAsync(1000);
    expect(isWokenAgain).toBe(true);
  });
});
