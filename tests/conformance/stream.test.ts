import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Line } from "./doors/stream.ts";
import { readLines, stream } from "./doors/stream.ts";
import { postDuplex } from "./duplex-post.ts";
import { toHeaders, toUrl } from "./http-exchange.ts";
import type { ServedTarget } from "./serve-target.ts";
import { serveTarget } from "./serve-target.ts";

let server: ServedTarget;
let quick: ServedTarget;
beforeAll(async () => {
  server = await serveTarget();
  quick = await serveTarget({
    HEARTBEAT_SECONDS: "1",
    RATE_LIMITS: "on",
    PUBLISHES_PER_SECOND: "10",
    REQUESTS_PER_SECOND: "1000",
  });
}, 60_000);
afterAll(() => Promise.all([server.stop(), quick.stop()]));

const newChannel = () => `demo/${randomUUID()}`;
const post = (
  path: string,
  body: string | Uint8Array<ArrayBuffer>,
  headers: Record<string, string> = {},
  method = "POST",
) =>
  fetch(server.url + path, { method, headers: { "content-type": "application/x-ndjson", ...headers }, body });
const linesOf = async (response: Response): Promise<Line[]> => {
  if (response.body === null) throw new Error("There is no body.");
  return Array.fromAsync(readLines(response.body));
};
const eventsOf = async (channel: string): Promise<Line[]> => {
  const response = await fetch(`${server.url}/channels/${channel}?after=earliest&limit=1000`);
  return ((await response.json()) as { events: Line[] }).events;
};
const readersOf = async (target: ServedTarget, channel: string) =>
  ((await (await fetch(`${target.url}/channels/${channel}/presence`)).json()) as { readers: number }).readers;

