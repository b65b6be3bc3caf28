import { describe, expect, it } from "vitest";
import { BodyChunks } from "../../functions/stream/body-chunks.ts";
import { ReadAhead } from "../../functions/stream/read-ahead.ts";

const toBody = (chunks: readonly string[], end?: Error) => {
  const bytes = chunks.map((chunk) => new TextEncoder().encode(chunk));
  let given = 0;
  const body = new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        const chunk = bytes[given];
        given += 1;
        if (chunk !== undefined) controller.enqueue(chunk);
        else if (end === undefined) controller.close();
        else controller.error(end);
      },
    },
    { highWaterMark: 0 },
  );
  return { body, countGiven: () => given };
};
const toText = (chunks: readonly Uint8Array[] | undefined) =>
  chunks?.map((chunk) => new TextDecoder().decode(chunk));
const turn = () => new Promise((resolve) => setTimeout(resolve));

describe("reading ahead", () => {
  it("gives all that came since, in order, and then the end", async () => {
    const chunks = Array.from({ length: 30 }, (_, n) => String(n));
    const ahead = new ReadAhead(new BodyChunks(toBody(chunks).body), { maxChunks: 100, maxBytes: 1000 });
    expect(toText(await ahead.take())?.[0]).toBe("0");
    await turn();
    const rest = toText(await ahead.take());
    expect(rest?.at(-1)).toBe("29");
    expect(rest?.length).toBeGreaterThan(20);
    expect(await ahead.take()).toBeUndefined();
  });

  it("holds no more than it may, in chunks and in bytes", async () => {
    const endless = Array.from({ length: 500 }, () => "x".repeat(10));
    for (const limits of [
      { maxChunks: 5, maxBytes: 1000 },
      { maxChunks: 500, maxBytes: 50 },
    ]) {
      const { body, countGiven } = toBody(endless);
      const ahead = new ReadAhead(new BodyChunks(body), limits);
      const taken = (await ahead.take())?.length ?? 0;
      await turn();
      expect(countGiven()).toBe(taken + 5);
      expect((await ahead.take())?.length).toBe(5);
      await ahead.stop();
    }
  });

  it("tells of a body that broke only when what came before was taken", async () => {
    const { body } = toBody(["a", "b"], new Error("gone"));
    const ahead = new ReadAhead(new BodyChunks(body), { maxChunks: 100, maxBytes: 1000 });
    const taken: string[] = [];
    await expect(async () => {
      for (;;) taken.push(...(toText(await ahead.take()) ?? []));
    }).rejects.toThrow("gone");
    expect(taken).toEqual(["a", "b"]);
  });
});
