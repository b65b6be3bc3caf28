import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { http } from "./doors/http.ts";
import type { ServedTarget } from "./serve-target.ts";
import { serveTarget } from "./serve-target.ts";

let server: ServedTarget;
beforeAll(async () => {
  server = await serveTarget();
});
afterAll(() => server.stop());

interface Answer {
  readonly events: readonly { type: string; data: unknown; sequence?: string }[];
  readonly next: string;
  readonly timeout: boolean;
}

const publish = (channel: string, data: unknown) => http.publish?.(server, channel, { type: "t", data });

async function poll(channel: string, query: string): Promise<Answer> {
  const response = await fetch(`${server.url}/poll/${channel}?${query}`);
  expect(response.status).toBe(200);
  expect(response.headers.get("cache-control")).toBe("no-store");
  return (await response.json()) as Answer;
}

describe("a long poll", () => {
  it("ends with nothing when its time is over, and says where to go on", async () => {
    const startedMs = performance.now();
    const first = await poll("demo/empty", "timeout=1");
    expect(performance.now() - startedMs).toBeGreaterThan(900);
    expect(first).toEqual({ events: [], next: expect.any(String), timeout: true });
    await publish("demo/empty", "between");
    const second = await poll("demo/empty", `timeout=10&after=${first.next}`);
    expect(second).toMatchObject({ events: [{ data: "between" }], timeout: false });
  });

  it("ends at once with what is there, at most `limit` of it", async () => {
    for (let n = 0; n < 3; n += 1) await publish("demo/there", n);
    const first = await poll("demo/there", "after=earliest&limit=2");
    expect(first.events.map((event) => event.data)).toEqual([0, 1]);
    const second = await poll("demo/there", `after=${first.next}&timeout=0`);
    expect(second.events.map((event) => event.data)).toEqual([2]);
  });

  it("waits, and ends with the first event", async () => {
    const { next } = await poll("demo/wait", "timeout=0");
    const waiting = poll("demo/wait", `timeout=30&after=${next}`);
    const published = await publish("demo/wait", "now");
    expect(await waiting).toMatchObject({
      events: [{ data: "now" }],
      next: published?.sequence,
      timeout: false,
    });
  });

  it("tells of a gap at once, before any event", async () => {
    await publish("demo/gap", 1);
    const { events, timeout } = await poll("demo/gap", "after=000000000001-0000000001");
    expect(events.map((event) => event.type)).toEqual(["everywire.gap", "t"]);
    expect(timeout).toBe(false);
  });

  it.each(["timeout=61", "timeout=-1", "timeout=1.5", "timeout=x", "after=x", "limit=0"])(
    "with %s is 400 invalid_argument",
    async (query) => {
      const response = await fetch(`${server.url}/poll/demo/bad?${query}`);
      expect(response.status).toBe(400);
      expect(await response.json()).toMatchObject({ error: { code: "invalid_argument" } });
    },
  );

  it("is refused to an anonymous reader of a closed channel", async () => {
    expect((await fetch(`${server.url}/poll/rooms/lobby?timeout=0`)).status).toBe(401);
  });

  it("answers HEAD without waiting", async () => {
    const startedMs = performance.now();
    expect((await fetch(`${server.url}/poll/demo/head`, { method: "HEAD" })).status).toBe(200);
    expect(performance.now() - startedMs).toBeLessThan(5000);
  });
});
