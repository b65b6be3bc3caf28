import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { Target } from "./door-driver.ts";
import { readers } from "./doors.ts";
import { assertOk, toUrl } from "./http-exchange.ts";
import type { ServedTarget } from "./serve-target.ts";
import { serveTarget } from "./serve-target.ts";

const EVENTS = 10_000;
const BATCH = 100;

let served: ServedTarget;
beforeAll(async () => {
  served = await serveTarget({}, { withGateway: true });
}, 60_000);
afterAll(() => served.stop());

/** Publishes `EVENTS` numbers in batches, each when the one before was answered. */
async function publishAll(target: Target, channel: string): Promise<void> {
  for (let from = 0; from < EVENTS; from += BATCH) {
    const body = Array.from({ length: BATCH }, (_, index) => ({ type: "count", data: from + index }));
    const response = await fetch(toUrl(target, `/channels/${channel}`), {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
    });
    await assertOk(response);
  }
}

it("one reader goes from door to door while 10,000 events are published: none is lost, none comes twice", async () => {
  const target = { url: served.url, tcpPorts: served.tcpPorts, gateway: served.gateway };
  const channel = `demo/${randomUUID()}`;
  const publishing = publishAll(target, channel);
  const share = Math.ceil(EVENTS / readers.length);
  let cursor: string | undefined = "earliest";
  let expected = 0;
  for (const door of readers) {
    const reader = await door.read(target, channel, cursor);
    const end = Math.min(EVENTS, expected + share);
    for (; expected < end; expected += 1) {
      const { event } = await reader.next(30_000);
      expect(event.data, `${door.name} after ${cursor}`).toBe(expected);
    }
    cursor = reader.cursor;
    await reader.cut();
  }
  await publishing;
  expect(expected).toBe(EVENTS);
}, 120_000);
