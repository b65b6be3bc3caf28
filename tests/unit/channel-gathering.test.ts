import { beforeEach, describe, expect, it } from "vitest";
import { ChannelGathering } from "../../durable-objects/channel-gathering.ts";

let handled: number[][];
let turns: (() => void)[];
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
      const { promise, resolve } = Promise.withResolvers<void>();
      turns.push(resolve);
      return promise;
    },
  });
});
const add = (...items: number[]) => {
  for (const item of items) gathering.add(item);
};
const turn = async () => {
  turns.shift()?.();
  await new Promise((resolve) => setTimeout(resolve));
};
const numbers = (from: number, count: number) => Array.from({ length: count }, (_, n) => from + n);

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
    add(...numbers(1, 17));
    await turn();
    await turn();
    expect(handled.at(-1)).toEqual(numbers(8, 10));
    add(18);
    expect(handled.at(-1)).toEqual(numbers(8, 10));
    await turn();
    add(19);
    expect(handled.slice(-2)).toEqual([[18], [19]]);
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
});
