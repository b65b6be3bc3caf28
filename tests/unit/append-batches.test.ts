import { afterEach, describe, expect, it, vi } from "vitest";
import type { ChannelName } from "../../core/channel-name.ts";
import type { AppendRequest } from "../../core/ports.ts";
import type { AppendOutcome } from "../../services/append-batches.ts";
import { AppendBatches, sizeOfAppend } from "../../services/append-batches.ts";

const CHANNEL = "demo/a" as ChannelName;

/** A channel whose calls end when the test says so. */
class ScriptedChannel {
  readonly calls: { readonly channel: ChannelName; readonly names: readonly string[] }[] = [];
  readonly #ends: PromiseWithResolvers<readonly AppendOutcome[]>[] = [];
  readonly kept: Promise<unknown>[] = [];
  /** Whether a turn ends only when the test says so. */
  isHeld = false;
  readonly #turnEnds: (() => void)[] = [];
  readonly batches = new AppendBatches<AppendRequest, AppendOutcome>(
    (channel, requests) => {
      this.calls.push({ channel, names: requests.map(nameOf) });
      const end = Promise.withResolvers<readonly AppendOutcome[]>();
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
    sizeOfAppend,
  );

  async endTurn(): Promise<void> {
    for (const resolve of this.#turnEnds.splice(0)) resolve();
    await settle();
  }

  append(...names: readonly string[]) {
    return names.map((name) => this.batches.append(CHANNEL, toRequest(name)));
  }

  /** Ends the oldest call: each request is told its own name. */
  async answer(outcomes?: readonly AppendOutcome[]): Promise<void> {
    const index = this.calls.length - this.#ends.length;
    this.#ends.shift()?.resolve(outcomes ?? this.calls[index]?.names ?? []);
    await settle();
  }

  /** Ends a call, whichever it is. */
  end(index: number, outcomes: readonly AppendOutcome[]): void {
    this.#ends[index]?.resolve(outcomes);
  }

  async fail(): Promise<void> {
    this.#ends.shift()?.reject(new Error("the channel is away"));
    await settle();
  }

  get names(): readonly (readonly string[])[] {
    return this.calls.map(({ names }) => names);
  }
}

const toRequest = (name: string, size = 1): AppendRequest => ({
  events: Array.from({ length: size }, () => ({ type: name, json: "{}", dedupeKey: undefined })),
  rateKey: undefined,
});
const nameOf = ({ events }: AppendRequest) => events[0]?.type ?? "";
const settle = () => new Promise<void>((resolve) => setImmediate(resolve));

describe("appends to one channel", () => {
  afterEach(() => {
    vi.useRealTimers();
  });

  it("send the first at once, and what comes meanwhile together, in order", async () => {
    const channel = new ScriptedChannel();
    const appends = channel.append("1", "2", "3", "4");
    expect(channel.names).toEqual([["1"]]);
    await settle();
    expect(channel.names).toEqual([["1"], ["2", "3", "4"]]);
    const later = channel.append("5", "6");
    await settle();
    expect(channel.calls).toHaveLength(2);
    await channel.answer();
    await channel.answer();
    expect(channel.names.slice(2)).toEqual([["5", "6"]]);
    await channel.answer();
    expect(await Promise.all([...appends, ...later])).toEqual(["1", "2", "3", "4", "5", "6"]);
    channel.append("7");
    expect(channel.names.at(-1)).toEqual(["7"]);
  });

  it("go along for as long as each turn brings more", async () => {
    const channel = new ScriptedChannel();
    channel.isHeld = true;
    channel.append("1", "2");
    channel.append("3");
    await channel.endTurn();
    channel.append("4");
    await channel.endTurn();
    expect(channel.calls).toHaveLength(1);
    await channel.endTurn();
    expect(channel.names).toEqual([["1"], ["2", "3", "4"]]);
  });

  it("do not wait for one whose client has left in the middle", async () => {
    const channel = new ScriptedChannel();
    channel.append("left");
    const [next] = channel.append("next");
    await settle();
    expect(channel.names).toEqual([["left"], ["next"]]);
    // The one that left is never answered.
    channel.end(1, ["next"]);
    expect(await next).toBe("next");
    await settle();
    const [after] = channel.append("after");
    expect(channel.names.at(-1)).toEqual(["after"]);
    channel.end(2, ["after"]);
    expect(await after).toBe("after");
    expect(channel.kept).toHaveLength(1);
  });

  it("do not wait for those to another channel", () => {
    const channel = new ScriptedChannel();
    channel.append("1");
    void channel.batches.append("demo/b" as ChannelName, toRequest("2"));
    expect(channel.names).toEqual([["1"], ["2"]]);
  });

  it("get each their own answer, a refusal too", async () => {
    const channel = new ScriptedChannel();
    const appends = channel.append("1", "2", "3");
    await channel.answer();
    const refusal = { ok: false, error: { code: "rate_limited", message: "Slower." } } as const;
    await channel.answer([refusal, "3"]);
    expect(await Promise.all(appends)).toEqual(["1", refusal, "3"]);
  });

  it("fail together where the channel cannot be asked, and the next go on", async () => {
    const channel = new ScriptedChannel();
    const appends = channel.append("1", "2", "3");
    await channel.answer();
    const later = channel.append("4");
    const outcomes = Promise.allSettled([...appends, ...later]);
    await channel.fail();
    await channel.answer();
    const states = (await outcomes).map(({ status }) => status);
    expect(states).toEqual(["fulfilled", "rejected", "rejected", "fulfilled"]);
    const [again] = channel.append("5");
    await channel.answer();
    expect(await again).toBe("5");
  });

  it("are sent in calls of a bounded size", async () => {
    const channel = new ScriptedChannel();
    const first = channel.append("first");
    const appends = ["a", "b", "c"].map((name) => channel.batches.append(CHANNEL, toRequest(name, 60)));
    for (let call = 0; call < 4; call += 1) await channel.answer();
    expect(channel.names).toEqual([["first"], ["a"], ["b"], ["c"]]);
    expect(await Promise.all([...first, ...appends])).toEqual(["first", "a", "b", "c"]);
  });

  it("keep one request alive, the one that sends the others", async () => {
    const channel = new ScriptedChannel();
    channel.append("1");
    expect(channel.kept).toHaveLength(0);
    channel.append("2", "3");
    expect(channel.kept).toHaveLength(1);
    await channel.answer();
    await channel.answer();
    await Promise.all(channel.kept);
  });

  it("are carried by another request after so many calls", async () => {
    const channel = new ScriptedChannel();
    const appends = channel.append("alone");
    for (let call = 0; call < 40; call += 1) {
      appends.push(...channel.append(`append ${call}`));
      await settle();
      await channel.answer();
    }
    await channel.answer();
    await Promise.all(appends);
    expect(channel.kept).toHaveLength(2);
    expect(channel.names.flat()).toEqual([
      "alone",
      ...Array.from({ length: 40 }, (_, call) => `append ${call}`),
    ]);
    await Promise.all(channel.kept);
  });

  it("are taken over from a request that died while it carried them, and those on their way are told", async () => {
    vi.useFakeTimers({ toFake: ["Date"] });
    const channel = new ScriptedChannel();
    channel.append("1");
    const [died, carried] = channel.append("died", "carried");
    await channel.answer();
    expect(channel.names.at(-1)).toEqual(["died", "carried"]);
    const [waiting] = channel.append("waiting");
    const told = [died, carried].map((append) =>
      expect(append).rejects.toMatchObject({ code: "unavailable" }),
    );
    vi.setSystemTime(Date.now() + 10_001);
    const [next] = channel.append("next");
    await Promise.all(told);
    await settle();
    expect(channel.names.at(-1)).toEqual(["waiting", "next"]);
    // It was only slow after all: it disturbs nobody.
    await channel.answer();
    const [after] = channel.append("after");
    expect(channel.calls).toHaveLength(3);
    await channel.answer();
    await channel.answer();
    expect(await Promise.all([waiting, next, after])).toEqual(["waiting", "next", "after"]);
  });
});
