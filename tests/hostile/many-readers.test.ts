import { afterAll, beforeAll, expect, it } from "vitest";
import type { Reader } from "../../bench/readers.ts";
import { openReaders } from "../../bench/readers.ts";
import { http } from "../conformance/doors/http.ts";
import type { ServedTarget } from "../conformance/serve-target.ts";
import { serveTarget } from "../conformance/serve-target.ts";

const EACH = 1000;
const CHANNEL = "demo/many-readers";
let served: ServedTarget;
let readers: readonly Reader[] = [];
beforeAll(async () => {
  served = await serveTarget();
}, 60_000);
afterAll(async () => {
  for (const reader of readers) reader.leave();
  await served.stop();
});

it(`reaches ${EACH} idle SSE and ${EACH} idle WebSocket readers with every event, once each`, async () => {
  const received = new Array<number>(2 * EACH).fill(0);
  const arrived = Promise.withResolvers<void>();
  let missing = 2 * received.length;
  const onEvent = (index: number) => {
    received[index] = (received[index] ?? 0) + 1;
    missing -= 1;
    if (missing === 0) arrived.resolve();
  };
  readers = [
    ...(await openReaders("SSE", `${served.url}/sse/${CHANNEL}`, EACH, onEvent)),
    ...(await openReaders("WebSocket", `${served.url}/ws/${CHANNEL}`, EACH, (index) =>
      onEvent(EACH + index),
    )),
  ];
  // The text by which the readers of the lab know an event.
  for (const n of [1, 2])
    await http.publish?.({ url: served.url }, CHANNEL, { type: "t", data: { n, text: "xxxxxxxx" } });
  await arrived.promise;
  expect(received).toEqual(new Array<number>(2 * EACH).fill(2));
}, 60_000);
