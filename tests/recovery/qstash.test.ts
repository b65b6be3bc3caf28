import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { buildIfStale } from "../../scripts/build.ts";
import type { Served } from "../../scripts/serve.ts";
import { serve } from "../../scripts/serve.ts";
import { QstashReceiver } from "../conformance/qstash-receiver.ts";
import { connect, eventually } from "../conformance/qstash-target.ts";

let stateDirectory: string;
let receiver: QstashReceiver;
let served: Served;

const start = async (environment: Readonly<Record<string, string>> = {}) => {
  served = await serve({ port: 0, stateDirectory, environment });
  return connect(served);
};

beforeEach(async () => {
  await buildIfStale();
  stateDirectory = await mkdtemp(join(tmpdir(), "everywire-qstash-"));
  receiver = await QstashReceiver.listen();
});
afterEach(async () => {
  await served.stop();
  await receiver.close();
  await rm(stateDirectory, { recursive: true, force: true });
});

test("what was answered with a message id is delivered, though the runtime is killed right after", async () => {
  const { client } = await start();
  const url = receiver.on("/killed", (_, count) => ({ status: count % 3 === 0 ? 500 : 200 }));
  const publish = (body: string) => client.publish({ url, body, retries: 50, retryDelay: "50" });
  const answered = new Set<string>();
  const publishing = Promise.allSettled(
    Array.from({ length: 200 }, async (_, n) => answered.add((await publish(`${n}`)).messageId)),
  );
  await eventually(
    async () => answered.size,
    (size) => size >= 60,
  );
  await served.kill();
  await publishing;
  const toDeliver = [...answered];

  // Twice more, and nobody asks the stand-in for anything: it goes on by itself.
  const hasArrived = () =>
    new Set(
      receiver
        .at("/killed")
        .filter((_, count) => count % 3 !== 0)
        .map(({ headers }) => headers["upstash-message-id"]),
    );
  for (const part of [0.5, 0.8]) {
    await start();
    await eventually(
      async () => toDeliver.filter((id) => hasArrived().has(id)).length,
      (count) => count >= toDeliver.length * part,
    );
    await served.kill();
  }
  await start();
  await eventually(
    async () => toDeliver.filter((id) => !hasArrived().has(id)),
    (missing) => missing.length === 0,
  );
});

test("what was under way when the runtime was killed is sent again, and its retries are not used up", async () => {
  const { client } = await start();
  const url = receiver.on("/under-way", (_, count) => (count === 0 ? undefined : { status: 200 }));
  const { messageId } = await client.publish({ url, body: "x", retries: 0 });
  await receiver.waitFor("/under-way");
  await served.kill();
  await start();
  const [, again] = await receiver.waitFor("/under-way", 2);
  expect(again?.headers).toMatchObject({ "upstash-message-id": messageId, "upstash-retried": "0" });
});

test("delays, queues, dead letters, schedules, groups and keys outlive the runtime", async () => {
  const before = await start();
  const { client } = before;
  const dead = receiver.on("/dead", () => ({ status: 500 }));
  const { messageId: deadId } = await client.publish({ url: dead, body: "", retries: 0 });
  await eventually(
    () => client.dlq.listMessages(),
    ({ messages }) => messages.length === 1,
  );
  const publishedMs = Date.now();
  await client.publish({ url: `${receiver.url}/delayed`, body: "", delay: 2 });
  const queue = client.queue({ queueName: "ordered" });
  await queue.upsert({ parallelism: 1, paused: true });
  for (const n of [0, 1, 2, 3, 4]) await queue.enqueue({ url: `${receiver.url}/ordered`, body: `${n}` });
  await client.schedules.create({ scheduleId: "kept", destination: dead, cron: "0 0 1 1 *" });
  await client.urlGroups.addEndpoints({ name: "kept", endpoints: [{ url: dead }] });
  const repeated = await client.publish({ url: `${receiver.url}/once`, body: "", deduplicationId: "once" });
  await receiver.waitFor("/once");
  const rotate = async () => (await before.request("/v2/keys/rotate", { method: "POST" })).json();
  const keys = await rotate();
  await served.kill();

  const after = await start();
  const [delayed] = await receiver.waitFor("/delayed");
  expect(delayed?.atMs).toBeGreaterThanOrEqual(publishedMs + 2000);
  expect((await after.client.dlq.listMessages()).messages.map(({ messageId }) => messageId)).toEqual([
    deadId,
  ]);
  expect(await after.client.queue({ queueName: "ordered" }).get()).toMatchObject({ paused: true, lag: 5 });
  await after.client.queue({ queueName: "ordered" }).resume();
  const ordered = await receiver.waitFor("/ordered", 5);
  expect(ordered.map(({ body }) => body)).toEqual(["0", "1", "2", "3", "4"]);
  expect(await after.client.schedules.get("kept")).toMatchObject({ cron: "0 0 1 1 *" });
  expect(await after.client.urlGroups.get("kept")).toMatchObject({ endpoints: [{ url: dead }] });
  expect(
    await after.client.publish({ url: `${receiver.url}/once`, body: "", deduplicationId: "once" }),
  ).toMatchObject({
    messageId: repeated.messageId,
    deduplicated: true,
  });
  expect(await (await after.request("/v2/keys")).json()).toEqual(keys);
  await served.kill();

  // Settings come first again where they are changed.
  const changed = await start({ QSTASH_CURRENT_SIGNING_KEY: "sig_a", QSTASH_NEXT_SIGNING_KEY: "sig_b" });
  expect(await (await changed.request("/v2/keys")).json()).toEqual({ current: "sig_a", next: "sig_b" });
});