describe("lines up", () => {
  it("are each answered while the request is still open", async () => {
    const channel = newChannel();
    const upload = await postDuplex(server, `/stream/${channel}`);
    const reader = await stream.read?.(server, channel);
    for (let n = 1; n <= 5; n += 1) {
      await upload.write(`{"type":"t","data":${n}}\n`);
      const ack = await upload.lines.next();
      expect(ack).toEqual({
        line: n,
        id: expect.any(String),
        sequence: expect.any(String),
        duplicate: false,
      });
      expect((await reader?.next())?.event).toMatchObject({ data: n, id: ack.id, sequence: ack.sequence });
    }
    expect(upload.request.writableEnded).toBe(false);
    upload.end('{"type":"t","data":"last, without a line feed"}');
    expect(await upload.lines.next()).toMatchObject({ line: 6, duplicate: false });
    await expect(upload.lines.next()).rejects.toThrow("The answer ended.");
    await reader?.cut();
  });

  it("that are bad are answered by an error, and the rest goes on", async () => {
    const channel = newChannel();
    const huge = `{"type":"t","data":"${"x".repeat(300_000)}"}`;
    const body = [
      '{"type":"t","data":1}',
      "{",
      "",
      "[]",
      '{"type":"everywire.gap"}',
      huge,
      `{"type":"t","data":"${" ".repeat(3_000_000)}"}`,
      '{"type":"t","data":2,"id":"mine","source":"/me"}\r',
      '{"specversion":"1.0","id":"mine","source":"/me","type":"t","data":3}',
    ].join("\n");
    const lines = await linesOf(await post(`/stream/${channel}`, body));
    expect(
      lines.map(({ line, error, duplicate }) => [line, (error as Line | undefined)?.code ?? duplicate]),
    ).toEqual([
      [1, false],
      [2, "invalid_argument"],
      [4, "invalid_argument"],
      [5, "invalid_argument"],
      [6, "payload_too_large"],
      [7, "payload_too_large"],
      [8, false],
      [9, true],
    ]);
    expect(lines[7]).toMatchObject({ id: "mine", sequence: lines[6]?.sequence });
    expect((await eventsOf(channel)).map(({ data }) => data)).toEqual([1, 2]);
  });

  it("that are not UTF-8 are refused by themselves", async () => {
    const channel = newChannel();
    const body = Buffer.concat([
      Buffer.from('{"type":"t","data":"'),
      Buffer.of(0xff),
      Buffer.from('"}\n{"type":"t"}\n'),
    ]);
    const lines = await linesOf(await post(`/stream/${channel}`, new Uint8Array(body)));
    expect(lines).toMatchObject([
      { line: 1, error: { code: "invalid_argument" } },
      { line: 2, duplicate: false },
    ]);
  });

  it("are put together again wherever the network cut them", async () => {
    const channel = newChannel();
    const upload = await postDuplex(server, `/stream/${channel}`);
    upload.request.setNoDelay(true);
    const text = '{"type":"t","data":"ü☂😀"}\n{"type":"t","data":"\u2028"}\n';
    for (const byte of Buffer.from(text)) await upload.write(Uint8Array.of(byte));
    expect(await upload.lines.next()).toMatchObject({ line: 1 });
    expect(await upload.lines.next()).toMatchObject({ line: 2 });
    upload.end();
    expect((await eventsOf(channel)).map(({ data }) => data)).toEqual(["ü☂😀", "\u2028"]);
  });

  it("that come together keep their order, each with its own ack", async () => {
    const channel = newChannel();
    const body = Array.from({ length: 950 }, (_, n) => `{"type":"t","data":${n}}\n`).join("");
    const lines = await linesOf(await post(`/stream/${channel}`, body));
    expect(lines.map(({ line }) => line)).toEqual(Array.from({ length: 950 }, (_, n) => n + 1));
    const events = await eventsOf(channel);
    expect(events.map(({ data }) => data)).toEqual(Array.from({ length: 950 }, (_, n) => n));
    expect(events.map(({ sequence }) => sequence)).toEqual(lines.map(({ sequence }) => sequence));
  });

  it("in chunks of their own that arrive together keep their order, their errors and their duplicates", async () => {
    const channel = newChannel();
    const upload = await postDuplex(server, `/stream/${channel}`);
    const toLine = (n: number) => {
      if (n % 50 === 7) return "{\n";
      // The one before again, most often in the same batch.
      const id = n % 50 === 9 ? n - 1 : n;
      return `{"type":"t","data":${id},"id":"e${id}","source":"/me"}\n`;
    };
    const numbers = Array.from({ length: 300 }, (_, n) => n);
    // In windows, as who waits for answers now and then: so some find nothing under way, and most find something.
    const answers: Line[] = [];
    for (let from = 0; from < numbers.length; from += 60) {
      for (const n of numbers.slice(from, from + 60)) void upload.write(toLine(n));
      while (answers.length < from + 60) answers.push(await upload.lines.next());
    }
    upload.end();
    expect(answers.map(({ line }) => line)).toEqual(numbers.map((n) => n + 1));
    for (const [n, { error, duplicate, id, sequence }] of answers.entries()) {
      if (n % 50 === 7) {
        expect(error).toMatchObject({ code: "invalid_argument" });
        continue;
      }
      const isRepeated = n % 50 === 9;
      expect([id, duplicate]).toEqual([`e${isRepeated ? n - 1 : n}`, isRepeated]);
      if (isRepeated) expect(sequence).toBe(answers[n - 1]?.sequence);
    }
    const stored = answers.filter(({ duplicate }) => duplicate === false);
    expect((await eventsOf(channel)).map(({ id, sequence }) => [id, sequence])).toEqual(
      stored.map(({ id, sequence }) => [id, sequence]),
    );
  });

  it("that are cut in the middle leave whole lines, in order, and all that were acknowledged", async () => {
    const channel = newChannel();
    const upload = await postDuplex(server, `/stream/${channel}`);
    for (let n = 0; n < 120; n += 1) void upload.write(`{"type":"t","data":${n}}\n`);
    void upload.write('{"type":"t","data":"half');
    const first = await upload.lines.next();
    upload.request.destroy();
    const events = await eventsOf(channel);
    expect(events[0]).toMatchObject({ data: 0, sequence: first.sequence });
    expect(events.map(({ data }) => data)).toEqual(events.map((_, n) => n));
    expect(events.length).toBeLessThanOrEqual(120);
  });

  it("without any are answered by none", async () => {
    expect(await linesOf(await post(`/stream/${newChannel()}`, "\n\n"))).toEqual([]);
    const response = await fetch(`${server.url}/stream/${newChannel()}`, { method: "POST" });
    expect([response.status, (await response.text()).trim()]).toEqual([200, ""]);
  });

  it("over the rate are refused with the time to wait, or wait where the client asks for it", async () => {
    const body = '{"type":"t"}\n'.repeat(10);
    const send = async (query: string, channel: string) => {
      const answers: Line[] = [];
      const upload = await postDuplex(quick, `/stream/${channel}${query}`);
      for (let part = 0; part < 2; part += 1) {
        await upload.write(body);
        for (let line = 0; line < 10; line += 1) answers.push(await upload.lines.next());
      }
      upload.end();
      return answers;
    };
    const refused = await send("", newChannel());
    expect(refused.slice(0, 10).every(({ sequence }) => sequence !== undefined)).toBe(true);
    expect(refused.at(-1)?.error).toBeDefined();
    // Where the machine was slow, the rate had a little left again for the first of them.
    for (const { error, sequence } of refused.slice(10)) {
      if (sequence !== undefined) continue;
      expect(error).toMatchObject({ code: "rate_limited", retryAfterMs: expect.any(Number) });
    }
    const waited = await send("?rate=wait", newChannel());
    expect(waited.filter(({ sequence }) => sequence !== undefined)).toHaveLength(20);
  });

  it("that are more than the rate has left are taken as far as it goes", async () => {
    const upload = await postDuplex(quick, `/stream/${newChannel()}`);
    const answers: Line[] = [];
    for (const count of [5, 15]) {
      await upload.write('{"type":"t"}\n'.repeat(count));
      for (let line = 0; line < count; line += 1) answers.push(await upload.lines.next());
    }
    upload.end();
    const taken = answers.filter(({ sequence }) => sequence !== undefined);
    expect(taken.length).toBeGreaterThanOrEqual(10);
    expect(answers.slice(0, taken.length)).toEqual(taken);
    for (const { error } of answers.slice(taken.length))
      expect(error).toMatchObject({ code: "rate_limited" });
  });

  it("is told that it is alive, and that its token has expired", async () => {
    const alice = await quick.signIn("alice", { expiresIn: 3 });
    const upload = await postDuplex(alice, "/stream/rooms/a");
    await upload.heartbeats.next();
    await upload.heartbeats.next();
    await upload.write('{"type":"t"}\n');
    expect(await upload.lines.next()).toMatchObject({ line: 1, duplicate: false });
    expect(await upload.lines.next()).toMatchObject({ error: { code: "unauthenticated" } });
    await expect(upload.lines.next()).rejects.toThrow();
    upload.request.destroy();
  });
});

