import { beforeEach, describe, expect, it } from "vitest";
import { ChannelGathering } from "../../durable-objects/channel-gathering.ts";

let handled: number[][];
let turns: PromiseWithResolvers<void>[];
let gathering: ChannelGathering<number>;
beforeEach(() => {
  handled = [];
  turns = [];
  gathering = new ChannelGathering<number>({
    handle: (items) => handled.push([...items]),
    countChars: (item) => item,
    maxItems: 20,
    maxChars: 1000,
    yieldTurn: () => {
      const turn = Promise.withResolvers<void>();
      turns.push(turn);
      return turn.promise;
    },
  });
});
const numbers = (from: number, count: number) => Array.from({ length: count }, (_, n) => from + n);
const add = (...items: number[]) => items.map((item) => gathering.add(item));
const settle = () => new Promise((resolve) => setTimeout(resolve));
const turn = async () => {
  turns.shift()?.resolve();
  await settle();
};

describe("gathering", () => {
  it("handles at once what comes now and then, but for a trial that gets rarer", async () => {
    add(...numbers(1, 7));
    expect(handled).toEqual(numbers(1, 7).map((item) => [item]));
    add(8);
    expect(handled).toHaveLength(7);
    await turn();
    expect(handled.at(-1)).toEqual([8]);
    add(...numbers(9, 15));
    expect(handled).toHaveLength(23);
    add(24);
    expect(handled).toHaveLength(23);
    await turn();
    expect(handled.at(-1)).toEqual([24]);
  });

  it("goes on with what comes in numbers for as long as it does, in order", async () => {
    add(...numbers(1, 8));
    add(9, 10);
    await turn();
    expect(gathering.isWaiting).toBe(true);
    await turn();
    expect(handled.at(-1)).toEqual([8, 9, 10]);
    add(11);
    expect(handled.at(-1)).toEqual([8, 9, 10]);
    await turn();
    expect(handled.at(-1)).toEqual([11]);
    add(12);
    expect(handled.at(-1)).toEqual([12]);
  });

  it("holds no more than it may, in items and in characters", () => {
    add(...numbers(1, 27));
    expect(handled.at(-1)).toEqual(numbers(8, 20));
    add(600, 500);
    expect(handled.at(-1)).toEqual([600]);
  });

  it("lets nothing overtake what waits", async () => {
    add(...numbers(1, 10));
    gathering.flush();
    expect(handled.at(-1)).toEqual([8, 9, 10]);
    await turn();
    expect(handled.flat()).toEqual(numbers(1, 10));
  });

  it("needs one turn of many: those that never come hold up nothing", async () => {
    add(...numbers(1, 7));
    const waited = add(...numbers(8, 17));
    expect(waited.filter((one) => one !== undefined)).toHaveLength(2);
    const [, second] = turns;
    second?.resolve();
    await settle();
    expect(handled.at(-1)).toEqual(numbers(8, 17));
    await waited.at(-1);
    // The first turn is still under way, and will be for good.
    add(30);
    expect(turns).toHaveLength(3);
    turns[2]?.resolve();
    await settle();
    expect(handled.at(-1)).toEqual([30]);
  });

  it("handles what waits though its turn fails", async () => {
    add(...numbers(1, 7));
    const [failed] = add(8);
    turns[0]?.reject(new Error("lost"));
    await expect(failed).rejects.toThrow("lost");
    expect(handled.at(-1)).toEqual([8]);
  });
});
