import { afterEach, describe, expect, it, vi } from "vitest";
import type { RecordKey } from "../../services/record-reads.ts";
import { RecordReads } from "../../services/record-reads.ts";

/** A store whose calls end when the test says so. */
class ScriptedStore {
  readonly calls: (readonly string[])[] = [];
  readonly #ends: PromiseWithResolvers<readonly string[]>[] = [];
  readonly #turnEnds: (() => void)[] = [];
  readonly kept: Promise<unknown>[] = [];
  /** Whether a turn ends only when the test says so. */
  isHeld = false;
  readonly reads = new RecordReads(
    (keys) => {
      this.calls.push(keys.map(([, id]) => id));
      const end = Promise.withResolvers<readonly string[]>();
      this.#ends.push(end);
      return end.promise;
    },
    {
      waitUntil: (promise) => this.kept.push(promise),
      yieldTurn: () =>
        new Promise((resolve) => {
          if (this.isHeld) this.#turnEnds.push(resolve);
          else resolve();
        }),
    },
  );

  get(...ids: readonly string[]): Promise<string>[] {
    return ids.map((id) => this.reads.get(["products", id] satisfies RecordKey));
  }

  async endTurn(): Promise<void> {
    for (const resolve of this.#turnEnds.splice(0)) resolve();
    await settle();
  }

  /** Ends a call, whichever it is: each read is told its own id. */
  async answer(call: number, texts: readonly string[] = this.calls[call] ?? []): Promise<void> {
    this.#ends[call]?.resolve(texts);
    await settle();
  }

  async fail(call: number): Promise<void> {
    this.#ends[call]?.reject(new Error("the store is away"));
    await settle();
  }
}

const settle = () => new Promise<void>((resolve) => setImmediate(resolve));

describe("reads of records", () => {
  afterEach(() => {
    vi.useRealTimers();
  });

  it("are sent at once where none is under way, and keep no request alive", async () => {
    const store = new ScriptedStore();
    const [first] = store.get("1");
    expect(store.calls).toEqual([["1"]]);
    await store.answer(0);
    expect(await first).toBe("1");
    const [second] = store.get("2");
    expect(store.calls).toEqual([["1"], ["2"]]);
    await store.answer(1, [""]);
    expect(await second).toBe("");
    expect(store.kept).toHaveLength(0);
  });

  it("go together where they come together, and wait for no call before theirs", async () => {
    const store = new ScriptedStore();
    const reads = store.get("1", "2", "3", "4");
    await settle();
    expect(store.calls).toEqual([["1"], ["2", "3", "4"]]);
    reads.push(...store.get("5", "6"));
    await settle();
    expect(store.calls).toEqual([["1"], ["2", "3", "4"], ["5", "6"]]);
    // Whichever is answered first.
    await store.answer(2);
    await store.answer(0);
    await store.answer(1);
    expect(await Promise.all(reads)).toEqual(["1", "2", "3", "4", "5", "6"]);
    expect(store.kept).toHaveLength(2);
    await Promise.all(store.kept);
    store.get("7");
    expect(store.calls.at(-1)).toEqual(["7"]);
  });

  it("go along for as long as each turn brings more", async () => {
    const store = new ScriptedStore();
    store.isHeld = true;
    store.get("1", "2", "3");
    await store.endTurn();
    store.get("4");
    await store.endTurn();
    expect(store.calls).toEqual([["1"]]);
    await store.endTurn();
    expect(store.calls).toEqual([["1"], ["2", "3", "4"]]);
  });

  it("go at most a hundred to a call", async () => {
    const store = new ScriptedStore();
    const ids = Array.from({ length: 250 }, (_, index) => String(index));
    const reads = store.get("lone", ...ids);
    await settle();
    expect(store.calls.map(({ length }) => length)).toEqual([1, 100, 100, 50]);
    for (const call of store.calls.keys()) await store.answer(call);
    expect(await Promise.all(reads)).toEqual(["lone", ...ids]);
  });

  it("do not hinder the next where a client has left in the middle", async () => {
    const store = new ScriptedStore();
    // It is never answered.
    store.get("left");
    const [next] = store.get("next");
    await settle();
    await store.answer(1);
    expect(await next).toBe("next");
    store.get("alone");
    expect(store.calls.at(-1)).toEqual(["alone"]);
    expect(store.kept).toHaveLength(1);
  });

  it("fail together where the store cannot be asked, and the next go on", async () => {
    const store = new ScriptedStore();
    const outcomes = Promise.allSettled(store.get("1", "2", "3"));
    await settle();
    await store.answer(0);
    await store.fail(1);
    expect((await outcomes).map(({ status }) => status)).toEqual(["fulfilled", "rejected", "rejected"]);
    await Promise.all(store.kept);
    const [again] = store.get("4");
    await store.answer(2);
    expect(await again).toBe("4");
  });

  it("fail where fewer are answered than were asked for", async () => {
    const store = new ScriptedStore();
    const outcomes = Promise.allSettled(store.get("1", "2", "3"));
    await settle();
    await store.answer(0, []);
    await store.answer(1, ["2"]);
    expect((await outcomes).map(({ status }) => status)).toEqual(["rejected", "fulfilled", "rejected"]);
  });

  it("are asked for again where the request that carried them has died, before its call or in it", async () => {
    for (const isHeld of [true, false]) {
      vi.useFakeTimers({ toFake: ["Date"] });
      const store = new ScriptedStore();
      store.isHeld = isHeld;
      store.get("lone");
      const reads = store.get("carrier", "carried");
      await settle();
      store.isHeld = false;
      vi.setSystemTime(Date.now() + 10_001);
      reads.push(...store.get("next"));
      await settle();
      expect(store.calls.at(-1)).toEqual(["carrier", "carried", "next"]);
      await store.answer(store.calls.length - 1);
      expect(await Promise.all(reads)).toEqual(["carrier", "carried", "next"]);
      store.get("alone");
      expect(store.calls.at(-1)).toEqual(["alone"]);
      vi.useRealTimers();
    }
  });
});