describe("events down", () => {
  const open = (path: string, headers: Record<string, string> = {}) => fetch(server.url + path, { headers });

  it("come one a line, after a header with the cursor to resume from", async () => {
    const channel = newChannel();
    const response = await open(`/stream/${channel}`);
    expect(response.headers.get("content-type")).toBe("application/x-ndjson");
    const cursor = response.headers.get("everywire-cursor") ?? "";
    await response.body?.cancel();
    await post(`/stream/${channel}`, '{"type":"t","data":"missed"}\n');
    const reader = await stream.read?.(server, channel, cursor);
    expect((await reader?.next())?.event).toMatchObject({ data: "missed" });
    await reader?.cut();
  });

  it("are followed by empty lines while nothing happens, and by an error where the token expires", async () => {
    const alice = await quick.signIn("alice", { expiresIn: 3 });
    const response = await fetch(toUrl(alice, "/stream/rooms/b"), { headers: toHeaders(alice) });
    const text = await response.text();
    expect(text).toMatch(/^\n{3,}/);
    expect(text.endsWith("\n")).toBe(true);
    expect(JSON.parse(text.trim())).toEqual({
      error: { code: "unauthenticated", message: expect.any(String) },
    });
  });

  it("end with an error where the channel is deleted", async () => {
    const channel = newChannel();
    await post(`/stream/${channel}`, '{"type":"t"}\n');
    const reader = await stream.read?.(server, channel);
    await fetch(`${server.url}/channels/${channel}`, { method: "DELETE" });
    await expect(reader?.next()).rejects.toMatchObject({ code: "gone" });
  });

  it("leave nothing behind when their reader goes", async () => {
    const channel = newChannel();
    const readers = await Promise.all(Array.from({ length: 20 }, () => stream.read?.(quick, channel)));
    expect(await readersOf(quick, channel)).toBe(20);
    for (const reader of readers) await reader?.cut();
    await expect.poll(() => readersOf(quick, channel), { timeout: 10_000 }).toBe(0);
  });
});

describe("a request that is refused", () => {
  const cases: [string, number, string, () => Promise<Response>][] = [
    [
      "a media type",
      415,
      "unsupported_media_type",
      () => post("/stream/demo/a", "", { "content-type": "text/plain" }),
    ],
    [
      "a coding",
      415,
      "unsupported_media_type",
      () => post("/stream/demo/a", "", { "content-encoding": "gzip" }),
    ],
    ["a channel", 400, "invalid_argument", () => post("/stream/demo//a", "")],
    ["a rate mode", 400, "invalid_argument", () => post("/stream/demo/a?rate=x", "")],
    ["an answer", 406, "not_acceptable", () => post("/stream/demo/a", "", { accept: "text/html" })],
    ["nobody", 401, "unauthenticated", () => post("/stream/rooms/a", "")],
    ["a method", 405, "method_not_allowed", () => post("/stream/demo/a", "", {}, "PUT")],
  ];
  it.each(cases)("because of %s is %i %s", async (_name, status, code, send) => {
    const response = await send();
    expect(response.status).toBe(status);
    expect(await response.json()).toMatchObject({ error: { code } });
  });

  it("because of its writer is 403", async () => {
    const alice = await server.signIn("alice");
    const response = await post("/stream/news", '{"type":"t"}\n', toHeaders(alice));
    expect(response.status).toBe(403);
  });
});

describe("a client that leaves in the middle", () => {
  it("has published what was acknowledged, and harms nobody", async () => {
    const channel = newChannel();
    const upload = await postDuplex(server, `/stream/${channel}`);
    await upload.write('{"type":"t","data":1}\n{"type":"t","da');
    await upload.lines.next();
    upload.request.destroy();
    await once(upload.request, "close");
    expect((await eventsOf(channel)).map(({ data }) => data)).toEqual([1]);
  });
});
