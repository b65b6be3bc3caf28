import { afterEach, describe, expect, it, vi } from "vitest";
import type { ChannelName } from "../../core/channel-name.ts";
import type { AppendRequest } from "../../core/ports.ts";
import type { AppendOutcome } from "../../services/append-batches.ts";
import { AppendBatches } from "../../services/append-batches.ts";

const CHANNEL = "demo/a" as ChannelName;

/** A channel whose calls end when the test says so. */
class ScriptedChannel {
  readonly calls: { readonly channel: ChannelName; readonly names: readonly string[] }[] = [];
  readonly #ends: PromiseWithResolvers<readonly AppendOutcome[]>[] = [];
  readonly kept: Promise<unknown>[] = [];
  readonly batches = new AppendBatches(
    (channel, requests) => {
      this.calls.push({ channel, names: requests.map(nameOf) });
      const end = Promise.withResolvers<readonly AppendOutcome[]>();
      this.#ends.push(end);
      return end.promise;
    },
    (promise) => this.kept.push(promise),
  );

  append(...names: readonly string[]) {
    return names.map((name) => this.batches.append(CHANNEL, toRequest(name)));
  }

  /** Ends the oldest call: each request is told its own name. */
  async answer(outcomes?: readonly AppendOutcome[]): Promise<void> {
    const index = this.calls.length - this.#ends.length;
    this.#ends.shift()?.resolve(outcomes ?? this.calls[index]?.names ?? []);
    await settle();
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
    await channel.answer();
    expect(channel.names).toEqual([["1"], ["2", "3", "4"]]);
    const later = channel.append("5");
    await channel.answer();
    await channel.answer();
    expect(channel.names).toEqual([["1"], ["2", "3", "4"], ["5"]]);
    expect(await Promise.all([...appends, ...later])).toEqual(["1", "2", "3", "4", "5"]);
    channel.append("6");
    expect(channel.names.at(-1)).toEqual(["6"]);
  });

  it("take in what comes between the end of one and the beginning of the next", async () => {
    const channel = new ScriptedChannel();
    const first = channel.append("1", "2");
    void channel.answer();
    // The turn has been passed on, and not yet been taken.
    await Promise.resolve();
    const second = channel.append("3");
    await settle();
    while (channel.calls.flatMap(({ names }) => names).length < 3) await channel.answer();
    await channel.answer();
    expect(await Promise.all([...first, ...second])).toEqual(["1", "2", "3"]);
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
    const later = channel.append("4");
    await channel.answer();
    const outcomes = Promise.allSettled([...appends, ...later]);
    await channel.fail();
    const [again] = channel.append("5");
    await channel.answer();
    expect((await outcomes).map(({ status }) => status)).toEqual([
      "fulfilled",
      "rejected",
      "rejected",
      "rejected",
    ]);
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

  it("keep their requests alive until they are answered", async () => {
    const channel = new ScriptedChannel();
    channel.append("1", "2");
    expect(channel.kept).toHaveLength(2);
    await channel.answer();
    await channel.answer();
    await Promise.all(channel.kept);
  });

  it("are taken over from a request that died with its turn", async () => {
    vi.useFakeTimers({ toFake: ["Date"] });
    const channel = new ScriptedChannel();
    const [dead] = channel.append("dead");
    const [waiting] = channel.append("waiting");
    vi.setSystemTime(Date.now() + 10_001);
    const [next] = channel.append("next");
    expect(channel.names).toEqual([["dead"], ["next", "waiting"]]);
    // It was only slow after all: it is answered, and disturbs nobody.
    await channel.answer();
    expect(await dead).toBe("dead");
    const [after] = channel.append("after");
    expect(channel.calls).toHaveLength(2);
    await channel.answer();
    await channel.answer();
    expect(await Promise.all([waiting, next, after])).toEqual(["waiting", "next", "after"]);
  });

  it("are told where the request that carried them died", async () => {
    vi.useFakeTimers({ toFake: ["Date"] });
    const channel = new ScriptedChannel();
    channel.append("1");
    const [leads, carried] = channel.append("leads", "carried");
    await channel.answer();
    expect(channel.names.at(-1)).toEqual(["leads", "carried"]);
    const told = expect(carried).rejects.toMatchObject({ code: "unavailable" });
    vi.setSystemTime(Date.now() + 10_001);
    channel.append("next");
    await told;
    await channel.answer();
    expect(await leads).toBe("leads");
  });
});
