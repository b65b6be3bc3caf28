import { setImmediate as nextTurn } from "node:timers/promises";
import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import { EnvelopeLimit } from "../../functions/connect/envelope-limit.ts";
import { gather } from "../../functions/connect/gather.ts";
import { Outbox } from "../../functions/connect/outbox.ts";
import { toReadableStream } from "../../functions/connect/response-body.ts";

async function* from<T>(groups: readonly (readonly T[])[], end?: Error) {
  for (const group of groups) {
    await nextTurn();
    yield* group;
  }
  if (end !== undefined) throw end;
}
const upTo = (max: number) => (group: readonly unknown[]) => group.length >= max;

describe("gather", () => {
  it("groups what is there at the same time, and waits for nothing more", async () => {
    expect(await Array.fromAsync(gather(from([[1, 2, 3], [4], [5, 6]]), upTo(10)))).toEqual([
      [1, 2, 3],
      [4],
      [5, 6],
    ]);
  });

  it("makes no group larger than it may be", async () => {
    expect(await Array.fromAsync(gather(from([[1, 2, 3, 4, 5]]), upTo(2)))).toEqual([[1, 2], [3, 4], [5]]);
  });

  it("gives what came before an error first", async () => {
    const groups = gather(from([[1], [2, 3]], new Error("end")), upTo(10));
    expect([(await groups.next()).value, (await groups.next()).value]).toEqual([[1], [2, 3]]);
    await expect(groups.next()).rejects.toThrow("end");
  });

  it("ends its source when it is left", async () => {
    let isEnded = false;
    async function* source() {
      try {
        for (let n = 0; ; n += 1) yield n;
      } finally {
        isEnded = true;
      }
    }
    for await (const group of gather(source(), upTo(3))) {
      expect(group).toEqual([0, 1, 2]);
      break;
    }
    await nextTurn();
    expect(isEnded).toBe(true);
  });
});

describe("a response's body", () => {
  const toBody = (groups: readonly (readonly Uint8Array[])[], onEnd: () => void) =>
    toReadableStream(from(groups), { onEnd, stallMs: 1000, encodeChunk: (chunk) => chunk });

  it("sends what is there at the same time as one chunk", async () => {
    const body = toBody([[Uint8Array.of(1), Uint8Array.of(2)], [Uint8Array.of(3)]], () => {});
    expect((await Array.fromAsync(body)).map((chunk) => [...chunk])).toEqual([[1, 2], [3]]);
  });

  it("is given up when its reader takes nothing for too long, and tells the service", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    try {
      const ended = Promise.withResolvers<void>();
      const reader = toBody(
        [[Uint8Array.of(1)], [Uint8Array.of(2)], [Uint8Array.of(3)]],
        ended.resolve,
      ).getReader();
      await reader.read();
      vi.advanceTimersByTime(999);
      expect((await reader.read()).value).toEqual(Uint8Array.of(2));
      vi.advanceTimersByTime(1000);
      await ended.promise;
      await expect(reader.read()).rejects.toMatchObject({ code: "unavailable" });
    } finally {
      vi.useRealTimers();
    }
  });
});

describe("EnvelopeLimit", () => {
  const envelope = (length: number) =>
    Buffer.concat([Buffer.from([0, 0, 0, length >> 8, length & 255]), Buffer.alloc(length)]);

  it("finds the first message that is too large, however the bytes are cut", () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 400 })),
        fc.integer({ min: 1, max: 50 }),
        (lengths, size) => {
          const bytes = Buffer.concat(lengths.map(envelope));
          const limit = new EnvelopeLimit(300);
          let isExceeded = false;
          for (let start = 0; start < bytes.length && !isExceeded; start += size) {
            isExceeded = limit.isExceededBy(bytes.subarray(start, start + size));
          }
          expect(isExceeded).toBe(lengths.some((length) => length > 300));
        },
      ),
    );
  });
});

describe("Outbox", () => {
  it("makes its producers wait for the reader, and gives all before the end", async () => {
    const outbox = new Outbox<number>(2);
    let pushed = 0;
    const produce = async () => {
      for (let n = 0; n < 5; n += 1) {
        await outbox.push(n);
        pushed += 1;
      }
      outbox.end();
    };
    const produced = produce();
    await nextTurn();
    expect(pushed).toBe(1);
    expect(await Array.fromAsync(outbox)).toEqual([0, 1, 2, 3, 4]);
    await produced;
  });

  it("lets its producers go when the reader leaves", async () => {
    const outbox = new Outbox<number>(1);
    const produced = outbox.push(1);
    for await (const _ of outbox) break;
    await produced;
    expect(outbox.isEnded).toBe(true);
  });

  it("ends with the error that it was given", async () => {
    const outbox = new Outbox<number>(9);
    await outbox.push(1);
    outbox.fail(new Error("end"));
    const items = outbox[Symbol.asyncIterator]();
    expect((await items.next()).value).toBe(1);
    await expect(items.next()).rejects.toThrow("end");
  });
});
